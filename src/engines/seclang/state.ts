/** Everything known of one request while its rules run. */

import { type Collection, createCollection } from "./collection.ts";
import type { CandidateScope, Fork, Point, Rule, Ruleset, Selector, Start } from "./compiled.ts";
import type { Hidden } from "./secret.ts";
import { createTx, type TxVariables } from "./tx.ts";

/** What `initcol` opens: a named collection that outlives requests. Bounded by its keeper. */
export type CollectionStore = {
  /** A collection that is kept; undefined where there is none. */
  find(collection: string, key: string, use: CollectionUse): Map<string, string> | undefined;
  /** The same, made where there is none. */
  load(collection: string, key: string, use: CollectionUse): Map<string, string>;
};

/** When it is used; it is forgotten when it was not for `timeoutMs`. */
export type CollectionUse = { readonly nowMs: number; readonly timeoutMs: number };

export type Connection = {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly uniqueId: string;
  readonly timeMs: number;
};

/** One rule that matched one variable. */
export type RuleMatch = {
  readonly ruleId: number;
  readonly phase: number;
  readonly message: string;
  readonly logData: string;
  readonly tags: readonly string[];
  readonly severity: string;
  readonly file: string;
  readonly line: number;
  /** Such as `ARGS:q`. */
  readonly variable: string;
  /** As the operator saw it, after transformations; latin1, bounded. */
  readonly value: string;
  readonly matchStart: number;
  readonly matchEnd: number;
  /** True when the rule raised an anomaly score or disrupted. */
  readonly scoring: boolean;
};

export type Verdict =
  | { readonly action: "deny" | "drop"; readonly status: number; readonly ruleId: number }
  | {
      readonly action: "redirect";
      readonly status: number;
      readonly location: string;
      readonly ruleId: number;
    };

export type TraceEntry = {
  readonly ruleId: number;
  readonly phase: number;
  readonly outcome: "matched" | "no match" | "skipped" | "removed";
  readonly message: string;
};

/** Rules and variables that one site lets pass; compiled once per site. */
export type CompiledExclusion = {
  readonly pathPrefix: string;
  readonly ruleId: number;
  /** Undefined = the whole rule. */
  readonly variable: string | undefined;
  readonly selector: Selector | undefined;
};

/** A variable, or a part of it, that some rules do not look at in this request. */
export type RemovedTarget = {
  readonly ids: ReadonlySet<number>;
  readonly variable: string;
  readonly selector: Selector;
};

