/** Compiles the candidate filter of a ruleset from what its rules require of a value. */
import type { Requirement } from "../regex/pattern.ts";
import { compileByteClasses, sparse } from "./byte-classes.ts";
import type { CandidateFilter, ChainNode, Rule } from "./compiled.ts";
import { compileLiteralIndex } from "./literal-index.ts";
import { addBits, emptyBits, type RuleBits, setBit, WORD_BITS } from "./rule-bits.ts";
import type { Chain } from "./value.ts";

/** Steps that change nearly every value and cost more than the rules they would filter. */
const DIGESTS = new Set(["sha1", "md5", "hexencode", "base64encode", "length"]);

/** Places for fingerprints; a power of two. */
const MET_ONCE_SIZE = 8_192;

/** True when the rule's answer for a value depends on the value alone. */
export function isFilterable(
  rule: Pick<Rule, "operator" | "argumentHasMacros" | "chain">,
): boolean {
  if (rule.operator === undefined || rule.argumentHasMacros) return false;
  return !rule.chain.name.split(">").some((step) => DIGESTS.has(step));
}

/** Compiles the filter of all filterable rules and chain links. */
export function compileCandidates(rules: readonly Rule[], ruleCount: number): CandidateFilter {
  const words = Math.ceil(ruleCount / WORD_BITS);
  const filterable = rules.filter((rule) => rule.filterable);
  const literals: { literal: string; bit: number }[] = [];
  const always = emptyBits(words);
  const byBytes = new Map<string, { bytes: Uint8Array; rules: RuleBits }>();
  for (const rule of filterable) {
    const needs = needsOf(rule);
    for (const literal of needs.literals) literals.push({ literal, bit: rule.index });
    if (needs.bytes === undefined) continue;
    const key = needs.bytes.join("");
    const known = byBytes.get(key) ?? { bytes: needs.bytes, rules: emptyBits(words) };
    if (needs.bytes.every((flag) => flag === 1)) setBit(always, rule);
    else {
      setBit(known.rules, rule);
      byBytes.set(key, known);
    }
  }
  const { steps, triggers } = conditionalSteps(filterable);
  return {
    words,
    rules: filterable,
    steps,
    index: compileLiteralIndex(literals),
    classes: compileByteClasses(triggers, [...byBytes.values()], words),
    always,
    metOnce: new Uint32Array(MET_ONCE_SIZE),
    ofForms: [],
    ofPhase: emptyBits(words),
    ofValue: emptyBits(words),
    recent: { texts: new Map(), count: 0 },
    older: { texts: new Map(), count: 0 },
    scopes: new Map(),
  };
}

const ANY_BYTE = new Uint8Array(256).fill(1);

/** What a value must hold: one of the literals or one of the bytes. */
function needsOf({ operator, negated }: Rule): {
  readonly literals: readonly string[];
  readonly bytes: Uint8Array | undefined;
} {
  // A negated operator matches where the requirement fails.
  const required: Requirement = negated || !operator ? { kind: "none" } : operator.required;
  if (required.kind === "none") return { literals: [], bytes: ANY_BYTE };
  if (required.kind === "bytes") return { literals: [], bytes: required.bytes };
  if (required.literals.includes("")) return { literals: [], bytes: ANY_BYTE };
  const literals = required.literals.filter((literal) => literal.length > 1);
  const single = required.literals.filter((literal) => literal.length === 1);
  if (single.length === 0) return { literals, bytes: undefined };
  const bytes = new Uint8Array(256);
  for (const letter of single) {
    bytes[letter.charCodeAt(0) & 0xff] = 1;
    if (/[a-z]/.test(letter)) bytes[letter.toUpperCase().charCodeAt(0)] = 1;
  }
  return { literals, bytes };
}

/** Transformations of which it is known which bytes they need to change anything. */
function conditionalSteps(rules: readonly Rule[]): {
  steps: CandidateFilter["steps"];
  triggers: readonly Uint8Array[];
} {
  const steps: ((text: string) => string)[] = [];
  const triggers: Uint8Array[] = [];
  const enter = (chain: Chain): void => {
    if (chain.parent !== undefined) enter(chain.parent);
    const { apply, triggers: bytes } = chain;
    if (bytes === undefined || steps.includes(apply) || steps.length >= WORD_BITS) return;
    steps.push(apply);
    triggers.push(bytes);
  };
  for (const rule of rules) for (const chain of chainsOf(rule)) enter(chain);
  return { steps, triggers };
}

const chainsOf = (rule: Rule): readonly Chain[] => [...rule.multiMatchChains, rule.chain];

/** The chains that some of a filter's rules use, as a tree by their beginnings. */
export function compileChainTree(
  { steps, words }: Pick<CandidateFilter, "steps" | "words">,
  rules: readonly Rule[],
): ChainNode {
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
  for (const rule of rules) for (const chain of chainsOf(rule)) setBit(enter(chain), rule);
  const top = [...byChain.keys()].find((chain) => chain.parent === undefined) ?? EMPTY_CHAIN;
  const stepOf = (chain: Chain): number => {
    const at = steps.indexOf(chain.apply);
    return at === -1 ? 0 : 1 << at;
  };
  return nodeOf(top, { byChain, children, stepOf, words });
}

const EMPTY_CHAIN: Chain = {
  index: 0,
  parent: undefined,
  apply: (text) => text,
  name: "",
  triggers: undefined,
};

type Tree = {
  readonly byChain: ReadonlyMap<Chain, RuleBits>;
  readonly children: ReadonlyMap<Chain, readonly Chain[]>;
  readonly stepOf: (chain: Chain) => number;
  readonly words: number;
};

function nodeOf(chain: Chain, tree: Tree): ChainNode {
  const own = tree.byChain.get(chain) ?? emptyBits(tree.words);
  const below = [...own];
  let stepsBelow = 0;
  const unconditional: ChainNode[] = [];
  const nodes = (tree.children.get(chain) ?? []).map((child) => nodeOf(child, tree));
  for (const node of nodes) {
    if (node.step === 0) {
      unconditional.push(node);
      continue;
    }
    unconditional.push(...node.unconditional);
    const { words, masks } = node.rulesBelow;
    const bits = emptyBits(tree.words);
    for (const [at, word] of words.entries()) bits[word] = masks[at] ?? 0;
    addBits(below, bits);
    stepsBelow |= node.step | node.stepsBelow;
  }
  return {
    chain,
    step: tree.stepOf(chain),
    rules: sparse(own),
    rulesBelow: sparse(below),
    stepsBelow,
    children: nodes,
    unconditional,
  };
}
