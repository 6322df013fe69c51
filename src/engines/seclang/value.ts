/**
 * Values as rules see them. A value keeps what its transformation chains made of it, and which
 * rules may match it, so that most rules are decided without running their operator.
 */
import type { RuleBits } from "./rule-bits.ts";
import { urlDecodeUni } from "./transformations/url.ts";
import { identityBytes, transformations } from "./transformations.ts";

/** A chain of transformations; chains that start alike share their beginning. */
export type Chain = {
  readonly index: number;
  /** Undefined for the empty chain. */
  readonly parent: Chain | undefined;
  readonly apply: (value: string) => string;
  readonly name: string;
  /** 256 flags: bytes without which `apply` changes nothing; undefined = none known. */
  readonly triggers: Uint8Array | undefined;
};

export type ChainTable = {
  /** The chain of these lower-case transformation names; undefined when one is unknown. */
  chainOf(names: readonly string[]): Chain | undefined;
  /** The chains of every beginning of these names, the empty one first, and not of them all. */
  prefixesOf(names: readonly string[]): readonly Chain[];
  /** Lets `urlDecodeUni` read characters by the map of a code page, in every chain. */
  useCodePage(map: ReadonlyMap<number, number>): void;
  readonly empty: Chain;
  size(): number;
};

/** An empty table; a ruleset has one. */
export function createChainTable(): ChainTable {
  const empty: Chain = {
    index: 0,
    parent: undefined,
    apply: (value) => value,
    name: "",
    triggers: undefined,
  };
  const chains = new Map<string, Chain>([["", empty]]);
  let codePage: ReadonlyMap<number, number> | undefined;
  const known: typeof transformations = {
    ...transformations,
    urldecodeuni: (value) => urlDecodeUni(value, codePage),
  };
  const table: ChainTable = {
    empty,
    useCodePage(map) {
      codePage = map;
    },
    size: () => chains.size,
    prefixesOf: (names) => names.flatMap((_, at) => table.chainOf(names.slice(0, at)) ?? []),
    chainOf(names) {
      let chain = empty;
      for (const name of names) {
        const apply = Object.hasOwn(known, name) ? known[name] : undefined;
        if (apply === undefined) return undefined;
        const path = `${chain.name}>${name}`;
        const made = chains.get(path);
        chain = made ?? {
          index: chains.size,
          parent: chain,
          apply,
          name: path,
          triggers: Object.hasOwn(identityBytes, name) ? identityBytes[name] : undefined,
        };
        if (made === undefined) chains.set(path, chain);
      }
      return chain;
    },
  };
  return table;
}

/** One value: its text and, made when first asked for, its candidate rules and derived values. */
export type Value = {
  readonly text: string;
  /** The rules of `reader` that may match; which reader it was is all that is asked of it here. */
  candidates: RuleBits | undefined;
  reader: object | undefined;
  derived: Derived | undefined;
};

/** What one chain made of a value: a list, since a value has few of them. */
type Derived = { readonly chain: Chain; readonly value: Value; readonly next: Derived | undefined };

export function toValue(text: string): Value {
  return { text, candidates: undefined, reader: undefined, derived: undefined };
}

/** What `chain` makes of `value`; the same object when it changes nothing. */
export function derive(value: Value, chain: Chain): Value {
  if (chain.parent === undefined) return value;
  for (let known = value.derived; known !== undefined; known = known.next) {
    if (known.chain === chain) return known.value;
  }
  const before = derive(value, chain.parent);
  const text = chain.apply(before.text);
  const after = text === before.text ? before : toValue(text);
  value.derived = { chain, value: after, next: value.derived };
  return after;
}