export type State = {
  readonly ruleset: Ruleset;
  readonly connection: Connection;
  /** Those of the request's path, once that is known. */
  exclusions: readonly CompiledExclusion[];
  readonly store: CollectionStore | undefined;
  readonly trace: TraceEntry[] | undefined;
  /** False only in tests that prove that the prefilter changes nothing. */
  readonly usePrefilter: boolean;
  engine: "on" | "off" | "detectionOnly";
  requestBodyAccess: boolean;
  forceBodyVariable: boolean;
  bodyProcessor: string;
  allowed: "phase" | "request" | "all" | undefined;
  verdict: Verdict | undefined;
  readonly matches: RuleMatch[];
  /** What is not told of them; undefined when no rule has called anything secret. */
  hidden: Hidden | undefined;
  /** Rules removed for this request, by index. */
  readonly removedRules: Set<number>;
  readonly removedTargets: RemovedTarget[];
  tx: TxVariables;
  /** Variables of open collections that rules have asked for. */
  readonly persistent: Map<string, Map<string, string>>;
  /** Keys of the collections that are open. */
  readonly opened: Map<string, string>;
  /** Where the request is on its site's course of rules; undefined when it has left it. */
  fork: Fork | undefined;
  /** The rules that this request may meet; all of them when it has left the course. */
  scope: CandidateScope;
  point: Point | undefined;
  /** The last place of the phase where a rule that was run matched. */
  touchedAt: number;
  /** Counts matches of links, each of which may change something. */
  touches: number;
  /** The rule that runs, for `%{rule.…}`. */
  rule: Rule | undefined;
  matchedName: string;
  matchedValue: string;
  matchedNames: string[];
  matchedValues: string[];
  highestSeverity: number;
  /** How many of `TX:0` to `TX:9` the last capture may have set. */
  captured: number;
  // The request line and what is read from it.
  method: string;
  protocol: string;
  requestLine: string;
  uriRaw: string;
  uri: string;
  /** The path as sent; exclusions are for what is below one. */
  path: string;
  /** The path with `%41` decoded once, as a back end sees it: REQUEST_FILENAME. */
  filename: string;
  basename: string;
  queryString: string;
  headers: Collection;
  cookies: Collection;
  argsGet: Collection;
  argsPost: Collection;
  /** Joined when first asked for after a change. */
  args: Collection | undefined;
  files: Collection;
  fileSizes: Collection;
  fileContents: Collection;
  multipartHeaders: Collection;
  multipartFlags: ReadonlyMap<string, string>;
  xmlText: Collection;
  xmlAttributes: Collection;
  /** The body as far as rules shall see it as a whole. */
  requestBody: string;
  /** The body as it came. */
  rawBody: string;
  bodyError: string;
  bodyErrorMessage: string;
  inboundDataError: boolean;
  outboundDataError: boolean;
  responseStatus: number;
  responseProtocol: string;
  responseHeaders: Collection;
  responseBody: string;
  /** Collections as rules read them, by slot; forgotten when more of the request is known. */
  readonly read: (Collection | undefined)[];
};

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();
/** What is not known yet; nobody adds to it. */
const NONE = createCollection();

export type StateOptions = {
  readonly exclusions: readonly CompiledExclusion[];
  readonly store: CollectionStore | undefined;
  readonly engine: State["engine"];
  readonly variables: ReadonlyMap<string, string> | undefined;
  readonly trace: boolean;
  readonly usePrefilter: boolean;
  readonly slots: number;
  /** Default: it is on no course. */
  readonly start?: Start;
};

/** A state before anything of the request is known. */
export function createState(ruleset: Ruleset, connection: Connection, given: StateOptions): State {
  return {
    ruleset,
    connection,
    exclusions: given.exclusions,
    store: given.store,
    trace: given.trace ? [] : undefined,
    usePrefilter: given.usePrefilter,
    engine: given.engine,
    requestBodyAccess: ruleset.settings.requestBodyAccess,
    forceBodyVariable: false,
    bodyProcessor: "",
    allowed: undefined,
    verdict: undefined,
    matches: [],
    hidden: undefined,
    removedRules: new Set(),
    removedTargets: [],
    tx: createTx(given.variables ?? NO_VARIABLES),
    persistent: new Map(),
    opened: new Map(),
    fork: given.start?.fork,
    scope: given.start?.scope ?? ruleset.scope,
    point: undefined,
    touchedAt: -1,
    touches: 0,
    rule: undefined,
    matchedName: "",
    matchedValue: "",
    matchedNames: [],
    matchedValues: [],
    highestSeverity: 255,
    captured: 0,
    method: "",
    protocol: "",
    requestLine: "",
    uriRaw: "",
    uri: "",
    path: "",
    filename: "",
    basename: "",
    queryString: "",
    headers: NONE,
    cookies: NONE,
    argsGet: NONE,
    argsPost: NONE,
    args: undefined,
    files: NONE,
    fileSizes: NONE,
    fileContents: NONE,
    multipartHeaders: NONE,
    multipartFlags: NO_VARIABLES,
    xmlText: NONE,
    xmlAttributes: NONE,
    requestBody: "",
    rawBody: "",
    bodyError: "",
    bodyErrorMessage: "",
    inboundDataError: false,
    outboundDataError: false,
    responseStatus: 0,
    responseProtocol: "",
    responseHeaders: NONE,
    responseBody: "",
    read: new Array<Collection | undefined>(given.slots).fill(undefined),
  };
}
