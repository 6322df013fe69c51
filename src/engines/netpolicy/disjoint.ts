/**
 * Nested prefixes with ends of their own, as disjoint ones: an nftables interval set refuses
 * overlaps, and an inner block that lasts longer must outlive the outer one.
 */
import { addressBits, type Prefix } from "./prefix.ts";

export type TimedPrefix = Prefix & { readonly expiresAtMs: number };

type Node = { readonly prefix: TimedPrefix; readonly inner: TimedPrefix[] };

/**
 * Disjoint prefixes that cover every address of the input until the latest end that names it.
 * Ordered by family and address.
 */
export function disjointPrefixes(prefixes: readonly TimedPrefix[]): TimedPrefix[] {
  const kept: Node[] = [];
  // Those that contain the one at hand, outermost first. At most one per prefix length.
  const around: Node[] = [];
  for (const prefix of [...prefixes].sort(byAddress)) {
    while (around.length > 0 && !contains(around.at(-1)?.prefix, prefix)) around.pop();
    const parent = around.at(-1);
    // INVARIANT: along `around` the ends strictly increase, so the last one decides.
    if (parent !== undefined && parent.prefix.expiresAtMs >= prefix.expiresAtMs) continue;
    parent?.inner.push(prefix);
    const node = { prefix, inner: [] };
    around.push(node);
    kept.push(node);
  }
  return kept.flatMap(({ prefix, inner }) => without(prefix, inner)).sort(byAddress);
}

/** Equal prefixes stand with the latest end first, so that the others fall to it. */
function byAddress(a: TimedPrefix, b: TimedPrefix): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.network !== b.network) return a.network < b.network ? -1 : 1;
  return a.bits - b.bits || b.expiresAtMs - a.expiresAtMs;
}

function contains(outer: Prefix | undefined, inner: Prefix): boolean {
  if (outer === undefined || outer.family !== inner.family || outer.bits > inner.bits) return false;
  const hostBits = BigInt(addressBits(outer.family) - outer.bits);
  return outer.network >> hostBits === inner.network >> hostBits;
}

/** The prefix less what lies in `holes` (disjoint, inside it): depth ≤ 128. */
function without(prefix: TimedPrefix, holes: readonly TimedPrefix[]): TimedPrefix[] {
  if (holes.length === 0) return [prefix];
  if (holes.some((hole) => hole.bits <= prefix.bits)) return [];
  const bits = prefix.bits + 1;
  const upper = 1n << BigInt(addressBits(prefix.family) - bits);
  return [prefix.network, prefix.network + upper].flatMap((network) => {
    const half = { ...prefix, network, bits };
    return without(
      half,
      holes.filter((hole) => contains(half, hole)),
    );
  });
}
