/** From rule files to a ruleset: everything resolved once, nothing left to look up by name. */
import {
  type ActionSet,
  compileActions,
  disruptionOf,
  engineMode,
  inRanges,
  parseIdRanges,
} from "./compile-actions.ts";
import type { PhaseRules, Rule, Ruleset, RulesetSettings, Target } from "./compiled.ts";
import { compileOperator } from "./operators/compile.ts";
import { parseDirectives } from "./parse.ts";
import { parseActions, parseOperator, parseTargets } from "./parse-rule.ts";
import { type Directive, type Fault, type ParsedTarget, type Place, SecLangError } from "./rule.ts";
import { compileSelector } from "./selector.ts";
import { hasMacros, parseTemplate } from "./template.ts";
import { type ChainTable, compilePrefilter, createChainTable } from "./value.ts";
import { isCollection, isVariable, readerOf } from "./variables.ts";

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
  "secargumentslimit",
  "seccollectiontimeout",
  "seccomponentsignature",
  "secconnengine",
  "seccookieformat",
  "secdatadir",
  "secdebuglog",
  "secdebugloglevel",
  "secpcrematchlimit",
  "secpcrematchlimitrecursion",
  "secrequestbodyinmemorylimit",
  "secrequestbodyjsondepthlimit",
  "secrequestbodylimitaction",
  "secrequestbodynofileslimit",
  "secresponsebodylimitaction",
  "secserversignature",
  "secstatusengine",
  "sectmpdir",
  "sectmpsaveuploadedfiles",
  "secunicodemapfile",
  "secuploaddir",
  "secuploadfilelimit",
  "secuploadfilemode",
  "secuploadkeepfiles",
  "secwebappid",
]);

type Item =
  | { readonly kind: "rule"; rule: Rule }
  | { readonly kind: "marker"; readonly name: string };

type State = {
  readonly resources: CompileResources;
  readonly faults: Fault[];
  readonly items: Item[];
  readonly chains: ChainTable;
  readonly defaults: Map<number, ActionSet>;
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
  const state: State = {
    resources,
    faults: [],
    items: [],
    chains: createChainTable(),
    defaults: new Map(),
    settings: DEFAULTS,
    open: [],
    nextIndex: 0,
  };
  for (const source of sources) {
    const { directives, faults } = parseDirectives(source.name, source.text);
    state.faults.push(...faults);
    for (const directive of directives) compileDirective(state, directive);
    const open = state.open[0];
    if (open !== undefined) {
      fault(state, open.place, "starts a chain that the file does not end");
      state.open = [];
    }
  }
  refuseDoubleIds(state);
  if (state.faults.length > 0) throw new SecLangError(state.faults);
  return rulesetOf(state);
}

function fault(state: State, { file, line }: Place, message: string): void {
  state.faults.push({ file, line, message });
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
  const [first = "", second = ""] = args;
  if (name === "secrule") return compileRule(state, directive);
  if (name === "secaction") return compileLink(state, directive, { targets: [], actions: first });
  if (name === "secmarker") {
    state.items.push({ kind: "marker", name: first });
    return;
  }
  if (name === "secdefaultaction") return setDefaults(state, directive, first);
  if (name.startsWith("secruleremove")) return removeRules(state, directive);
  if (name.startsWith("secruleupdate")) return updateRules(state, directive, second);
  const settings = settingOf(name, args);
  if (settings !== undefined) state.settings = { ...state.settings, ...settings };
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
    case "secargumentseparator":
      return { argumentSeparator: first };
    default:
      return undefined;
  }
}

function actionsOf(state: State, place: Place, text: string): ActionSet | undefined {
  const parsed = parseActions(text);
  const set = typeof parsed === "string" ? parsed : compileActions(parsed);
  if (typeof set !== "string") return set;
  fault(state, place, set);
  return undefined;
}

function setDefaults(state: State, directive: Directive, text: string): void {
  const set = actionsOf(state, directive, text);
  if (set !== undefined) state.defaults.set(set.phase ?? 2, set);
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
  let next: Rule | undefined;
  for (const link of [...state.open].reverse()) next = link.make(next, base);
  state.open = [];
  if (next !== undefined) state.items.push({ kind: "rule", rule: next });
}

type CompiledTest = Pick<
  Rule,
  "targets" | "operator" | "operatorName" | "argumentText" | "negated" | "prefilter"
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
      prefilter: undefined,
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
  const macros = hasMacros(parseTemplate(argument));
  return {
    targets: targetsOf(parts.targets),
    operator,
    operatorName: name,
    argumentText: argument,
    negated,
    // A negated operator matches where the requirement fails, so it must always run.
    prefilter: negated || macros ? undefined : compilePrefilter(operator.required),
  };
}

