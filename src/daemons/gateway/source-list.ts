/** Blocked and allowed sources: longest prefix wins, an entry ends at its time without a sweep. */
import { parseCidr, type SourceIntent } from "./intent.ts";

type Entry = {
  readonly action: "block" | "allow";
  readonly accountId: string;
  readonly siteId: string | null;
  readonly expiresAtMs: number;
  readonly responseId: string | null;
};

/** Entries by prefix length, then by the network bits of the address. */
export type SourceList = {
  readonly prefixes: readonly { bits: number; entries: ReadonlyMap<string, readonly Entry[]> }[];
};

/** Builds the list; cost of a look-up is one Map probe per distinct prefix length. */
export function compileSources(sources: readonly SourceIntent[]): SourceList {
  const byBits = new Map<number, Map<string, Entry[]>>();
  for (const source of sources) {
    const cidr = parseCidr(source.cidr);
    const bytes = cidr === null ? null : addressBits(cidr.address);
    if (cidr === null || bytes === null) continue;
    const bits = cidr.family === 4 ? cidr.prefix + 96 : cidr.prefix;
    const key = bytes.substring(0, bits);
    const entries = byBits.get(bits) ?? new Map<string, Entry[]>();
    byBits.set(bits, entries);
    const same = entries.get(key) ?? [];
    entries.set(key, same);
    same.push({
      action: source.action,
      accountId: source.accountId,
      siteId: source.siteId,
      expiresAtMs:
        source.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(source.expiresAt),
      responseId: source.responseId,
    });
  }
  const prefixes = [...byBits].map(([bits, entries]) => ({ bits, entries }));
  return { prefixes: prefixes.sort((a, b) => b.bits - a.bits) };
}

/**
 * The entry that decides for this source at this site, or null. The longest prefix wins, then an
 * entry of the site over one of the account, then allow over block.
 */
export function decideSource(
  list: SourceList,
  address: string,
  where: { accountId: string; siteId: string; nowMs: number },
): { action: "block" | "allow"; responseId: string | null } | null {
  if (list.prefixes.length === 0) return null;
  const bits = addressBits(address);
  if (bits === null) return null;
  for (const prefix of list.prefixes) {
    const entries = prefix.entries.get(bits.substring(0, prefix.bits));
    if (entries === undefined) continue;
    let best: Entry | null = null;
    for (const entry of entries) {
      if (entry.accountId !== where.accountId || entry.expiresAtMs <= where.nowMs) continue;
      if (entry.siteId !== null && entry.siteId !== where.siteId) continue;
      if (best === null || weight(entry) > weight(best)) best = entry;
    }
    if (best !== null) return best;
  }
  return null;
}

const weight = (entry: Entry): number =>
  (entry.siteId === null ? 0 : 2) + (entry.action === "allow" ? 1 : 0);

/** 128 characters 0/1; IPv4 is mapped into ::ffff:0:0/96, as sockets report it. */
function addressBits(address: string): string | null {
  if (!address.includes(":")) return ipv4Bits(address);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return ipv4Bits(mapped);
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = 8 - groups.length - rest.length;
  if (zeros < 0 || (tail === undefined && zeros !== 0)) return null;
  const all = [...groups, ...Array<string>(zeros).fill("0"), ...rest];
  return all.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, "0")).join("");
}

const mappedPrefix = "0".repeat(80) + "1".repeat(16);

function ipv4Bits(address: string): string | null {
  const parts = address.split(".");
  if (parts.length !== 4) return null;
  return mappedPrefix + parts.map((part) => Number(part).toString(2).padStart(8, "0")).join("");
}
