/**
 * Which rules may match a value: a set of bits, one per rule, found in one pass over the value
 * and kept for values that come again. Sound: a rule whose bit is clear cannot match the value,
 * whatever else the request holds. Method and limits: docs/decisions/0009.
 */
import type { Requirement } from "../regex/pattern.ts";
import type { Collection } from "./collection.ts";
import type { CandidateFilter, ChainNode, Rule } from "./compiled.ts";
import { compileLiteralIndex, type Scan, scan } from "./literal-index.ts";
import {
  addBits,
  emptyBits,
  maskOf,
  packBytes,
  type RuleBits,
  setBit,
  WORD_BITS,
  wordOf,
} from "./rule-bits.ts";
import type { Chain, Value } from "./value.ts";

const limits = {
  /** Values remembered per generation; there are two generations. */
  rememberedMax: 4_096,
  rememberedLengthMax: 256,
} as const;

/**
 * True when the rule's answer for a value depends on the value alone, and each of its
 * transformations is known to leave most values as they are.
 */
export function isFilterable(
  rule: Pick<Rule, "operator" | "argumentHasMacros" | "chain">,
): boolean {
  if (rule.operator === undefined || rule.argumentHasMacros) return false;
  for (
    let chain: Chain | undefined = rule.chain;
    chain?.parent !== undefined;
    chain = chain.parent
  ) {
    if (chain.triggers === undefined) return false;
  }
  return true;
}

/** Compiles the filter of all filterable rules and chain links. */
export function compileCandidates(rules: readonly Rule[], ruleCount: number): CandidateFilter {
  const words = Math.ceil(ruleCount / WORD_BITS);
  const filterable = rules.filter((rule) => rule.filterable);
  const literals: { literal: string; bit: number }[] = [];
  const byBytes: { bytes: Int32Array; word: number; mask: number }[] = [];
  const always = emptyBits(words);
  for (const rule of filterable) {
    const needs = needsOf(rule);
    if (needs === undefined) {
      setBit(always, rule);
      continue;
    }
    for (const literal of needs.literals) literals.push({ literal, bit: rule.index });
    if (needs.bytes === undefined) continue;
    byBytes.push({ bytes: needs.bytes, word: wordOf(rule), mask: maskOf(rule) });
  }
  return {
    words,
    index: compileLiteralIndex(literals),
    always,
    byBytes,
    root: chainTree(filterable, words),
    recent: new Map(),
    older: new Map(),
  };
}

type Needs = { readonly literals: readonly string[]; readonly bytes: Int32Array | undefined };

/** What a value must hold: one of the literals or one of the bytes. Undefined = nothing. */
function needsOf({ operator, negated }: Rule): Needs | undefined {
  // A negated operator matches where the requirement fails.
  const required: Requirement = negated || !operator ? { kind: "none" } : operator.required;
  if (required.kind === "none") return undefined;
  if (required.kind === "bytes") return { literals: [], bytes: packBytes(required.bytes) };
  if (required.literals.includes("")) return undefined;
  const literals = required.literals.filter((literal) => literal.length > 1);
  const single = required.literals.filter((literal) => literal.length === 1);
  if (single.length === 0) return { literals, bytes: undefined };
  const bytes = new Uint8Array(256);
  for (const letter of single) {
    bytes[letter.charCodeAt(0) & 0xff] = 1;
    bytes[letter.toUpperCase().charCodeAt(0) & 0xff] = 1;
  }
  return { literals, bytes: packBytes(bytes) };
}