function targetsOf(parsed: readonly ParsedTarget[]): Target[] {
  const exclusions = parsed
    .filter((target) => target.exclude)
    .map(({ variable, selector, selectorIsRegex }) => ({
      variable,
      selector: compileSelector(selector, selectorIsRegex),
    }));
  return parsed
    .filter((target) => !target.exclude)
    .map(({ variable, selector, selectorIsRegex, count }) => ({
      variable,
      selector: compileSelector(selector, selectorIsRegex),
      selectorText: selector,
      count,
      named: isCollection(variable),
      read: readerOf(variable, selector),
      txKey: variable === "TX" && !selectorIsRegex ? selector?.toLowerCase() : undefined,
      exclusions: exclusions.filter((exclusion) => exclusion.variable === variable),
    }));
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
  const prefixes = names.map((_, at) => state.chains.chainOf(names.slice(0, at)));
  const head = set === base;
  const argument = parseTemplate(test.argumentText);
  return {
    ...test,
    id: base.id ?? 0,
    index,
    phase,
    file: directive.file,
    line: directive.line,
    argument,
    argumentHasMacros: hasMacros(argument),
    chain: chain ?? state.chains.empty,
    multiMatchChains: set.multiMatch ? prefixes.filter((prefix) => prefix !== undefined) : [],
    capture: set.capture,
    setVariables: set.setVariables,
    controls: set.controls,
    initCollections: set.initCollections,
    expire: set.expire,
    disruption: head ? disruptionOf(set, defaults) : { kind: "none" },
    log: set.log ?? defaults?.log ?? true,
    message: parseTemplate(set.message),
    logData: parseTemplate(set.logData),
    tags: base.tags,
    severity: base.severity,
    skip: base.skip,
    skipAfter: base.skipAfter,
    next,
  };
}

function removeRules(state: State, directive: Directive): void {
  const text = directive.args.join(" ");
  const test = ruleTest(directive.name, text);
  if (test === undefined) return fault(state, directive, `cannot read "${text}"`);
  for (let at = state.items.length - 1; at >= 0; at -= 1) {
    const item = state.items[at];
    if (item?.kind === "rule" && test(item.rule)) state.items.splice(at, 1);
  }
}

/** Which rules `SecRule{Remove,Update…}By{Id,Tag,Msg}` means. */
function ruleTest(directiveName: string, text: string): ((rule: Rule) => boolean) | undefined {
  if (directiveName.endsWith("byid")) {
    const ranges = parseIdRanges(text);
    return ranges === undefined ? undefined : (rule) => inRanges(ranges, rule.id);
  }
  const selector = compileSelector(text, true);
  if (selector.kind !== "pattern") return undefined;
  if (directiveName.endsWith("bytag")) return (rule) => rule.tags.some(selector.test);
  return (rule) => rule.message.some((part) => typeof part === "string" && selector.test(part));
}

function updateRules(state: State, directive: Directive, change: string): void {
  const [which = ""] = directive.args;
  const test = ruleTest(directive.name, which);
  if (test === undefined) return fault(state, directive, `cannot read "${which}"`);
  if (directive.name.startsWith("secruleupdateaction"))
    return updateActions(state, directive, { test, change });
  const parsed = parseTargets(change);
  if (typeof parsed === "string") return fault(state, directive, parsed);
  const removed = parsed
    .filter((target) => target.exclude)
    .map(({ variable, selector, selectorIsRegex }) => ({
      variable,
      selector: compileSelector(selector, selectorIsRegex),
    }));
  const added = targetsOf(parsed.filter((target) => !target.exclude));
  for (const item of state.items) {
    if (item.kind !== "rule" || !test(item.rule)) continue;
    const targets = [...item.rule.targets, ...added].map((target) => ({
      ...target,
      exclusions: [
        ...target.exclusions,
        ...removed.filter((exclusion) => exclusion.variable === target.variable),
      ],
    }));
    item.rule = { ...item.rule, targets };
  }
}

function updateActions(
  state: State,
  directive: Directive,
  { test, change }: { test: (rule: Rule) => boolean; change: string },
): void {
  const set = actionsOf(state, directive, change);
  if (set === undefined) return;
  for (const item of state.items) {
    if (item.kind !== "rule" || !test(item.rule)) continue;
    const disruption = disruptionOf(set, state.defaults.get(item.rule.phase));
    item.rule = {
      ...item.rule,
      disruption: disruption.kind === "none" ? item.rule.disruption : disruption,
      log: set.log ?? item.rule.log,
      setVariables: [...item.rule.setVariables, ...set.setVariables],
      controls: [...item.rule.controls, ...set.controls],
      tags: [...item.rule.tags, ...set.tags],
    };
  }
}

const PHASES = [1, 2, 3, 4, 5] as const;

function rulesetOf(state: State): Ruleset {
  const phases: PhaseRules[] = [{ rules: [], markers: new Map() }];
  for (const phase of PHASES) phases.push(phaseOf(state.items, phase));
  const rules = state.items.flatMap((item) => (item.kind === "rule" ? [item.rule] : []));
  return { phases, rules, ruleCount: state.nextIndex, settings: state.settings };
}

function phaseOf(items: readonly Item[], phase: number): PhaseRules {
  const rules: Rule[] = [];
  const markers = new Map<string, number[]>();
  const mark = (name: string) => markers.set(name, [...(markers.get(name) ?? []), rules.length]);
  for (const item of items) {
    if (item.kind === "marker") {
      mark(item.name);
      continue;
    }
    if (item.rule.phase !== phase) continue;
    rules.push(item.rule);
    // A rule's id is a place to skip behind, too.
    mark(String(item.rule.id));
  }
  return { rules, markers };
}
