/**
 * The rule engine as its users see it: compile a ruleset once, run a transaction per request. No
 * I/O; the caller brings the bytes and carries out the verdict.
 */
import { isBelow, viewPath } from "../sitepolicy/path.ts";
import { addTo, type Collection, collectionOf, createCollection, firstText } from "./collection.ts";
import type { Ruleset } from "./compiled.ts";
import { startOf } from "./course.ts";
import { processBody } from "./request-body.ts";
import { parseArguments, parseCookies } from "./request-line.ts";
import { runPhase } from "./run-phase.ts";
import { toldMatches } from "./sanitize.ts";
import { compileSelector } from "./selector.ts";
import {
  type CollectionStore,
  type CompiledExclusion,
  type Connection,
  createState,
  type RuleMatch,
  type State,
  type TraceEntry,
  type Verdict,
} from "./state.ts";
import { forget, readText, SLOTS } from "./variables.ts";

export {
  type CompileResources,
  compileRuleset,
  compileSteps,
  type RulesetSource,
} from "./compile.ts";
export type { Ruleset } from "./compiled.ts";
export { SecLangError } from "./rule.ts";
export type {
  CollectionStore,
  CompiledExclusion,
  Connection,
  RuleMatch,
  TraceEntry,
  Verdict,
} from "./state.ts";

export type TransactionOptions = {
  readonly exclusions?: readonly CompiledExclusion[];
  readonly engine?: "on" | "detectionOnly";
  readonly collections?: CollectionStore;
  /**
   * Initial `TX` variables, lower-case names: paranoia level, thresholds. They must not change;
   * what rules make of them is found out once for each map, not once for each request.
   */
  readonly variables?: ReadonlyMap<string, string>;
  readonly trace?: boolean;
  /** Off only in tests. */
  readonly usePrefilter?: boolean;
};

export type Transaction = {
  /** The request line: method and target as sent, protocol such as `HTTP/1.1`. */
  requestLine(method: string, target: string, protocol: string, rawLine: string): void;
  /** Headers in order, duplicates kept, latin1. Runs phase 1. */
  /** @param lowered the names in lower case, where the caller has them. */
  requestHeaders(
    names: readonly string[],
    values: readonly string[],
    lowered?: readonly string[],
  ): Verdict | undefined;
  /** The body as far as it is inspected, latin1. Runs phase 2; call it also without a body. */
  requestBody(body: string, options?: { partial?: boolean }): Verdict | undefined;
  responseHeaders(
    status: number,
    protocol: string,
    names: readonly string[],
    values: readonly string[],
  ): Verdict | undefined;
  responseBody(body: string, options?: { partial?: boolean }): Verdict | undefined;
  /** Runs the logging phase. */
  finish(): void;
  /** What has matched so far, without what the rules call secret. */
  matches(): readonly RuleMatch[];
  /** A variable's text, such as `variable("TX", "anomaly_score")`. */
  variable(name: string, key?: string): string;
  readonly trace: readonly TraceEntry[];
};

/** What a site lets pass: a rule, or one variable of it, below a path. */
export function compileExclusions(
  exclusions: readonly { pathPrefix: string; ruleId: number; variable: string | null }[],
): CompiledExclusion[] {
  return exclusions.map(({ pathPrefix, ruleId, variable }) => {
    if (variable === null) return { pathPrefix, ruleId, variable: undefined, selector: undefined };
    const colon = variable.indexOf(":");
    const name = colon === -1 ? variable : variable.slice(0, colon);
    const key = colon === -1 ? undefined : variable.slice(colon + 1);
    return {
      pathPrefix,
      ruleId,
      variable: name.toUpperCase(),
      selector: key === undefined ? undefined : compileSelector(key, false),
    };
  });
}