/** The chains that filterable rules use, as a tree by their beginnings. */
function chainTree(rules: readonly Rule[], words: number): ChainNode {
  const byChain = new Map<Chain, RuleBits>();
  const children = new Map<Chain, Chain[]>();
  const enter = (chain: Chain): RuleBits => {
    const known = byChain.get(chain);
    if (known !== undefined) return known;
    const bits = emptyBits(words);
    byChain.set(chain, bits);
    if (chain.parent !== undefined) {
      enter(chain.parent);
      children.set(chain.parent, [...(children.get(chain.parent) ?? []), chain]);
    }
    return bits;
  };
  let top: Chain | undefined;
  for (const rule of rules) {
    for (const chain of [...rule.multiMatchChains, rule.chain]) setBit(enter(chain), rule);
    for (let chain: Chain | undefined = rule.chain; chain; chain = chain.parent) top = chain;
  }
  const build = (chain: Chain): ChainNode => {
    const nodes = (children.get(chain) ?? []).map(build);
    const own = byChain.get(chain) ?? emptyBits(words);
    const rulesBelow = [...own];
    const triggersBelow = new Int32Array(8);
    for (const node of nodes) {
      addBits(rulesBelow, node.rulesBelow);
      for (let at = 0; at < 8; at += 1) {
        const triggers = node.chain.triggers?.[at] ?? -1;
        triggersBelow[at] = (triggersBelow[at] ?? 0) | triggers | (node.triggersBelow[at] ?? 0);
      }
    }
    return { chain, rules: own, rulesBelow, triggersBelow, children: nodes };
  };
  const none: Chain = {
    index: 0,
    parent: undefined,
    apply: (text) => text,
    name: "",
    triggers: undefined,
  };
  return build(top ?? none);
}

/**
 * The rules that may match the value. The set is shared between equal values: who finds that a
 * rule does not match may clear its bit.
 */
export function candidatesOf(filter: CandidateFilter, value: Value): RuleBits {
  value.candidates ??= recall(filter, value.text);
  return value.candidates;
}

/** The rules that may match any value of the collection. */
export function candidatesOfAll(filter: CandidateFilter, collection: Collection): RuleBits {
  if (collection.candidates !== undefined) return collection.candidates;
  const bits = emptyBits(filter.words);
  for (const value of collection.values) addBits(bits, candidatesOf(filter, value));
  collection.candidates = bits;
  return bits;
}

function recall(filter: CandidateFilter, text: string): RuleBits {
  if (text.length > limits.rememberedLengthMax) return compute(filter, text);
  const recent = filter.recent.get(text);
  if (recent !== undefined) return recent;
  const bits = filter.older.get(text) ?? compute(filter, text);
  if (filter.recent.size >= limits.rememberedMax) {
    filter.older = filter.recent;
    filter.recent = new Map();
  }
  // A slice would keep the whole request it was cut from alive.
  filter.recent.set(Buffer.from(text, "latin1").toString("latin1"), bits);
  return bits;
}

type Scanned = Scan & { readonly text: string };

function compute(filter: CandidateFilter, text: string): RuleBits {
  const first = scanned(filter, text);
  if (!intersects(first.present, filter.root.triggersBelow)) return first.hits;
  const bits = emptyBits(filter.words);
  const known = [first];
  const visit = (node: ChainNode, given: Scanned): void => {
    if (!intersects(given.present, node.triggersBelow)) {
      addMasked(bits, given.hits, node.rulesBelow);
      return;
    }
    addMasked(bits, given.hits, node.rules);
    for (const child of node.children) {
      const { triggers } = child.chain;
      const changes = triggers === undefined || intersects(given.present, triggers);
      visit(child, changes ? transformed(filter, known, child.chain.apply(given.text)) : given);
    }
  };
  visit(filter.root, first);
  return bits;
}

/** Different chains often make the same text: each is scanned once. */
function transformed(filter: CandidateFilter, known: Scanned[], text: string): Scanned {
  for (const one of known) if (one.text === text) return one;
  const made = scanned(filter, text);
  known.push(made);
  return made;
}

function scanned(filter: CandidateFilter, text: string): Scanned {
  const one = { text, present: new Int32Array(8), hits: filter.always.slice() };
  scan(filter.index, text, one);
  for (const { bytes, word, mask } of filter.byBytes) {
    if (intersects(one.present, bytes)) one.hits[word] = (one.hits[word] ?? 0) | mask;
  }
  return one;
}

function intersects(left: Int32Array, right: Int32Array): boolean {
  for (let at = 0; at < 8; at += 1) if (((left[at] ?? 0) & (right[at] ?? 0)) !== 0) return true;
  return false;
}

function addMasked(into: RuleBits, hits: readonly number[], mask: readonly number[]): void {
  for (let word = 0; word < into.length; word += 1) {
    into[word] = (into[word] ?? 0) | ((hits[word] ?? 0) & (mask[word] ?? 0));
  }
}
