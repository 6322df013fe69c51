/** Compiled rules: everything a transaction needs, resolved and immutable. */

import type { Collection } from "./collection.ts";
import type { ClassBits, LiteralIndex } from "./literal-index.ts";
import type { Operator } from "./operators/operator.ts";
import type { RuleBits } from "./rule-bits.ts";
import type { Secret } from "./secret.ts";
import type { State } from "./state.ts";
import type { Chain } from "./value.ts";

/** Text with `%{…}` macros cut into parts; a plain text has one part. */
export type Template = readonly (string | MacroReference)[];
export type MacroReference = { readonly variable: string; readonly key: string | undefined };

export type Selector =
  | { readonly kind: "all" }
  | { readonly kind: "name"; readonly lowered: string }
  | { readonly kind: "pattern"; readonly test: (name: string) => boolean };

export type Target = {
  readonly variable: string;
  readonly selector: Selector;
  /** As written, for messages. */
  readonly selectorText: string | undefined;
  readonly count: boolean;
  /** True when items have names, so that one is told as `ARGS:q`. */
  readonly named: boolean;
  readonly read: (state: State) => Collection;
  /** Of a variable that is a single value. */
  readonly readText: ((state: State) => string) | undefined;
  /** Where a request keeps what was read; -1 for what changes while rules run. */
  readonly slot: number;
  /** Key of a single `TX` variable, which needs no collection to be made. */
  readonly txKey: string | undefined;
  readonly exclusions: readonly { readonly variable: string; readonly selector: Selector }[];
};

/** What time does to a variable: `expirevar` ends it, `deprecatevar` lowers it by an amount. */
export type Aging = {
  readonly collection: string;
  readonly name: Template;
  /** Undefined: all of it. */
  readonly amount: Template | undefined;
  readonly seconds: Template;
};

export type SetVariable = {
  readonly collection: string;
  /** In lower case, as far as it is no macro. */
  readonly name: Template;
  readonly operation: "set" | "add" | "subtract" | "unset";
  readonly value: Template;
};

/** `first`–`last` inclusive. */
export type IdRange = { readonly first: number; readonly last: number };

export type Control =
  | { readonly kind: "removeById"; readonly ranges: readonly IdRange[] }
  | { readonly kind: "removeByTag"; readonly tag: (tag: string) => boolean }
  | { readonly kind: "removeByMessage"; readonly message: (message: string) => boolean }
  | {
      readonly kind: "removeTarget";
      readonly rule: (rule: Rule) => boolean;
      readonly variable: string;
      readonly selector: Selector;
    }
  | { readonly kind: "engine"; readonly mode: "on" | "off" | "detectionOnly" }
  | { readonly kind: "bodyProcessor"; readonly name: string }
  | { readonly kind: "forceBodyVariable"; readonly on: boolean }
  | { readonly kind: "requestBodyAccess"; readonly on: boolean }
  | { readonly kind: "ignored"; readonly name: string };

export type Disruption =
  | { readonly kind: "none" }
  | { readonly kind: "pass" }
  | { readonly kind: "allow"; readonly scope: "phase" | "request" | "all" }
  | { readonly kind: "deny" | "drop"; readonly status: number }
  | { readonly kind: "redirect"; readonly status: number; readonly location: Template };

/** `TX:key @lt 2`, or `&TX:key @eq 0` when `counts`. */
export type Gate = {
  readonly key: string;
  readonly name: string;
  readonly counts: boolean;
  readonly passes: (value: number) => boolean;
};

