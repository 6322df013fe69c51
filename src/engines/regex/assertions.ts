/**
 * Zero-width assertions that only look at the two neighboring bytes, and the rewriting of
 * lookarounds and possessive repeats into them, which keeps those patterns regular.
 */
import {
  ANY_SYMBOL,
  type ByteSet,
  complement,
  EDGE,
  EMPTY,
  FINAL_NEWLINE,
  type NeighborPair,
  type Node,
  neighbors,
  SYMBOLS,
  setOf,
  symbolsOf,
} from "./syntax.ts";

const WORD = setOf(48, 57, 65, 90, 95, 95, 97, 122);
const IS_WORD = symbolsOf(WORD, false);
const NOT_WORD = symbolsOf(complement(WORD), true);
const AT_EDGE = symbolsOf(setOf(), true);
const NEWLINE = symbolsOf(setOf(10, 10), false);
const NOT_EDGE = symbolsOf(setOf(0, 255), false);

function endSymbols(): Uint8Array {
  const out = new Uint8Array(SYMBOLS);
  out[EDGE] = 1;
  out[FINAL_NEWLINE] = 1;
  return out;
}

export const WORD_SET: ByteSet = WORD;
export const TEXT_START: Node = neighbors({ prev: AT_EDGE, next: ANY_SYMBOL });
export const TEXT_END: Node = neighbors({ prev: ANY_SYMBOL, next: AT_EDGE });
/** `$` and `\Z`: at the end, or before a newline that ends the value. */
export const TEXT_END_OR_NEWLINE: Node = neighbors({ prev: ANY_SYMBOL, next: endSymbols() });
/** Multiline `^`: not after a newline that ends the value. */
export const LINE_START: Node = neighbors(
  { prev: AT_EDGE, next: ANY_SYMBOL },
  { prev: NEWLINE, next: NOT_EDGE },
);
export const LINE_END: Node = neighbors({
  prev: ANY_SYMBOL,
  next: symbolsOf(setOf(10, 10), true),
});
export const WORD_EDGE: Node = neighbors(
  { prev: IS_WORD, next: NOT_WORD },
  { prev: NOT_WORD, next: IS_WORD },
);
export const NO_WORD_EDGE: Node = neighbors(
  { prev: IS_WORD, next: IS_WORD },
  { prev: NOT_WORD, next: NOT_WORD },
);

/** True after the position only when the next byte is not in the set. */
export function notFollowedBy(set: ByteSet): Node {
  return neighbors({ prev: ANY_SYMBOL, next: symbolsOf(complement(set), true) });
}

function symbolsWithin(node: Node, ahead: boolean): Uint8Array | undefined {
  if (node.kind === "set") return symbolsOf(node.set, false);
  if (node.kind === "empty") return ANY_SYMBOL;
  if (node.kind === "neighbors") {
    const [pair] = node.pairs;
    if (pair === undefined || node.pairs.length !== 1) return undefined;
    const other = ahead ? pair.prev : pair.next;
    return other === ANY_SYMBOL ? (ahead ? pair.next : pair.prev) : undefined;
  }
  if (node.kind === "repeat" && node.min <= 1) {
    // Only whether the look can succeed matters, so x+ is x and x* is nothing at all.
    if (node.min === 0) return ANY_SYMBOL;
    return symbolsWithin(node.node, ahead);
  }
  if (node.kind !== "alt") return undefined;
  const union = new Uint8Array(SYMBOLS);
  for (const item of node.items) {
    const symbols = symbolsWithin(item, ahead);
    if (symbols === undefined) return undefined;
    for (let s = 0; s < SYMBOLS; s++) union[s] = (union[s] ?? 0) | (symbols[s] ?? 0);
  }
  return union;
}

/** A lookaround as a neighbor assertion when it only inspects one byte; else a look node. */
export function lookaround(options: { ahead: boolean; negative: boolean; node: Node }): Node {
  const { ahead, negative, node } = options;
  const symbols = symbolsWithin(node, ahead);
  if (symbols === undefined) return { kind: "look", ahead, negative, node };
  const seen = negative ? symbols.map((bit) => 1 - bit) : symbols;
  const pair: NeighborPair = ahead
    ? { prev: ANY_SYMBOL, next: seen }
    : { prev: seen, next: ANY_SYMBOL };
  return neighbors(pair);
}

function hasNoChoice(node: Node): boolean {
  if (node.kind === "set" || node.kind === "neighbors" || node.kind === "empty") return true;
  if (node.kind === "cat") return node.items.every(hasNoChoice);
  if (node.kind === "group") return hasNoChoice(node.node);
  if (node.kind === "alt") return node.items.every((item) => item.kind === "set");
  return node.kind === "repeat" && node.min === node.max && hasNoChoice(node.node);
}

/** `(?>node)`, without the node kind when it cannot matter or can be said with neighbors. */
export function atomic(node: Node): Node {
  if (hasNoChoice(node)) return node;
  if (node.kind !== "repeat" || node.lazy || node.node.kind !== "set") {
    return { kind: "atomic", node };
  }
  const { max } = node;
  const stop = notFollowedBy(node.node.set);
  if (max === Number.POSITIVE_INFINITY) return { kind: "cat", items: [node, stop] };
  const full: Node = { ...node, min: max };
  const short: Node = max - 1 === 0 ? EMPTY : { ...node, max: max - 1 };
  return { kind: "alt", items: [full, { kind: "cat", items: [short, stop] }] };
}
