/**
 * The syntax tree of a byte regular expression and the byte sets it is made of. Case folding, dot
 * and class escapes are already resolved into sets here; no later stage knows about flags.
 */

/** Symbols beyond the 256 bytes: a final newline of the value, and the edge of the value. */
export const FINAL_NEWLINE = 256;
export const EDGE = 257;
export const SYMBOLS = 258;

/** A 256-entry 0/1 table. */
export type ByteSet = Uint8Array;

/** True between two symbols when one pair holds: 258-entry tables for left and right neighbor. */
export type NeighborPair = { readonly prev: Uint8Array; readonly next: Uint8Array };

export type Node =
  | { readonly kind: "empty" }
  | { readonly kind: "set"; readonly set: ByteSet }
  | { readonly kind: "cat"; readonly items: readonly Node[] }
  | { readonly kind: "alt"; readonly items: readonly Node[] }
  | {
      readonly kind: "repeat";
      readonly node: Node;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    }
  | { readonly kind: "group"; readonly index: number; readonly node: Node }
  | { readonly kind: "neighbors"; readonly pairs: readonly NeighborPair[] }
  | { readonly kind: "atomic"; readonly node: Node }
  | {
      readonly kind: "look";
      readonly ahead: boolean;
      readonly negative: boolean;
      readonly node: Node;
    }
  | { readonly kind: "backref"; readonly index: number; readonly fold: boolean };

export const EMPTY: Node = { kind: "empty" };

/** Thrown for a pattern that is malformed, unsupported or too large; position in characters. */
export class PatternSyntaxError extends Error {
  readonly position: number;
  constructor(message: string, position: number) {
    super(message);
    this.name = "PatternSyntaxError";
    this.position = position;
  }
}

/** A set from inclusive ranges: setOf(48, 57, 65, 90). */
export function setOf(...ranges: readonly number[]): ByteSet {
  const set = new Uint8Array(256);
  for (let i = 0; i + 1 < ranges.length; i += 2) set.fill(1, ranges[i], (ranges[i + 1] ?? 0) + 1);
  return set;
}

export function complement(set: ByteSet): ByteSet {
  return set.map((bit) => 1 - bit);
}

/** Adds the other ASCII case of each letter; bytes ≥ 0x80 do not fold (C locale). */
export function foldCase(set: ByteSet): ByteSet {
  const out = set.slice();
  for (let upper = 65; upper <= 90; upper++) {
    const either = (set[upper] ?? 0) | (set[upper + 32] ?? 0);
    out[upper] = either;
    out[upper + 32] = either;
  }
  return out;
}

/** Sets in use at the same time are some hundred; beyond this the table begins anew. */
const SHARED_SETS_MAX = 4_096;
const sharedSets = new Map<string, Node>();

/**
 * The node of a byte set; equal sets share one. A rule set has tens of thousands of them, most for
 * a letter without case, and what is made of a program is made once for each different set.
 */
export function setNode(set: ByteSet): Node {
  const key = Buffer.from(set.buffer, set.byteOffset, set.length).toString("latin1");
  const known = sharedSets.get(key);
  if (known !== undefined) return known;
  if (sharedSets.size >= SHARED_SETS_MAX) sharedSets.clear();
  const node: Node = { kind: "set", set };
  sharedSets.set(key, node);
  return node;
}

const byteNodes = new Map<number, Node>();

/** The node of one byte, or of a letter in both cases; most of a rule set's patterns are these. */
export function byteNode(code: number, folds: boolean): Node {
  const key = folds ? code + 256 : code;
  const known = byteNodes.get(key);
  if (known !== undefined) return known;
  const set = setOf(code, code);
  const node = setNode(folds ? foldCase(set) : set);
  byteNodes.set(key, node);
  return node;
}

/** 258-entry table from a byte set; a final newline counts as "\n". */
export function symbolsOf(set: ByteSet, atEdge: boolean): Uint8Array {
  const out = new Uint8Array(SYMBOLS);
  out.set(set);
  out[FINAL_NEWLINE] = set[10] ?? 0;
  out[EDGE] = atEdge ? 1 : 0;
  return out;
}

export const ANY_SYMBOL: Uint8Array = new Uint8Array(SYMBOLS).fill(1);

export function neighbors(...pairs: readonly NeighborPair[]): Node {
  return { kind: "neighbors", pairs };
}

/** The symbol at `at`, as the assertions see it. */
export function symbolAt(value: string, at: number): number {
  if (at < 0 || at >= value.length) return EDGE;
  const code = value.charCodeAt(at) & 255;
  return code === 10 && at === value.length - 1 ? FINAL_NEWLINE : code;
}

export function pairsHold(pairs: readonly NeighborPair[], prev: number, next: number): boolean {
  for (const pair of pairs) if (pair.prev[prev] === 1 && pair.next[next] === 1) return true;
  return false;
}

/** Exact count of bytes every match of the node has, or undefined when it varies. */
export function widthOf(node: Node): number | undefined {
  switch (node.kind) {
    case "empty":
    case "neighbors":
    case "look":
      return 0;
    case "set":
      return 1;
    case "group":
    case "atomic":
      return widthOf(node.node);
    case "cat": {
      let sum = 0;
      for (const item of node.items) {
        const width = widthOf(item);
        if (width === undefined) return undefined;
        sum += width;
      }
      return sum;
    }
    case "alt": {
      const widths = new Set(node.items.map(widthOf));
      return widths.size === 1 ? [...widths][0] : undefined;
    }
    case "repeat": {
      const width = widthOf(node.node);
      return node.min === node.max && width !== undefined ? width * node.min : undefined;
    }
    case "backref":
      return undefined;
  }
}

/** Whether the node can match without consuming a byte (over-approximated for references). */
export function isNullable(node: Node): boolean {
  switch (node.kind) {
    case "set":
      return false;
    case "cat":
      return node.items.every(isNullable);
    case "alt":
      return node.items.some(isNullable);
    case "repeat":
      return node.min === 0 || isNullable(node.node);
    case "group":
    case "atomic":
      return isNullable(node.node);
    default:
      return true;
  }
}
