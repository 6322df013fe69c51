/**
 * Finds any of many phrases in one pass (Aho and Corasick, 1975), ASCII case folded. The automaton
 * is complete: one table look-up a byte.
 */

export type PhraseMatcher = {
  /** The first phrase that ends, or undefined. */
  find(value: string): { readonly start: number; readonly end: number } | undefined;
};

const limits = { phrasesMax: 100_000, statesMax: 400_000 } as const;

function fold(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 32 : code;
}

/** @throws RangeError beyond the limits. */
export function compilePhrases(phrases: readonly string[]): PhraseMatcher {
  if (phrases.length > limits.phrasesMax) throw new RangeError("has too many phrases");
  const { classes, width } = byteClasses(phrases);
  const trie = buildTrie(phrases, classes, width);
  completeLinks(trie, width);
  const next = compact(trie.next, trie.count);
  const { found } = trie;
  return {
    find(value) {
      let state = 0;
      for (let at = 0; at < value.length; at += 1) {
        state = next[state * width + (classes[value.charCodeAt(at) & 0xff] ?? 0)] ?? 0;
        const length = found[state] ?? 0;
        if (length > 0) return { start: at + 1 - length, end: at + 1 };
      }
      return undefined;
    },
  };
}

/** Rule sets hold many megabytes of these tables: two bytes a cell where the numbers allow it. */
function compact(cells: Uint32Array, bound: number): Uint16Array | Uint32Array {
  return bound <= 0x1_0000 ? Uint16Array.from(cells) : cells;
}

/** Bytes that no phrase has share class 0, which keeps the table small. */
function byteClasses(phrases: readonly string[]): { classes: Uint8Array; width: number } {
  const classes = new Uint8Array(256);
  let width = 1;
  for (const phrase of phrases) {
    for (let at = 0; at < phrase.length; at += 1) {
      const code = fold(phrase.charCodeAt(at) & 0xff);
      if (classes[code] !== 0) continue;
      classes[code] = width;
      width += 1;
    }
  }
  for (let code = 0x41; code <= 0x5a; code += 1) classes[code] = classes[code + 32] ?? 0;
  return { classes, width };
}

/** Cells of 0 lead back to the root, which no child is. */
type Trie = { next: Uint32Array; found: Uint32Array; count: number };

function buildTrie(phrases: readonly string[], classes: Uint8Array, width: number): Trie {
  const bound = phrases.reduce((sum, phrase) => sum + phrase.length, 1);
  if (bound > limits.statesMax) throw new RangeError("has phrases that are too long together");
  const next = new Uint32Array(bound * width);
  const found = new Uint32Array(bound);
  let count = 1;
  for (const phrase of phrases) {
    let state = 0;
    for (let at = 0; at < phrase.length; at += 1) {
      const cell = state * width + (classes[fold(phrase.charCodeAt(at) & 0xff)] ?? 0);
      let child = next[cell] ?? 0;
      if (child === 0) {
        child = count;
        count += 1;
        next[cell] = child;
      }
      state = child;
    }
    if (phrase.length > 0) found[state] = phrase.length;
  }
  return { next: next.slice(0, count * width), found: found.slice(0, count), count };
}

function completeLinks({ next, found, count }: Trie, width: number): void {
  const fail = new Int32Array(count);
  const queue: number[] = [];
  for (let byte = 0; byte < width; byte += 1) {
    const child = next[byte] ?? 0;
    if (child !== 0) queue.push(child);
  }
  for (let at = 0; at < queue.length; at += 1) {
    const state = queue[at] ?? 0;
    const link = fail[state] ?? 0;
    if (found[state] === 0) found[state] = found[link] ?? 0;
    for (let byte = 0; byte < width; byte += 1) {
      const cell = state * width + byte;
      const child = next[cell] ?? 0;
      const other = next[link * width + byte] ?? 0;
      if (child === 0) next[cell] = other;
      else {
        fail[child] = other;
        queue.push(child);
      }
    }
  }
}