const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** Starts a transaction. */
export function beginTransaction(
  ruleset: Ruleset,
  connection: Connection,
  options: TransactionOptions = {},
): Transaction {
  const state = createState(ruleset, connection, {
    exclusions: options.exclusions ?? [],
    store: options.collections,
    engine: options.engine ?? ruleset.settings.engine,
    variables: options.variables,
    trace: options.trace ?? false,
    usePrefilter: options.usePrefilter ?? true,
    slots: SLOTS,
    start: startOf(ruleset, options.variables ?? NO_VARIABLES),
  });
  return {
    requestLine: (method, target, protocol, rawLine) =>
      readRequestLine(state, { method, target, protocol, rawLine }),
    requestHeaders: (names, values, lowered) =>
      readRequestHeaders(state, collectionOf(names, values, lowered)),
    requestBody: (body, given) => readRequestBody(state, body, given?.partial ?? false),
    responseHeaders(status, protocol, names, values) {
      state.responseStatus = status;
      state.responseProtocol = protocol;
      state.responseHeaders = collectionOf(names, values);
      forget(state, "response");
      return run(state, 3);
    },
    responseBody(body, given) {
      state.responseBody = body;
      state.outboundDataError = given?.partial ?? false;
      forget(state, "response");
      return run(state, 4);
    },
    finish: () => runPhase(state, 5),
    matches: () => toldMatches(state),
    variable: (name, key) => readText(state, name, key),
    trace: state.trace ?? [],
  };
}

function run(state: State, phase: number): Verdict | undefined {
  const before = state.verdict;
  runPhase(state, phase);
  return state.verdict === before ? undefined : state.verdict;
}

function readRequestLine(
  state: State,
  line: { method: string; target: string; protocol: string; rawLine: string },
): void {
  state.method = line.method;
  state.protocol = line.protocol;
  state.requestLine = line.rawLine;
  state.uriRaw = line.target;
  // REQUEST_URI has no scheme and host, also when the client sent them (absolute-form).
  const origin = line.target.startsWith("/") ? "" : originOf(line.target);
  const target = line.target.slice(origin.length) || (origin === "" ? "" : "/");
  state.uri = target;
  const fragment = target.indexOf("#");
  const clean = fragment === -1 ? target : target.slice(0, fragment);
  const question = clean.indexOf("?");
  state.path = question === -1 ? clean : clean.slice(0, question);
  state.filename = decodePath(state.path);
  state.queryString = question === -1 ? "" : clean.slice(question + 1);
  state.basename = state.filename.slice(
    Math.max(state.filename.lastIndexOf("/"), state.filename.lastIndexOf("\\")) + 1,
  );
  state.argsGet = parseArguments(state.queryString, state.ruleset.settings.argumentSeparator);
  if (state.exclusions.length > 0) state.exclusions = exclusionsOf(state.exclusions, state.path);
  for (const exclusion of state.exclusions) {
    if (exclusion.variable !== undefined) continue;
    for (const rule of state.ruleset.rules) {
      if (rule.id === exclusion.ruleId) state.removedRules.add(rule.index);
    }
  }
}

/** `http://host` of a target in absolute form (RFC 9112 §3.2.2). */
const originOf = (target: string): string =>
  /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i.exec(target)?.[0] ?? "";

/** Those below whose path a request is, also for a server that reads its path differently. */
function exclusionsOf(
  exclusions: readonly CompiledExclusion[],
  path: string,
): readonly CompiledExclusion[] {
  const { isAmbiguous, readings } = viewPath(path);
  const paths = isAmbiguous ? [path, ...readings] : [path];
  return exclusions.filter(({ pathPrefix }) => paths.every((one) => isBelow(one, pathPrefix)));
}

/** Decodes `%41` once; a `+` in a path is a plus sign. */
function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  return path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}

function readRequestHeaders(state: State, headers: Collection): Verdict | undefined {
  state.headers = headers;
  const cookies: Collection = createCollection();
  const { lowered, values } = headers;
  for (let at = 0; at < lowered.length; at += 1) {
    if (lowered[at] === "cookie")
      parseCookies(values[at]?.text ?? "", (name, text) => addTo(cookies, name, text));
  }
  state.cookies = cookies;
  const type = firstText(headers, "content-type").toLowerCase();
  if (type.startsWith("application/x-www-form-urlencoded")) state.bodyProcessor = "URLENCODED";
  else if (type.startsWith("multipart/form-data")) state.bodyProcessor = "MULTIPART";
  return run(state, 1);
}

function readRequestBody(state: State, body: string, partial: boolean): Verdict | undefined {
  state.rawBody = body;
  state.inboundDataError = partial;
  if (state.requestBodyAccess && body !== "") processBody(state, body);
  forget(state, "body");
  return run(state, 2);
}
