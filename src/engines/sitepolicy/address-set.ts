/**
 * A set of up to a million addresses and blocks, each with an optional end, as sorted disjoint
 * ranges in typed arrays. Looking up costs the same for ten entries and for a million; the packed
 * form is what travels and what lies on disk.
 */
import { parsePrefix } from "../netpolicy/prefix.ts";
import { readAddress } from "./address.ts";

export type AddressEntry = { readonly cidr: string; readonly expiresAtMs: number | null };

export type AddressSet = {
  readonly starts4: Uint32Array;
  readonly ends4: Uint32Array;
  /** Seconds since the epoch; `NEVER` for an entry without an end. */
  readonly expiries4: Uint32Array;
  /** For the upper half of an address: the first range that starts at or above it. */
  readonly index4: Uint32Array;
  /** Four words each, most significant first. */
  readonly starts6: Uint32Array;
  readonly ends6: Uint32Array;
  readonly expiries6: Uint32Array;
};

export type EntryFault = { readonly at: number; readonly cidr: string };

const NEVER = 0xffff_ffff;
const MAPPED = 0xffff;
const MAGIC = 0x31534c43;
const HEADER_WORDS = 4;
const FAULTS_MAX = 20;

type Range<N extends number | bigint> = { readonly start: N; readonly end: N; expiry: number };

/** Builds a set; entries that cannot be read are told, up to 20, and left out. */
export function addressSetOf(entries: Iterable<AddressEntry>): {
  readonly set: AddressSet;
  readonly faults: readonly EntryFault[];
} {
  const v4: Range<number>[] = [];
  const v6: Range<bigint>[] = [];
  const faults: EntryFault[] = [];
  let at = -1;
  for (const { cidr, expiresAtMs } of entries) {
    at++;
    const prefix = parsePrefix(cidr);
    const expiry = expiresAtMs === null ? NEVER : Math.ceil(expiresAtMs / 1_000);
    if (prefix === undefined) {
      if (faults.length < FAULTS_MAX) faults.push({ at, cidr });
    } else if (prefix.family === 4) {
      const start = Number(prefix.network);
      v4.push({ start, end: start + 2 ** (32 - prefix.bits) - 1, expiry });
    } else {
      const end = prefix.network + (1n << BigInt(128 - prefix.bits)) - 1n;
      v6.push({ start: prefix.network, end, expiry });
    }
  }
  const ranges4 = disjoint(v4, (value, by) => value + by);
  const ranges6 = disjoint(v6, (value, by) => value + BigInt(by));
  return { set: setOf(ranges4, ranges6), faults };
}

/**
 * Blocks either nest or are apart, so one pass with a stack makes ranges that do not overlap; the
 * latest end of those that cover an address counts.
 */
function disjoint<N extends number | bigint>(
  ranges: Range<N>[],
  step: (value: N, by: 1 | -1) => N,
): Range<N>[] {
  ranges.sort((left, right) => {
    if (left.start !== right.start) return left.start < right.start ? -1 : 1;
    return left.end > right.end ? -1 : left.end === right.end ? 0 : 1;
  });
  const out: Range<N>[] = [];
  const open: Range<N>[] = [];
  let from: N | undefined;
  const emit = (end: N, expiry: number): void => {
    if (from === undefined || from > end) return;
    const last = out.at(-1);
    if (last !== undefined && last.expiry === expiry && step(last.end, 1) === from) out.pop();
    const start = last !== undefined && out.at(-1) !== last ? last.start : from;
    out.push({ start, end, expiry });
    from = step(end, 1);
  };
  const closeBefore = (start: N | undefined): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      if (start !== undefined && top.end >= start) return;
      emit(top.end, top.expiry);
      open.pop();
    }
  };
  for (const range of ranges) {
    closeBefore(range.start);
    const outer = open.at(-1);
    if (outer !== undefined) {
      if (range.expiry <= outer.expiry) continue;
      if (from !== undefined && from < range.start) emit(step(range.start, -1), outer.expiry);
    }
    from = range.start;
    open.push(range);
  }
  closeBefore(undefined);
  return out;
}

