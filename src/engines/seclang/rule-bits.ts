/** Sets of rules as bits. */

/** Bits of a rule set's word: the engine holds so many without boxing. */
export const WORD_BITS = 30;

/** Bits by rule index in words of `WORD_BITS`. */
export type RuleBits = number[];

type Indexed = { readonly index: number };

/** The word that holds the bit of a rule. */
export function wordOf(rule: Indexed): number {
  return Math.floor(rule.index / WORD_BITS);
}

/** The bit of a rule in its word. */
export function maskOf(rule: Indexed): number {
  return 1 << (rule.index % WORD_BITS);
}

/** A set without any bit. */
export function emptyBits(words: number): RuleBits {
  return new Array<number>(words).fill(0);
}

export function setBit(bits: RuleBits, rule: Indexed): void {
  const word = wordOf(rule);
  bits[word] = (bits[word] ?? 0) | maskOf(rule);
}

export function addBits(into: RuleBits, from: readonly number[]): void {
  for (let word = 0; word < into.length; word += 1) {
    into[word] = (into[word] ?? 0) | (from[word] ?? 0);
  }
}
