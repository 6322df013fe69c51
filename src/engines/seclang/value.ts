/**
 * Values as rules see them. Each distinct value of a transaction exists once, keeps what its
 * transformation chains made of it, and carries a small signature of the byte groups it contains,
 * so that most rules are decided without running their operator.
 */
import type { Requirement } from "../regex/pattern.ts";
import { transformations } from "./transformations.ts";

/** A chain of transformations; chains that start alike share their beginning. */
export type Chain = {
  readonly index: number;
  /** Undefined for the empty chain. */
  readonly parent: Chain | undefined;
  readonly apply: (value: string) => string;
  readonly name: string;
};

export type ChainTable = {
  /** The chain of these lower-case transformation names; undefined when one is unknown. */
  chainOf(names: readonly string[]): Chain | undefined;
  readonly empty: Chain;
  size(): number;
};

/** An empty table; a ruleset has one. */
export function createChainTable(): ChainTable {
  const empty: Chain = { index: 0, parent: undefined, apply: (value) => value, name: "" };
  const chains = new Map<string, Chain>([["", empty]]);
  return {
    empty,
    size: () => chains.size,
    chainOf(names) {
      let chain = empty;
      for (const name of names) {
        const apply = Object.hasOwn(transformations, name) ? transformations[name] : undefined;
        if (apply === undefined) return undefined;
        const path = `${chain.name}>${name}`;
        const next = chains.get(path) ?? { index: chains.size, parent: chain, apply, name: path };
        chains.set(path, next);
        chain = next;
      }
      return chain;
    },
  };
}

const SIGNATURE_WORDS = 64;
const SIGNATURE_MASK = SIGNATURE_WORDS * 32 - 1;
/** Beyond this length nearly every bit would be set: such values always run the operator. */
const SIGNED_LENGTH_MAX = 1_200;

/** One value: its text and, made when first asked for, signature and derived values. */
export type Value = {
  readonly text: string;
  signature: Uint32Array | undefined;
  readonly derived: (Value | undefined)[];
};

export function toValue(text: string): Value {
  return { text, signature: undefined, derived: [] };
}

/** What `chain` makes of `value`; the same object when it changes nothing. */
export function derive(value: Value, chain: Chain): Value {
  if (chain.parent === undefined) return value;
  const known = value.derived[chain.index];
  if (known !== undefined) return known;
  const before = derive(value, chain.parent);
  const text = chain.apply(before.text);
  const after = text === before.text ? before : toValue(text);
  value.derived[chain.index] = after;
  return after;
}

const folded = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  folded[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}

function hash2(first: number, second: number): number {
  return (first * 31 + second * 131 + 7) & SIGNATURE_MASK;
}

function hash3(first: number, second: number, third: number): number {
  return (first * 1_009 + second * 317 + third * 37 + 11) & SIGNATURE_MASK;
}

function signatureOf(value: Value): Uint32Array {
  if (value.signature !== undefined) return value.signature;
  const bits = new Uint32Array(SIGNATURE_WORDS);
  const { text } = value;
  let before = 0;
  let last = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = folded[text.charCodeAt(at) & 0xff] ?? 0;
    if (at >= 1) set(bits, hash2(last, byte));
    if (at >= 2) set(bits, hash3(before, last, byte));
    before = last;
    last = byte;
  }
  value.signature = bits;
  return bits;
}

function set(bits: Uint32Array, bit: number): void {
  const word = bit >>> 5;
  bits[word] = (bits[word] ?? 0) | (1 << (bit & 31));
}

/**
 * A requirement compiled to signature bits. Sound: when `mayMatch` is false, no value with this
 * signature can satisfy the operator.
 */
export type Prefilter = {
  /** For each literal the bits it sets; empty = no requirement by literals. */
  readonly literals: readonly Uint16Array[];
  readonly bytes: Uint8Array | undefined;
};

const GRAMS_PER_LITERAL_MAX = 6;

/** Compiles a requirement; undefined when it can exclude nothing. */
export function compilePrefilter(required: Requirement): Prefilter | undefined {
  if (required.kind === "bytes") return { literals: [], bytes: required.bytes };
  if (required.kind === "none" || required.literals.some((literal) => literal.length < 2)) {
    return undefined;
  }
  return { literals: required.literals.map(gramsOf), bytes: undefined };
}

function gramsOf(literal: string): Uint16Array {
  const codes = [...literal].map((char) => folded[char.charCodeAt(0) & 0xff] ?? 0);
  const bits: number[] = [];
  for (let at = 0; at + 2 < codes.length && bits.length < GRAMS_PER_LITERAL_MAX; at += 1) {
    bits.push(hash3(codes[at] ?? 0, codes[at + 1] ?? 0, codes[at + 2] ?? 0));
  }
  if (bits.length === 0) bits.push(hash2(codes[0] ?? 0, codes[1] ?? 0));
  return Uint16Array.from(bits);
}

/** False only when the value can certainly not match. */
export function mayMatch(prefilter: Prefilter, value: Value): boolean {
  if (prefilter.bytes !== undefined) return containsAny(value.text, prefilter.bytes);
  if (value.text.length > SIGNED_LENGTH_MAX) return true;
  const bits = signatureOf(value);
  for (const grams of prefilter.literals) {
    if (hasAll(bits, grams)) return true;
  }
  return false;
}

function hasAll(bits: Uint32Array, grams: Uint16Array): boolean {
  for (let at = 0; at < grams.length; at += 1) {
    const gram = grams[at] ?? 0;
    if (((bits[gram >>> 5] ?? 0) & (1 << (gram & 31))) === 0) return false;
  }
  return true;
}

function containsAny(text: string, bytes: Uint8Array): boolean {
  for (let at = 0; at < text.length; at += 1) {
    if (bytes[text.charCodeAt(at) & 0xff] === 1) return true;
  }
  return false;
}
