/** Sets of rules as bits. */

/** Bits of a rule set's word: the engine holds so many without boxing. */
export const WORD_BITS = 30;

/** Bits by rule index in words of `WORD_BITS`; a set without any bit may have no words. */
export type RuleBits = number[];

/** The set without any bit, for those who add none. */
export const NO_BITS: RuleBits = [];

type Indexed = { readonly index: number };

/** The word that holds the bit of a rule. */
export function wordOf(rule: Indexed): number {
  return Math.floor(rule.index / WORD_BITS);
}

/** The bit of a rule in its word. */
export function maskOf(rule: Indexed): number {
  return 1 << (rule.index % WORD_BITS);
}

/** A set without any bit, to add some. */
export function emptyBits(words: number): RuleBits {
  const bits: RuleBits = [];
  for (let word = 0; word < words; word += 1) bits.push(0);
  return bits;
}

/** Takes all bits out of a set that is used again. */
export function clear(bits: RuleBits): RuleBits {
  for (let word = 0; word < bits.length; word += 1) bits[word] = 0;
  return bits;
}

export function setBit(bits: RuleBits, rule: Indexed): void {
  const word = wordOf(rule);
  bits[word] = (bits[word] ?? 0) | maskOf(rule);
}

export function addBits(into: RuleBits, from: readonly number[]): void {
  for (let word = 0; word < from.length; word += 1) {
    into[word] = (into[word] ?? 0) | (from[word] ?? 0);
  }
}

export function isEmpty(bits: readonly number[]): boolean {
  for (let word = 0; word < bits.length; word += 1) if (bits[word] !== 0) return false;
  return true;
}

/** Takes out the bit of a rule; a set that loses its last one loses its words as well. */
export function removeBit(bits: RuleBits, word: number, mask: number): void {
  const left = (bits[word] ?? 0) & ~mask;
  bits[word] = left;
  if (left === 0 && isEmpty(bits)) bits.length = 0;
}
