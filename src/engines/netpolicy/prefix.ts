/**
 * IP prefixes as numbers: strict reading and canonical text (RFC 4632, RFC 5952). Text that leaves
 * here is made from the number alone, never from what was read.
 */

export type Prefix = {
  readonly family: 4 | 6;
  /** The network address; host bits are zero. */
  readonly network: bigint;
  /** Length of the prefix in bits. */
  readonly bits: number;
};

const TEXT_CHARACTERS_MAX = 64;
const MAPPED_PREFIX = 0xffffn;

/** Width of an address in bits. */
export const addressBits = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/**
 * Reads an address or a prefix; host bits are cleared, an IPv4-mapped IPv6 prefix becomes IPv4.
 *
 * @returns undefined when the text is neither (also: zones, ports, white space, leading zeros).
 */
export function parsePrefix(text: string): Prefix | undefined {
  if (text.length > TEXT_CHARACTERS_MAX) return undefined;
  const [addressText = "", bitsText, ...rest] = text.split("/");
  if (rest.length > 0) return undefined;
  const family = addressText.includes(":") ? 6 : 4;
  const address = family === 4 ? parseIpv4(addressText) : parseIpv6(addressText);
  const bits = bitsText === undefined ? addressBits(family) : parseBits(bitsText, family);
  if (address === undefined || bits === undefined) return undefined;
  if (family === 6 && address >> 32n === MAPPED_PREFIX && bits >= 96) {
    return masked({ family: 4, network: address & 0xffff_ffffn, bits: bits - 96 });
  }
  return masked({ family, network: address, bits });
}

/** Canonical text, always with its length: `203.0.113.7/32`, `2001:db8::/32`. */
export function formatPrefix({ family, network, bits }: Prefix): string {
  return `${family === 4 ? formatIpv4(network) : formatIpv6(network)}/${bits}`;
}

function masked(prefix: Prefix): Prefix {
  const hostBits = BigInt(addressBits(prefix.family) - prefix.bits);
  return { ...prefix, network: (prefix.network >> hostBits) << hostBits };
}

function parseBits(text: string, family: 4 | 6): number | undefined {
  if (!/^(0|[1-9]\d{0,2})$/.test(text)) return undefined;
  return Number(text) <= addressBits(family) ? Number(text) : undefined;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let address = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = (address << 8n) | BigInt(part);
  }
  return address;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? joinGroups(head) : undefined;
  // An embedded IPv4 address may only stand at the very end.
  if (tail === undefined || text.slice(0, text.indexOf("::")).includes(".")) return undefined;
  const zeros = 8 - head.length - tail.length;
  if (zeros < 1) return undefined;
  return joinGroups([...head, ...Array<number>(zeros).fill(0), ...tail]);
}

function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const ipv4 = at === parts.length - 1 ? parseIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      groups.push(Number(ipv4 >> 16n), Number(ipv4 & 0xffffn));
    }
  }
  return groups;
}

const joinGroups = (groups: readonly number[]): bigint =>
  groups.reduce((address, group) => (address << 16n) | BigInt(group), 0n);

function formatIpv4(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 0xffn)).join(".");
}

function formatIpv6(address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    Number((address >> BigInt(112 - 16 * at)) & 0xffffn),
  );
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let at = 0; at <= groups.length; at += 1) {
    if (groups[at] === 0) continue;
    if (at - start > best.length) best = { start, length: at - start };
    start = at + 1;
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (best.length < 2) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}
