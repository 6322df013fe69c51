/** From rule files to a ruleset: everything resolved once, nothing left to look up by name. */

import { type ActionSet, disruptionOf, engineMode } from "./compile-actions.ts";
import { isFilterable } from "./compile-candidates.ts";
import { rulesetOf } from "./compile-phases.ts";
import {
  actionsOf,
  addRule,
  fault,
  type RulesSoFar,
  removeRules,
  targetsOf,
  updateRules,
} from "./compile-updates.ts";
import type { Gate, Rule, Ruleset, RulesetSettings } from "./compiled.ts";
import { compileOperator } from "./operators/compile.ts";
import { parseDirectives } from "./parse.ts";
import { parseOperator, parseTargets } from "./parse-rule.ts";
import { type Directive, type ParsedTarget, type Place, SecLangError } from "./rule.ts";
import { hasMacros, parseTemplate } from "./template.ts";
import { parseUnicodeMap } from "./unicode-map.ts";
import { type Chain, createChainTable } from "./value.ts";
import { isVariable } from "./variables.ts";

/** A rule file, in load order. */
export type RulesetSource = { readonly name: string; readonly text: string };

export type CompileResources = {
  /** Text of a data file that a rule names (`@pmFromFile`); undefined when there is none. */
  dataFile(fromFile: string, name: string): string | undefined;
};

/** Directives about files, logs and processes that have no meaning inside Cordon. */
const IGNORED = new Set([
  "secauditengine",
  "secauditlog",
  "secauditlog2",
  "secauditlogdirmode",
  "secauditlogfilemode",
  "secauditlogformat",
  "secauditlogparts",
  "secauditlogrelevantstatus",
  "secauditlogstoragedir",
  "secauditlogtype",
  "seccachetransformations",
  "secchrootdir",
  "seccomponentsignature",
  "secconnengine",
  "secconnreadstatelimit",
  "secconnwritestatelimit",
  "seccookieformat",
  "secdatadir",
  "secdebuglog",
  "secdebugloglevel",
  "secdisablebackendcompression",
  "secguardianlog",
  "secpcrematchlimit",
  "secpcrematchlimitrecursion",
  "secrequestbodyinmemorylimit",
  "secrequestbodylimitaction",
  "secrequestbodynofileslimit",
  "secresponsebodylimitaction",
  "secruleperftime",
  "secsensorid",
  "secserversignature",
  "secstatusengine",
  "sectmpdir",
  "sectmpsaveuploadedfiles",
  "secuploaddir",
  "secuploadfilelimit",
  "secuploadfilemode",
  "secuploadkeepfiles",
]);

type State = RulesSoFar & {
  readonly resources: CompileResources;
  settings: RulesetSettings;
  /** Links of a chain that is still open, in order. */
  open: { place: Place; set: ActionSet; make: (next: Rule | undefined, base: ActionSet) => Rule }[];
  nextIndex: number;
};

const DEFAULTS: RulesetSettings = {
  engine: "on",
  requestBodyAccess: true,
  responseBodyAccess: true,
  requestBodyBytesMax: 13_107_200,
  responseBodyBytesMax: 524_288,
  responseMimeTypes: ["text/plain", "text/html", "text/xml"],
  argumentSeparator: "&",
  argumentsMax: Number.MAX_SAFE_INTEGER,
  jsonDepthMax: Number.MAX_SAFE_INTEGER,
  webAppId: "",
  collectionTimeoutMs: 3_600_000,
};

/**
 * Compiles rule files.
 *
 * @throws SecLangError with every fault, each with file and line; nothing is skipped in silence.
 */
