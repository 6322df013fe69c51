/**
 * What every match of a pattern must contain: one of some literals, or one of some bytes. A
 * prefilter built on it may let a value through in vain, but never stops one that would match.
 */
import type { Node } from "./syntax.ts";

const LITERALS_MAX = 512;
const EXACT_MAX = 64;
const EXACT_CHARS_MAX = 24;
const SET_SPELLINGS_MAX = 10;
const LITERAL_CHARS_MIN = 2;
const BYTES_MAX = 160;

export type Requirement =
  | { readonly kind: "literals"; readonly literals: readonly string[] }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "none" };

type Strings = readonly string[] | undefined;
/** exact: all texts the node can match (lower-cased); any: each match contains one of these. */
type Facts = { readonly exact: Strings; readonly any: Strings; readonly bytes?: Uint8Array };

const NOTHING: Facts = { exact: [""], any: undefined };
const UNKNOWN: Facts = { exact: undefined, any: undefined };

function lowerByte(byte: number): string {
  return String.fromCharCode(byte >= 65 && byte <= 90 ? byte + 32 : byte);
}

/** Larger is better: long literals first, then few of them. */
function worth(literals: Strings): number {
  if (literals === undefined || literals.length === 0 || literals.length > LITERALS_MAX) return -1;
  const shortest = Math.min(...literals.map((literal) => literal.length));
  if (shortest === 0) return -1;
  return Math.min(shortest, 6) * 8 - 2 * Math.log2(literals.length);
}

function better(left: Strings, right: Strings): Strings {
  return worth(right) > worth(left) ? right : worth(left) < 0 ? undefined : left;
}

/** A literal that contains another of the list adds nothing. */
function minimal(literals: readonly string[]): readonly string[] {
  const unique = [...new Set(literals)];
  return unique.filter((one) => !unique.some((other) => other !== one && one.includes(other)));
}

function weight(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let b = 0; b < 256; b++) {
    if (bytes[b] !== 1) continue;
    const isAlphanumeric = (b >= 48 && b <= 57) || (b >= 97 && b <= 122);
    sum += isAlphanumeric ? 20 : b === 32 || b === 46 || b === 47 ? 10 : 1;
  }
  return sum;
}

function rarer(left: Uint8Array | undefined, right: Uint8Array | undefined) {
  return weight(right) < weight(left) ? right : left;
}

function facts(exact: Strings, any: Strings, bytes: Uint8Array | undefined): Facts {
  return bytes === undefined ? { exact, any } : { exact, any, bytes };
}

function factsOf(node: Node): Facts {
  switch (node.kind) {
    case "set": {
      const spellings = new Set<string>();
      for (let b = 0; b < 256; b++) if (node.set[b] === 1) spellings.add(lowerByte(b));
      const exact = spellings.size <= SET_SPELLINGS_MAX ? [...spellings] : undefined;
      return facts(exact, exact, node.set);
    }
    case "cat":
      return catFacts(node.items);
    case "alt":
      return altFacts(node.items.map(factsOf));
    case "group":
    case "atomic":
      return factsOf(node.node);
    case "repeat":
      return repeatFacts(node);
    case "backref":
      return UNKNOWN;
    default:
      return NOTHING;
  }
}

function repeatFacts(node: Extract<Node, { kind: "repeat" }>): Facts {
  if (node.max === 0) return NOTHING;
  const inner = factsOf(node.node);
  if (node.min === 0) {
    if (node.max > 1 || inner.exact === undefined || inner.exact.length >= EXACT_MAX) {
      return UNKNOWN;
    }
    return facts([...new Set(["", ...inner.exact])], undefined, undefined);
  }
  if (node.min <= EXACT_CHARS_MAX && node.min > 1) {
    const copies = catFacts(new Array<Node>(node.min).fill(node.node));
    return node.max === node.min ? copies : { ...copies, exact: undefined };
  }
  return node.max === 1 ? inner : { ...inner, exact: undefined };
}

function altFacts(branches: readonly Facts[]): Facts {
  let exact: Strings = [];
  let any: Strings = [];
  let bytes: Uint8Array | undefined = new Uint8Array(256);
  for (const branch of branches) {
    exact = exact && branch.exact ? [...new Set([...exact, ...branch.exact])] : undefined;
    any = any && branch.any ? minimal([...any, ...branch.any]) : undefined;
    if (exact && exact.length > EXACT_MAX) exact = undefined;
    if (any && any.length > LITERALS_MAX) any = undefined;
    const other: Uint8Array | undefined = branch.bytes;
    bytes = other && bytes?.map((bit, b) => bit | (other[b] ?? 0));
  }
  return facts(exact, any, bytes);
}

function catFacts(items: readonly Node[]): Facts {
  let run: readonly string[] = [""];
  let whole = true;
  let best: Strings;
  let bytes: Uint8Array | undefined;
  for (const item of items) {
    const fact = factsOf(item);
    best = better(best, fact.any);
    bytes = rarer(bytes, fact.bytes);
    const grown: Strings = fact.exact === undefined ? undefined : cross(run, fact.exact);
    if (grown !== undefined) run = grown;
    else {
      best = better(best, run);
      whole = false;
      run = fact.exact ?? [""];
    }
  }
  best = better(best, run);
  return facts(whole ? run : undefined, best && minimal(best), bytes);
}

function cross(left: readonly string[], right: readonly string[]): readonly string[] | undefined {
  if (left.length * right.length > EXACT_MAX) return undefined;
  const out = new Set<string>();
  for (const head of left) {
    for (const tail of right) {
      if (head.length + tail.length > EXACT_CHARS_MAX) return undefined;
      out.add(head + tail);
    }
  }
  return [...out];
}

/** The best requirement of a tree; sound for each value that the tree matches anywhere. */
export function requirementOf(node: Node): Requirement {
  const { any, bytes } = factsOf(node);
  if (any !== undefined && worth(any) > 0) {
    const literals = minimal(any);
    if (literals.every((literal) => literal.length >= LITERAL_CHARS_MIN)) {
      return { kind: "literals", literals };
    }
  }
  if (bytes === undefined) return { kind: "none" };
  return bytes.reduce((sum, bit) => sum + bit, 0) <= BYTES_MAX
    ? { kind: "bytes", bytes }
    : { kind: "none" };
}