/** One rule or one link of a chain. */
export type Rule = {
  readonly id: number;
  /** Position among all rules; indexes per-transaction bit sets. */
  readonly index: number;
  readonly phase: number;
  readonly file: string;
  readonly line: number;
  /** Empty for SecAction: it always matches. */
  readonly targets: readonly Target[];
  readonly operator: Operator | undefined;
  readonly operatorName: string;
  readonly argument: Template;
  readonly argumentText: string;
  readonly argumentHasMacros: boolean;
  readonly negated: boolean;
  /** For a test of one `TX` variable against a fixed number, which most control flow is. */
  readonly gate: Gate | undefined;
  readonly chain: Chain;
  /** Every prefix of the transformation chain, for multiMatch. */
  readonly multiMatchChains: readonly Chain[];
  /** True when the ruleset's candidate filter decides for which values the rule runs. */
  readonly filterable: boolean;
  readonly capture: boolean;
  readonly setVariables: readonly SetVariable[];
  readonly controls: readonly Control[];
  readonly initCollections: readonly { readonly collection: string; readonly key: Template }[];
  readonly aging: readonly Aging[];
  readonly secrets: readonly Secret[];
  readonly disruption: Disruption;
  readonly log: boolean;
  readonly message: Template;
  readonly logData: Template;
  readonly tags: readonly string[];
  readonly severity: string;
  /** `rev`, for `%{rule.rev}`. */
  readonly revision: string;
  /** True for a head whose match is reported with a score, or ends the request. */
  readonly scoring: boolean;
  readonly skip: number;
  readonly skipAfter: string | undefined;
  /** The next link of the chain. */
  readonly next: Rule | undefined;
};

/** A phase's rules in order. */
export type PhaseRules = {
  readonly rules: readonly Rule[];
  /** Per rule the position it goes on at when it matches. */
  readonly nextAt: readonly number[];
  /**
   * Per rule the word of its candidate bit, or -1 for a rule that always runs: it reads what
   * changes while rules run, or counts.
   */
  readonly words: Int32Array;
  readonly masks: Int32Array;
  /** One target for each collection that the rules with a word read, and the last such rule. */
  readonly sources: readonly { readonly target: Target; readonly lastAt: number }[];
};

export type RulesetSettings = {
  readonly engine: "on" | "off" | "detectionOnly";
  readonly requestBodyAccess: boolean;
  readonly responseBodyAccess: boolean;
  readonly requestBodyBytesMax: number;
  readonly responseBodyBytesMax: number;
  readonly responseMimeTypes: readonly string[];
  readonly argumentSeparator: string;
  /** Arguments of a request; one with more has a body that cannot be read. */
  readonly argumentsMax: number;
  readonly jsonDepthMax: number;
  readonly webAppId: string;
  /** How long a collection is kept that no request opens. */
  readonly collectionTimeoutMs: number;
};

/** Some rules' bits, only the words that have any. */
export type SparseBits = { readonly words: readonly number[]; readonly masks: readonly number[] };

/**
 * A transformation chain with the rules that use it and the chains that go on from it. A step is
 * conditional when it is known which bytes it needs to change anything.
 */
export type ChainNode = {
  readonly chain: Chain;
  /** The step's own bit among the conditional steps; 0 for another. */
  readonly step: number;
  /** Rules that test what this chain makes of a value. */
  readonly rules: SparseBits;
  /** Rules of this chain and of those behind it by conditional steps alone. */
  readonly rulesBelow: SparseBits;
  /** Bits of those steps. */
  readonly stepsBelow: number;
  readonly children: readonly ChainNode[];
  /** The first steps behind this chain that are not conditional. */
  readonly unconditional: readonly ChainNode[];
};

/** Classes of bytes: the bit of each byte's, and per class what it says; see byte-classes.ts. */
export type ByteClasses = {
  readonly bits: ClassBits;
  /** Bits of the conditional steps that bytes of the class trigger. */
  readonly steps: readonly number[];
  /** Rules that a byte of the class lets through. */
  readonly rules: readonly SparseBits[];
};

