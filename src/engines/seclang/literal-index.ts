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
  /** One bit for each hash of four bytes that `fours` knows: small enough to stay in the cache. */
  readonly hasFour: Uint8Array;
  /** By the hash of a group's bytes the number of its bucket; 0 = no literal has that group. */
  readonly fours: Uint16Array;
  readonly threes: Uint16Array;
  readonly twos: Uint16Array;
  readonly buckets: readonly (readonly Entry[])[];
  /** Per bucket, which bytes its literals have before their group and behind it, by `bitOf`. */
  readonly before: Int32Array;
  readonly behind: Int32Array;
};

const FOURS_SIZE = 1 << 16;
const SHORT_SIZE = 1 << 12;
/** A bucket's number is 16 bits wide. */
const BUCKETS_MAX = 65_535;

/** ASCII lower case of each byte. */
const folded = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  folded[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}

/** A number of 16 bits for each byte, the same for both cases of a letter. */
const hashed = new Uint16Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  hashed[byte] = (Math.imul((folded[byte] ?? 0) + 1, 0x9e3779b1) >>> 16) & (FOURS_SIZE - 1);
}

/**
 * The hash of a group of bytes. It shifts by four bits for each byte, so that the fifth last has
 * left it, and the fourth last has left the twelve bits that a group of three has of it.
 */
function hashOf(group: string): number {
  const numbers = [...group].map((one) => hashed[one.charCodeAt(0)] ?? 0);
  if (group.length === 2) return twoOf(numbers[0] ?? 0, numbers[1] ?? 0);
  const size = group.length === 3 ? SHORT_SIZE : FOURS_SIZE;
  return numbers.reduce((hash, number) => (hash << 4) ^ number, 0) & (size - 1);
}

const twoOf = (first: number, second: number): number => ((first << 6) ^ second) & (SHORT_SIZE - 1);

/** One of 32 bits for a byte, the same for both cases of a letter. */
const bitOf = (byte: number): number => 1 << ((folded[byte] ?? 0) & 31);

/** How often a byte occurs in ordinary values, roughly; literals are filed under rare groups. */
function commonness(byte: number): number {
  const letters = "etaoinsrhldcumfpgwybvkxjqz";
  const rank = letters.indexOf(String.fromCharCode(byte));
  if (rank !== -1) return 40 - rank;
  if (byte >= 0x30 && byte <= 0x39) return 20;
  return byte === 0x20 || byte === 0x2e || byte === 0x2f || byte === 0x2d ? 12 : 2;
}

const groupSize = (literal: string): number => Math.min(4, literal.length);

/** Offset of the last byte of the rarest group of `size` bytes. */
function rarestGroup(literal: string, size: number): number {
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
    const offset = rarestGroup(literal, groupSize(literal));
    const entry = entries.get(literal) ?? { literal, offset, words: [], masks: [] };
    entries.set(literal, entry);
    mark(entry, bit);
  }
  const index = {
    hasFour: new Uint8Array(FOURS_SIZE >> 3),
    fours: new Uint16Array(FOURS_SIZE),
    threes: new Uint16Array(SHORT_SIZE),
    twos: new Uint16Array(SHORT_SIZE),
    buckets: [[]] as Entry[][],
  };
  for (const entry of entries.values()) file(index, entry);
  const { buckets } = index;
  if (buckets.length > BUCKETS_MAX) throw new RangeError("has too many literals to index");
  return {
    ...index,
    before: Int32Array.from(buckets, (bucket) => neighborsOf(bucket, "before")),
    behind: Int32Array.from(buckets, (bucket) => neighborsOf(bucket, "behind")),
  };
}

/** The bytes that a bucket's literals have on one side of their group; all where it is an end. */
function neighborsOf(bucket: readonly Entry[], side: "before" | "behind"): number {
  let bits = 0;
  for (const { literal, offset } of bucket) {
    const at = side === "behind" ? offset + 1 : offset - groupSize(literal);
    bits |= at >= 0 && at < literal.length ? bitOf(literal.charCodeAt(at)) : -1;
  }
  return bits;
}