export function compileRuleset(
  sources: readonly RulesetSource[],
  resources: CompileResources,
): Ruleset {
  const steps = compileSteps(sources, resources);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Compiles rule files a directive at a time: whoever has something else to do does it between two.
 *
 * @throws SecLangError as `compileRuleset` does, from the last step.
 */
export function* compileSteps(
  sources: readonly RulesetSource[],
  resources: CompileResources,
): Generator<void, Ruleset, void> {
  const state: State = {
    resources,
    faults: [],
    items: [],
    pending: [],
    chains: createChainTable(),
    defaults: new Map(),
    settings: DEFAULTS,
    open: [],
    nextIndex: 0,
  };
  for (const source of sources) {
    const { directives, faults } = parseDirectives(source.name, source.text);
    state.faults.push(...faults);
    for (const directive of directives) {
      compileDirective(state, directive);
      yield;
    }
    const open = state.open[0];
    if (open !== undefined) {
      fault(state, open.place, "starts a chain that the file does not end");
      state.open = [];
    }
  }
  refuseDoubleIds(state);
  if (state.faults.length > 0) throw new SecLangError(state.faults);
  return rulesetOf(state.items, state.nextIndex, state.settings);
}

function refuseDoubleIds(state: State): void {
  const seen = new Map<number, Rule>();
  for (const item of state.items) {
    if (item.kind !== "rule") continue;
    const before = seen.get(item.rule.id);
    if (before !== undefined) {
      fault(
        state,
        item.rule,
        `has the id ${item.rule.id}, which ${before.file}:${before.line} has`,
      );
    }
    seen.set(item.rule.id, item.rule);
  }
}

function compileDirective(state: State, directive: Directive): void {
  const { name, args } = directive;
  const [first = ""] = args;
  if (name === "secrule") return compileRule(state, directive);
  if (name === "secaction") return compileLink(state, directive, { targets: [], actions: first });
  if (name === "secmarker") {
    state.items.push({ kind: "marker", name: first });
    return;
  }
  if (name === "secunicodemapfile") return useCodePage(state, directive);
  if (name === "secdefaultaction") return setDefaults(state, directive, first);
  if (name.startsWith("secruleremove")) return removeRules(state, directive);
  if (name.startsWith("secruleupdate")) return updateRules(state, directive);
  const settings = settingOf(name, args);
  if (settings !== undefined && Object.values(settings).some(Number.isNaN)) {
    fault(state, directive, `"${name}" wants a number, and has "${first}"`);
  } else if (settings !== undefined) state.settings = { ...state.settings, ...settings };
  else if (!IGNORED.has(name)) fault(state, directive, `"${name}" is no known directive`);
}

function settingOf(name: string, args: readonly string[]): Partial<RulesetSettings> | undefined {
  const [first = ""] = args;
  const on = first.toLowerCase() === "on";
  switch (name) {
    case "secruleengine":
      return { engine: engineMode(first) };
    case "secrequestbodyaccess":
      return { requestBodyAccess: on };
    case "secresponsebodyaccess":
      return { responseBodyAccess: on };
    case "secrequestbodylimit":
      return { requestBodyBytesMax: Number(first) };
    case "secresponsebodylimit":
      return { responseBodyBytesMax: Number(first) };
    case "secresponsebodymimetype":
      return { responseMimeTypes: args.map((type) => type.toLowerCase()) };
    case "secxmlexternalentity":
      return first.toLowerCase() === "off" ? {} : undefined;
    case "secresponsebodymimetypesclear":
      return { responseMimeTypes: [] };
    case "secargumentseparator":
      return { argumentSeparator: first };
    case "secargumentslimit":
      return { argumentsMax: Number(first) };
    case "secrequestbodyjsondepthlimit":
      return { jsonDepthMax: Number(first) };
    case "seccollectiontimeout":
      return { collectionTimeoutMs: Number(first) * 1_000 };
    case "secwebappid":
      return { webAppId: first };
    default:
      return undefined;
  }
}

/** Without the file characters are read by their low byte. */
function useCodePage(state: State, directive: Directive): void {
  const [file = "", codePage = ""] = directive.args;
  const text = state.resources.dataFile(directive.file, file);
  const map = text === undefined ? undefined : parseUnicodeMap(text, codePage);
  if (map !== undefined) state.chains.useCodePage(map);
  else if (text !== undefined || !/^\d+$/.test(codePage)) {
    fault(state, directive, `finds no code page "${codePage}" in "${file}"`);
  }
}

function setDefaults(state: State, directive: Directive, text: string): void {
  // `block` stands for what is given here, and cannot be it.
  const set = actionsOf(state, directive, text, (name) => name !== "block");
  if (set === undefined) return;
  if (set.id !== undefined) fault(state, directive, "has an id, which defaults cannot have");
  if (set.clearsTransformations) fault(state, directive, "has t:none, which defaults cannot have");
  if (set.disruptive === undefined && /(?:^|,)\s*block\s*(?:,|$)/i.test(text)) {
    fault(state, directive, "says block, and not what is to be done then");
  }
  state.defaults.set(set.phase ?? 2, set);
}

function compileRule(state: State, directive: Directive): void {
  const [targetText = "", operatorText = "", actionText = ""] = directive.args;
  const targets = parseTargets(targetText);
  if (typeof targets === "string") return fault(state, directive, targets);
  const unknown = targets.find((target) => !isVariable(target.variable));
  if (unknown !== undefined) {
    return fault(state, directive, `has the variable "${unknown.variable}", which is unknown`);
  }
  compileLink(state, directive, { targets, operator: operatorText, actions: actionText });
}

function compileLink(
  state: State,
  directive: Directive,
  parts: { targets: readonly ParsedTarget[]; operator?: string; actions: string },
): void {
  const set = actionsOf(state, directive, parts.actions);
  if (set === undefined) return;
  const compiled = compileTest(state, directive, parts);
  if (compiled === undefined) return;
  const index = state.nextIndex;
  state.nextIndex += 1;
  const make = (next: Rule | undefined, base: ActionSet): Rule =>
    ruleOf(state, { directive, set, base, index, next, ...compiled });
  state.open.push({ place: directive, set, make });
  if (set.chain) return;
  const base = state.open[0]?.set ?? set;
  if (base.id === undefined) fault(state, directive, "has no id");
  takeFromLinks(base, state.open);
  let next: Rule | undefined;
  for (const link of [...state.open].reverse()) next = link.make(next, base);
  state.open = [];
  if (next !== undefined) addRule(state, next);
}

/** A link may say what happens, and with which status, when the whole chain matches. */
function takeFromLinks(base: ActionSet, links: State["open"]): void {
  base.status = links.findLast(({ set }) => set.status !== undefined)?.set.status;
  const last = links.findLast(({ set }) => set.disruptive !== undefined)?.set;
  base.disruptive = last?.disruptive;
  base.disruptiveValue = last?.disruptiveValue ?? "";
}

type CompiledTest = Pick<
  Rule,
  "targets" | "operator" | "operatorName" | "argumentText" | "negated"
>;

function compileTest(
  state: State,
  directive: Directive,
  parts: { targets: readonly ParsedTarget[]; operator?: string },
): CompiledTest | undefined {
  if (parts.operator === undefined) {
    return {
      targets: [],
      operator: undefined,
      operatorName: "unconditionalMatch",
      argumentText: "",
      negated: false,
    };
  }
  const { name, argument, negated } = parseOperator(parts.operator);
  const operator = compileOperator(name, argument, {
    dataFile: (file) => state.resources.dataFile(directive.file, file),
  });
  if ("error" in operator) {
    fault(state, directive, `@${name}: ${operator.error}`);
    return undefined;
  }
  return {
    targets: targetsOf(parts.targets),
    operator,
    operatorName: name,
    argumentText: argument,
    negated,
  };
}

function ruleOf(
  state: State,
  given: CompiledTest & {
    directive: Directive;
    set: ActionSet;
    base: ActionSet;
    index: number;
    next: Rule | undefined;
  },
): Rule {
  const { directive, set, base, index, next, ...test } = given;
  const phase = base.phase ?? 2;
  const defaults = state.defaults.get(phase);
  const inherited = set.clearsTransformations ? [] : (defaults?.transformations ?? []);
  const names = [...inherited, ...set.transformations];
  const chain = state.chains.chainOf(names);
  if (chain === undefined) {
    fault(state, directive, `has an unknown transformation among "${names.join(", ")}"`);
  }
  const head = set === base;
  const argument = parseTemplate(test.argumentText);
  const argumentHasMacros = hasMacros(argument);
  const used = chain ?? state.chains.empty;
  return {
    ...test,
    filterable: isFilterable({ operator: test.operator, argumentHasMacros, chain: used }),
    id: base.id ?? 0,
    index,
    phase,
    file: directive.file,
    line: directive.line,
    argument,
    argumentHasMacros,
    gate: gateOf(test, used),
    chain: used,
    multiMatchChains: set.multiMatch ? state.chains.prefixesOf(names) : [],
    capture: set.capture,
    setVariables: set.setVariables,
    controls: set.controls,
    initCollections: set.initCollections,
    aging: set.aging,
    secrets: set.secrets,
    disruption: head ? disruptionOf(set, defaults) : { kind: "none" },
    log: set.log ?? defaults?.log ?? true,
    message: parseTemplate(set.message),
    logData: parseTemplate(set.logData),
    tags: base.tags,
    severity: base.severity,
    revision: base.revision,
    scoring: false,
    skip: base.skip,
    skipAfter: base.skipAfter,
    next,
  };
}

function gateOf({ targets, operator, negated }: CompiledTest, chain: Chain): Gate | undefined {
  const [target] = targets;
  const test = operator?.number;
  if (target?.txKey === undefined || targets.length > 1 || target.exclusions.length > 0) {
    return undefined;
  }
  if (test === undefined || chain.parent !== undefined) return undefined;
  return {
    key: target.txKey,
    name: target.count ? `&TX:${target.txKey}` : `TX:${target.txKey}`,
    counts: target.count,
    passes: negated ? (value) => !test(value) : test,
  };
}