/** What tells which rules may match a value; see candidates.ts. */
export type CandidateFilter = {
  readonly words: number;
  /** The rules and links of chains that are filtered. */
  readonly rules: readonly Rule[];
  /** Transformations that change nothing without some bytes: the conditional steps, by bit. */
  readonly steps: readonly ((text: string) => string)[];
  readonly index: LiteralIndex;
  readonly classes: ByteClasses;
  /** Rules that no property of a value excludes. */
  readonly always: RuleBits;
  /** Fingerprints of texts that were met once; a text that comes again is remembered. */
  readonly metOnce: Uint32Array;
  /** Sets for the forms of the value that is looked at; of no meaning between values. */
  readonly ofForms: RuleBits[];
  /** The rules that may match in the phase that runs; of no meaning between phases. */
  readonly ofPhase: RuleBits;
  /** The rules that may match the value that is looked at; of no meaning between values. */
  readonly ofValue: RuleBits;
  recent: Remembered;
  older: Remembered;
  /** Scopes by their rules: sites that differ in thresholds alone share what is remembered. */
  readonly scopes: Map<string, CandidateScope>;
};

/** Sets kept by text, and how many there are. */
export type Remembered = { readonly texts: Map<string, RememberedSet>; count: number };

/** The set of one reader for a text, and those of other readers. */
export type RememberedSet = {
  readonly reader: ValueReader;
  readonly bits: RuleBits;
  readonly next: RememberedSet | undefined;
};

/** The rules that are asked about the values of one variable, or about one named item of it. */
export type ValueReader = {
  /** Tells it from the filter's other readers. */
  readonly id: number;
  readonly root: ChainNode;
  /** Its rules when they are asked of every value; undefined when that depends on the value. */
  readonly fixed: RuleBits | undefined;
};

/** The readers of a variable: items that some rule names have their own. */
export type VariableReaders = {
  /** False: no rule of the scope asks anything of the variable. */
  readonly isAsked: boolean;
  readonly byName: ReadonlyMap<string, ValueReader>;
  readonly others: ValueReader;
};

/** The rules that a request may meet, and the readers made of them; see candidate-scope.ts. */
export type CandidateScope = {
  readonly filter: CandidateFilter;
  /** Undefined = all. */
  readonly asked: RuleBits | undefined;
  /** By slot, each made when first needed. */
  readonly readers: (VariableReaders | undefined)[];
};

export type Ruleset = {
  readonly phases: readonly PhaseRules[];
  readonly rules: readonly Rule[];
  readonly ruleCount: number;
  /** All rules, for a request that is on no course. */
  readonly scope: CandidateScope;
  readonly settings: RulesetSettings;
  /** Single values as the request before had them, by slot. */
  readonly lastSingles: (Collection | undefined)[];
};

/** What rules have changed up to a place on the course. */
export type Point = {
  readonly shared: ReadonlyMap<string, string>;
  /** The last place before this one where a rule left out set what follows. */
  readonly matchedAt: number;
  readonly matchedName: string;
  readonly matchedValue: string;
  readonly matchedNames: string[];
  readonly matchedValues: string[];
  readonly highestSeverity: number;
};

/** A rule that reads the request. */
export type Step = {
  readonly at: number;
  readonly nextAt: number;
  /** The step to go on with when this one matches; -1 when that leaves the course. */
  readonly resume: number;
  readonly rule: Rule;
  readonly before: Point;
};

export type Course = {
  readonly steps: readonly Step[];
  /** As in PhaseRules, per step. */
  readonly words: Int32Array;
  readonly masks: Int32Array;
  /** Per step: the masks of it and of those behind it with the same word, and where those end. */
  readonly blockMasks: Int32Array;
  readonly blockEnds: Int32Array;
  /**
   * `TX` variables that the rules left out read or set, and the places of those rules: who has
   * changed one leaves the course there.
   */
  readonly keys: ReadonlyMap<string, readonly number[]>;
  /** Places of the rules left out, by index: who has removed one leaves the course there. */
  readonly leftOut: ReadonlyMap<number, number>;
  /** What the rules left out have made of the state before each of those places. */
  readonly points: readonly (Point | undefined)[];
  readonly end: Fork;
};

/** Where one phase ends, and the courses that phases take from there, made when first needed. */
export type Fork = { readonly point: Point; readonly courses: (Course | undefined)[] };

/** Where the requests of a site start, and the rules that they meet while they keep to a course. */
export type Start = { readonly fork: Fork; readonly scope: CandidateScope };
