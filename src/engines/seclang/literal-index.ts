/**
 * Finds which of many literals a text contains, in one pass and without case: a table of byte
 * groups points at the few literals that may stand there, and those are compared in full. Smaller
 * than an Aho-Corasick automaton of the same literals, so that it stays in the processor's cache.
 */
import { WORD_BITS } from "./rule-bits.ts";

/** A literal and the places of a bit set to mark when a text contains it. */
type Entry = {
  readonly literal: string;
  /** Position in the literal of the last byte of the group it is filed under. */
  readonly offset: number;
  readonly words: number[];
  readonly masks: number[];
};

export type LiteralIndex = {
  readonly threes: Uint16Array;
  readonly twos: Uint16Array;
  readonly buckets: readonly (readonly Entry[])[];
};

const THREES_SIZE = 1 << 15;
const TWOS_SIZE = 1 << 12;
/** A bucket's number is 16 bits wide; 0 is "none". */
const BUCKETS_MAX = 65_535;

/** ASCII lower case of each byte. */
const folded = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  folded[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}

function threeOf(first: number, second: number, third: number): number {
  return ((first * 1_009) ^ (second * 61) ^ (third * 7_919)) & (THREES_SIZE - 1);
}

function twoOf(first: number, second: number): number {
  return ((first * 61) ^ (second * 7)) & (TWOS_SIZE - 1);
}

/** How often a byte occurs in ordinary values, roughly; literals are filed under rare groups. */
function commonness(byte: number): number {
  const letters = "etaoinsrhldcumfpgwybvkxjqz";
  const rank = letters.indexOf(String.fromCharCode(byte));
  if (rank !== -1) return 40 - rank;
  if (byte >= 0x30 && byte <= 0x39) return 20;
  return byte === 0x20 || byte === 0x2e || byte === 0x2f || byte === 0x2d ? 12 : 2;
}

/** Offset of the last byte of the rarest group of `size` bytes. */
function rarestGroup(literal: string, size: 2 | 3): number {
  let best = size - 1;
  let least = Number.POSITIVE_INFINITY;
  for (let end = size - 1; end < literal.length; end += 1) {
    let product = 1;
    for (let at = end - size + 1; at <= end; at += 1) product *= commonness(literal.charCodeAt(at));
    if (product >= least) continue;
    least = product;
    best = end;
  }
  return best;
}

/**
 * Compiles an index of literals of two or more bytes (latin1, lower case). Each marks `bit` in the
 * set that `scan` fills.
 *
 * @throws RangeError with more distinct byte groups than the index can number.
 */
export function compileLiteralIndex(
  literals: Iterable<{ readonly literal: string; readonly bit: number }>,
): LiteralIndex {
  const entries = new Map<string, Entry>();
  for (const { literal, bit } of literals) {
    const offset = rarestGroup(literal, literal.length === 2 ? 2 : 3);
    const entry = entries.get(literal) ?? { literal, offset, words: [], masks: [] };
    entries.set(literal, entry);
    mark(entry, bit);
  }
  const index = {
    threes: new Uint16Array(THREES_SIZE),
    twos: new Uint16Array(TWOS_SIZE),
    buckets: [[]] as Entry[][],
  };
  for (const entry of entries.values()) file(index, entry);
  if (index.buckets.length > BUCKETS_MAX) throw new RangeError("has too many literals to index");
  return index;
}

function mark({ words, masks }: Entry, bit: number): void {
  const word = Math.floor(bit / WORD_BITS);
  const known = words.indexOf(word);
  const at = known === -1 ? words.push(word) - 1 : known;
  masks[at] = (masks[at] ?? 0) | (1 << (bit % WORD_BITS));
}

function file(
  { threes, twos, buckets }: { threes: Uint16Array; twos: Uint16Array; buckets: Entry[][] },
  entry: Entry,
): void {
  const { literal, offset } = entry;
  const byte = (back: number): number => literal.charCodeAt(offset - back);
  const table = literal.length === 2 ? twos : threes;
  const group = literal.length === 2 ? twoOf(byte(1), byte(0)) : threeOf(byte(2), byte(1), byte(0));
  const known = table[group] ?? 0;
  if (known !== 0) {
    buckets[known]?.push(entry);
    return;
  }
  table[group] = buckets.length;
  buckets.push([entry]);
}

/**
 * What a caller wants to know of each byte, as bits: `BYTE_WORDS` words for each of the 256, one
 * behind the other.
 */
export type ByteFacts = Int32Array;
export const BYTE_WORDS = 4;

/**
 * Scans a text for the index's literals; adds their bits to `hits`, a set as in rule-bits.ts, and
 * the union of the facts of all bytes of the text to `seen`, which has `BYTE_WORDS` words.
 */
export function scan(
  { threes, twos, buckets }: LiteralIndex,
  text: string,
  { hits, facts, seen }: { hits: number[]; facts: ByteFacts; seen: Int32Array },
): void {
  let before = 0;
  let last = 0;
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) & 0xff;
    const row = code * BYTE_WORDS;
    first |= facts[row] ?? 0;
    second |= facts[row + 1] ?? 0;
    third |= facts[row + 2] ?? 0;
    fourth |= facts[row + 3] ?? 0;
    const byte = folded[code] ?? 0;
    const three = threes[threeOf(before, last, byte)] ?? 0;
    if (three !== 0) compare(buckets[three], text, at, hits);
    const two = twos[twoOf(last, byte)] ?? 0;
    if (two !== 0) compare(buckets[two], text, at, hits);
    before = last;
    last = byte;
  }
  seen[0] = first;
  seen[1] = second;
  seen[2] = third;
  seen[3] = fourth;
}

function compare(
  bucket: readonly Entry[] | undefined,
  text: string,
  at: number,
  hits: number[],
): void {
  if (bucket === undefined) return;
  for (const { literal, offset, words, masks } of bucket) {
    if (isMarked(hits, words, masks)) continue;
    if (!standsAt(text, at - offset, literal)) continue;
    for (let k = 0; k < words.length; k += 1) {
      const word = words[k] ?? 0;
      hits[word] = (hits[word] ?? 0) | (masks[k] ?? 0);
    }
  }
}

function isMarked(hits: readonly number[], words: readonly number[], masks: readonly number[]) {
  for (let k = 0; k < words.length; k += 1) {
    const mask = masks[k] ?? 0;
    if (((hits[words[k] ?? 0] ?? 0) & mask) !== mask) return false;
  }
  return true;
}

function standsAt(text: string, start: number, literal: string): boolean {
  if (start < 0 || start + literal.length > text.length) return false;
  for (let k = 0; k < literal.length; k += 1) {
    if (folded[text.charCodeAt(start + k) & 0xff] !== literal.charCodeAt(k)) return false;
  }
  return true;
}