function mark({ words, masks }: Entry, bit: number): void {
  const word = Math.floor(bit / WORD_BITS);
  const known = words.indexOf(word);
  const at = known === -1 ? words.push(word) - 1 : known;
  masks[at] = (masks[at] ?? 0) | (1 << (bit % WORD_BITS));
}

type Filed = Omit<LiteralIndex, "buckets" | "before" | "behind"> & { buckets: Entry[][] };

function file({ hasFour, fours, threes, twos, buckets }: Filed, entry: Entry): void {
  const { literal, offset } = entry;
  const size = groupSize(literal);
  const hash = hashOf(literal.slice(offset - size + 1, offset + 1));
  const table = size === 2 ? twos : size === 3 ? threes : fours;
  if (size === 4) hasFour[hash >> 3] = (hasFour[hash >> 3] ?? 0) | (1 << (hash & 7));
  const known = table[hash] ?? 0;
  if (known !== 0) {
    buckets[known]?.push(entry);
    return;
  }
  table[hash] = buckets.length;
  buckets.push([entry]);
}

/**
 * The class of each byte as one bit in `CLASS_WORDS` words, one byte's behind the other's: what a
 * caller wants to know of the bytes of a text; see byte-classes.ts.
 */
export type ClassBits = Int32Array;
export const CLASS_WORDS = 3;

/**
 * Scans a text for the index's literals; adds their bits to `hits`, a set as in rule-bits.ts, and
 * writes the union of the classes of all bytes of the text to `seen`, of `CLASS_WORDS` words.
 */
export function scan(
  index: LiteralIndex,
  text: string,
  { hits, classes, seen }: { hits: number[]; classes: ClassBits; seen: Int32Array },
): void {
  const { hasFour, fours, threes, twos } = index;
  let hash = 0;
  let last = 0;
  let first = 0;
  let second = 0;
  let third = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at) & 0xff;
    const row = code * CLASS_WORDS;
    first |= classes[row] ?? 0;
    second |= classes[row + 1] ?? 0;
    third |= classes[row + 2] ?? 0;
    const now = hashed[code] ?? 0;
    hash = ((hash << 4) ^ now) & (FOURS_SIZE - 1);
    if (((hasFour[hash >> 3] ?? 0) & (1 << (hash & 7))) !== 0) {
      const four = fours[hash] ?? 0;
      if (fits(index, four, byteAt(text, at - 4), byteAt(text, at + 1))) {
        compare(index.buckets[four] ?? [], text, at, hits);
      }
    }
    const three = threes[hash & (SHORT_SIZE - 1)] ?? 0;
    if (three !== 0 && fits(index, three, byteAt(text, at - 3), byteAt(text, at + 1))) {
      compare(index.buckets[three] ?? [], text, at, hits);
    }
    const two = twos[((last << 6) ^ now) & (SHORT_SIZE - 1)] ?? 0;
    if (two !== 0 && fits(index, two, byteAt(text, at - 2), byteAt(text, at + 1))) {
      compare(index.buckets[two] ?? [], text, at, hits);
    }
    last = now;
  }
  seen[0] = first;
  seen[1] = second;
  seen[2] = third;
}

const byteAt = (text: string, at: number): number =>
  at < 0 || at >= text.length ? 0 : text.charCodeAt(at) & 0xff;

/**
 * Whether the bytes around a group may be those of a literal of its bucket: most groups that a
 * table knows stand in another text, and two bytes tell.
 */
const fits = (
  { before, behind }: LiteralIndex,
  bucket: number,
  left: number,
  right: number,
): boolean =>
  ((before[bucket] ?? 0) & bitOf(left)) !== 0 && ((behind[bucket] ?? 0) & bitOf(right)) !== 0;

/** Marks those of a bucket that stand in the text, with the last byte of their group at a place. */
function compare(bucket: readonly Entry[], text: string, at: number, hits: number[]): void {
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
