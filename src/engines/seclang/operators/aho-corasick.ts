/**
 * Finds any of many phrases in one pass (Aho and Corasick, 1975), ASCII case folded. States keep
 * their children as a list: a complete table, one cell for each state and byte, is ten times as
 * large, and the candidate filter lets few values come here.
 */

export type PhraseMatcher = {
  /** The first phrase that ends, or undefined. */
  find(value: string): { readonly start: number; readonly end: number } | undefined;
};

const limits = { phrasesMax: 100_000, statesMax: 400_000 } as const;

function fold(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 32 : code;
}

/** State 0 is the root; a child or sibling of 0 is none. */
type Trie = {
  /** The root's children by byte: it has the most, and most bytes lead nowhere else. */
  readonly ofRoot: Uint32Array;
  readonly byte: Uint8Array;
  readonly firstChild: Uint32Array;
  readonly nextSibling: Uint32Array;
  /** Where the longest proper ending of the state's text is found. */
  readonly fail: Uint32Array;
  /** Length of the phrase that ends here; 0 = none. */
  readonly found: Uint32Array;
  count: number;
};

/** @throws RangeError beyond the limits. */
export function compilePhrases(phrases: readonly string[]): PhraseMatcher {
  if (phrases.length > limits.phrasesMax) throw new RangeError("has too many phrases");
  const trie = buildTrie(phrases);
  link(trie);
  const { found } = trie;
  return {
    find(value) {
      let state = 0;
      for (let at = 0; at < value.length; at += 1) {
        state = step(trie, state, fold(value.charCodeAt(at) & 0xff));
        const length = found[state] ?? 0;
        if (length > 0) return { start: at + 1 - length, end: at + 1 };
      }
      return undefined;
    },
  };
}

function childOf({ ofRoot, byte, firstChild, nextSibling }: Trie, state: number, code: number) {
  if (state === 0) return ofRoot[code] ?? 0;
  let child = firstChild[state] ?? 0;
  while (child !== 0 && byte[child] !== code) child = nextSibling[child] ?? 0;
  return child;
}

function step(trie: Trie, from: number, code: number): number {
  for (let state = from; ; state = trie.fail[state] ?? 0) {
    const child = childOf(trie, state, code);
    if (child !== 0 || state === 0) return child;
  }
}

function buildTrie(phrases: readonly string[]): Trie {
  const bound = phrases.reduce((sum, phrase) => sum + phrase.length, 1);
  if (bound > limits.statesMax) throw new RangeError("has phrases that are too long together");
  const trie = emptyTrie(bound);
  for (const phrase of phrases) {
    let state = 0;
    for (let at = 0; at < phrase.length; at += 1) {
      const code = fold(phrase.charCodeAt(at) & 0xff);
      state = childOf(trie, state, code) || addChild(trie, state, code);
    }
    if (phrase.length > 0) trie.found[state] = phrase.length;
  }
  return cut(trie);
}

function emptyTrie(states: number): Trie {
  return {
    ofRoot: new Uint32Array(256),
    byte: new Uint8Array(states),
    firstChild: new Uint32Array(states),
    nextSibling: new Uint32Array(states),
    fail: new Uint32Array(states),
    found: new Uint32Array(states),
    count: 1,
  };
}

function addChild(trie: Trie, parent: number, code: number): number {
  const { ofRoot, byte, firstChild, nextSibling } = trie;
  const child = trie.count;
  trie.count += 1;
  byte[child] = code;
  nextSibling[child] = firstChild[parent] ?? 0;
  firstChild[parent] = child;
  if (parent === 0) ofRoot[code] = child;
  return child;
}

/** Phrases that begin alike need fewer states than they have bytes. */
function cut({ ofRoot, byte, firstChild, nextSibling, fail, found, count }: Trie): Trie {
  return {
    ofRoot,
    byte: byte.slice(0, count),
    firstChild: firstChild.slice(0, count),
    nextSibling: nextSibling.slice(0, count),
    fail: fail.slice(0, count),
    found: found.slice(0, count),
    count,
  };
}

/** Sets `fail`, level by level, and with it the phrases that end inside others. */
function link(trie: Trie): void {
  const { byte, firstChild, nextSibling, fail, found, count } = trie;
  const queue = new Uint32Array(count);
  let end = 1;
  for (let at = 0; at < end; at += 1) {
    const state = queue[at] ?? 0;
    if (found[state] === 0) found[state] = found[fail[state] ?? 0] ?? 0;
    for (let child = firstChild[state] ?? 0; child !== 0; child = nextSibling[child] ?? 0) {
      if (state !== 0) fail[child] = step(trie, fail[state] ?? 0, byte[child] ?? 0);
      queue[end] = child;
      end += 1;
    }
  }
}