function setOf(ranges4: readonly Range<number>[], ranges6: readonly Range<bigint>[]): AddressSet {
  const words6 = (pick: (range: Range<bigint>) => bigint): Uint32Array => {
    const words = new Uint32Array(ranges6.length * 4);
    for (const [at, range] of ranges6.entries()) {
      const value = pick(range);
      for (let word = 0; word < 4; word++) {
        words[at * 4 + word] = Number((value >> BigInt(96 - 32 * word)) & 0xffff_ffffn);
      }
    }
    return words;
  };
  const starts4 = Uint32Array.from(ranges4, ({ start }) => start);
  return {
    starts4,
    ends4: Uint32Array.from(ranges4, ({ end }) => end),
    expiries4: Uint32Array.from(ranges4, ({ expiry }) => expiry),
    index4: indexOf(starts4),
    starts6: words6(({ start }) => start),
    ends6: words6(({ end }) => end),
    expiries6: Uint32Array.from(ranges6, ({ expiry }) => expiry),
  };
}

function indexOf(starts: Uint32Array): Uint32Array {
  const index = new Uint32Array(65_537);
  let at = 0;
  for (let high = 0; high < 65_536; high++) {
    while (at < starts.length && (starts[at] ?? 0) >>> 16 < high) at++;
    index[high] = at;
  }
  index[65_536] = starts.length;
  return index;
}

const words = new Uint32Array(4);

/** Whether an address is in the set at a time. */
export function holdsAddress(set: AddressSet, address: string, nowMs: number): boolean {
  if (!readAddress(address, words)) return false;
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === MAPPED;
  const now = Math.floor(nowMs / 1_000);
  return isMapped ? holds4(set, words[3] ?? 0, now) : holds6(set, now);
}

function holds4(set: AddressSet, address: number, now: number): boolean {
  const { starts4, ends4, expiries4, index4 } = set;
  const high = address >>> 16;
  // The last range that starts at or below the address lies between these two.
  let low = (index4[high] ?? 0) - 1;
  let above = index4[high + 1] ?? 0;
  while (above - low > 1) {
    const middle = (low + above) >>> 1;
    if ((starts4[middle] ?? 0) <= address) low = middle;
    else above = middle;
  }
  if (low < 0 || (ends4[low] ?? 0) < address) return false;
  return (expiries4[low] ?? 0) > now;
}

function holds6({ starts6, ends6, expiries6 }: AddressSet, now: number): boolean {
  let low = -1;
  let above = expiries6.length;
  while (above - low > 1) {
    const middle = (low + above) >>> 1;
    if (compareAt(starts6, middle) <= 0) low = middle;
    else above = middle;
  }
  if (low < 0 || compareAt(ends6, low) < 0) return false;
  return (expiries6[low] ?? 0) > now;
}

/** The bound at a place against the address last read: below 0 when it is smaller. */
function compareAt(bounds: Uint32Array, at: number): number {
  for (let word = 0; word < 4; word++) {
    const bound = bounds[at * 4 + word] ?? 0;
    const asked = words[word] ?? 0;
    if (bound !== asked) return bound < asked ? -1 : 1;
  }
  return 0;
}

/** Ranges of a set; entries that lie beside or in each other count as one. */
export const rangesIn = (set: AddressSet): number => set.starts4.length + set.expiries6.length;

/** Magic, the two counts, a reserved word, then the arrays; little-endian 32-bit words. */
export function packAddressSet(set: AddressSet): Buffer {
  const { starts4, ends4, expiries4, starts6, ends6, expiries6 } = set;
  const header = Uint32Array.of(MAGIC, starts4.length, expiries6.length, 0);
  const parts = [header, starts4, ends4, expiries4, starts6, ends6, expiries6];
  return Buffer.concat(
    parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
}

/** Reads the packed form. @throws Error when the bytes are none. */
export function unpackAddressSet(packed: Buffer): AddressSet {
  const bytes = new Uint8Array(packed.byteLength - (packed.byteLength % 4));
  bytes.set(packed.subarray(0, bytes.length));
  const all = new Uint32Array(bytes.buffer);
  const [magic, count4 = 0, count6 = 0] = all;
  const wanted = HEADER_WORDS + count4 * 3 + count6 * 9;
  if (magic !== MAGIC || packed.byteLength !== wanted * 4) {
    throw new Error("Cannot read the address list: it is no packed list, or is cut short");
  }
  let at = HEADER_WORDS;
  const take = (length: number): Uint32Array => {
    at += length;
    return all.subarray(at - length, at);
  };
  const starts4 = take(count4);
  return {
    starts4,
    ends4: take(count4),
    expiries4: take(count4),
    index4: indexOf(starts4),
    starts6: take(count6 * 4),
    ends6: take(count6 * 4),
    expiries6: take(count6),
  };
}
