/**
 * Blocked sources as an nftables script: one table of Cordon's own, replaced in one transaction.
 * Pure text; it neither runs nft nor touches any other table.
 */
import { disjointPrefixes, type TimedPrefix } from "./disjoint.ts";
import { formatPrefix, parsePrefix } from "./prefix.ts";

/** A source as the control plane wants it blocked. `siteId` null: for every site of the account. */
export type BlockedSource = {
  readonly cidr: string;
  readonly accountId: string;
  readonly siteId: string | null;
  /** RFC 3339. */
  readonly expiresAt: string;
};

export type Blocklist = {
  /** For `nft -f -`. */
  readonly script: string;
  /** Elements of both sets together. */
  readonly elementCount: number;
  /** What is wanted and cannot be enforced on packets, in words for the operator. */
  readonly messages: readonly string[];
};

export const limits = {
  /** Widest blocks; a wider one would cut off a part of the Internet. */
  prefixBits4Min: 16,
  prefixBits6Min: 32,
  elementsMax: 65_536,
  /** Longest timeout of an element: 30 days, the longest block that can be asked for. */
  timeoutSecondsMax: 2_592_000,
  portsMax: 16,
  messagesMax: 20,
} as const;

export const table = { family: "inet", name: "cordon" } as const;

/** Deletes the table, whether it is there or not. */
export const removalScript = [
  `add table ${table.family} ${table.name}`,
  `delete table ${table.family} ${table.name}`,
  "",
].join("\n");

const PORT_MAX = 65_535;
const QUOTED_CHARACTERS_MAX = 64;

/**
 * Compiles blocked sources for these TCP ports.
 *
 * A packet carries no site and no account. So only sources blocked for every site are taken, and
 * none at all when the list names more than one account: one tenant's block must not close
 * another's sites. An account without a blocked source cannot be seen here. What is left out is
 * enforced by the gateway, which knows the site.
 *
 * @param options.ports TCP ports of the gateway; whole numbers from 1 to 65535.
 * @throws RangeError when a port is none, for that is a mistake of the program.
 */
export function compileBlocklist(
  sources: readonly BlockedSource[],
  options: { ports: readonly number[]; nowMs: number },
): Blocklist {
  const ports = [...new Set(options.ports)].sort((a, b) => a - b);
  const wrong = ports.find((port) => !Number.isInteger(port) || port < 1 || port > PORT_MAX);
  if (wrong !== undefined || ports.length === 0 || ports.length > limits.portsMax) {
    throw new RangeError(`Cannot compile the block list for the ports [${ports.join(", ")}]`);
  }
  const messages: string[] = [];
  const wanted = readSources(enforceable(sources, messages), options.nowMs, messages);
  const elements = disjointPrefixes(wanted);
  if (elements.length > limits.elementsMax) {
    const over = elements.length - limits.elementsMax;
    messages.push(
      `${over} of ${elements.length} blocked ranges are left to the gateway: ` +
        `the packet filter takes ${limits.elementsMax}`,
    );
    elements.length = limits.elementsMax;
  }
  return {
    script: scriptOf(elements, ports, options.nowMs),
    elementCount: elements.length,
    messages: bounded(messages),
  };
}

function enforceable(sources: readonly BlockedSource[], messages: string[]): BlockedSource[] {
  const accounts = new Set(sources.map(({ accountId }) => accountId));
  if (accounts.size > 1) {
    messages.push(
      `The sources blocked by ${accounts.size} accounts are left to the gateway: ` +
        "a packet does not show whose site it is for",
    );
    return [];
  }
  const general = sources.filter(({ siteId }) => siteId === null);
  const left = sources.length - general.length;
  if (left > 0) {
    messages.push(
      `Blocks of single sites are left to the gateway (${left}): ` +
        "a packet does not show which site it is for",
    );
  }
  return general;
}

function readSources(
  sources: readonly BlockedSource[],
  nowMs: number,
  messages: string[],
): TimedPrefix[] {
  const read: TimedPrefix[] = [];
  for (const { cidr, expiresAt } of sources) {
    const prefix = parsePrefix(cidr);
    const expiresAtMs = Date.parse(expiresAt);
    const quoted = JSON.stringify(cidr.slice(0, QUOTED_CHARACTERS_MAX));
    const bitsMin = prefix?.family === 4 ? limits.prefixBits4Min : limits.prefixBits6Min;
    if (prefix === undefined) {
      messages.push(`Cannot block ${quoted}: it is neither an address nor a prefix`);
    } else if (prefix.bits < bitsMin) {
      messages.push(`Cannot block ${quoted}: the widest block is /${bitsMin}`);
    } else if (Number.isNaN(expiresAtMs)) {
      messages.push(`Cannot block ${quoted}: its end is no time`);
    } else if (expiresAtMs > nowMs) {
      read.push({ ...prefix, expiresAtMs });
    }
  }
  return read;
}

function bounded(messages: readonly string[]): string[] {
  if (messages.length <= limits.messagesMax) return [...messages];
  const shown = messages.slice(0, limits.messagesMax - 1);
  return [...shown, `… and ${messages.length - shown.length} more`];
}

/** INVARIANT: only numbers and canonical prefixes are put in; no text of the intent is. */
function scriptOf(
  elements: readonly TimedPrefix[],
  ports: readonly number[],
  nowMs: number,
): string {
  const name = `${table.family} ${table.name}`;
  const dropped = `tcp dport { ${ports.join(", ")} } drop`;
  return [
    // Adding first makes the deletion succeed on a machine that has no such table yet.
    `add table ${name}`,
    `delete table ${name}`,
    `add table ${name}`,
    `add set ${name} blocked4 { type ipv4_addr; flags interval, timeout; }`,
    `add set ${name} blocked6 { type ipv6_addr; flags interval, timeout; }`,
    ...elements.map((element) => {
      const seconds = Math.ceil((element.expiresAtMs - nowMs) / 1_000);
      const timeoutSeconds = Math.min(seconds, limits.timeoutSecondsMax);
      const set = `blocked${element.family}`;
      return `add element ${name} ${set} { ${formatPrefix(element)} timeout ${timeoutSeconds}s }`;
    }),
    `add chain ${name} input { type filter hook input priority -10; policy accept; }`,
    `add rule ${name} input iifname "lo" accept`,
    `add rule ${name} input ip saddr @blocked4 ${dropped}`,
    `add rule ${name} input ip6 saddr @blocked6 ${dropped}`,
    "",
  ].join("\n");
}
