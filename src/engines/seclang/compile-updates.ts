/**
 * Directives that change rules read before them: SecRuleRemoveBy*, SecRuleUpdateTargetBy* and
 * SecRuleUpdateActionById, with what they share with the compiler of rules. Reads no files.
 */
import {
  type ActionSet,
  compileActions,
  disruptionOf,
  inRanges,
  parseIdRanges,
} from "./compile-actions.ts";
import { isFilterable } from "./compile-candidates.ts";
import type { Rule, Target } from "./compiled.ts";
import { parseActions, parseTargets } from "./parse-rule.ts";
import type { Directive, Fault, ParsedTarget, Place } from "./rule.ts";
import { compileSelector } from "./selector.ts";
import { parseTemplate } from "./template.ts";
import type { ChainTable } from "./value.ts";
import { isCollection, readerOf, slotOf, textReaderOf } from "./variables.ts";

/** A rule or a place to skip to, in load order; an update replaces the rule. */
export type Item =
  | { readonly kind: "rule"; rule: Rule }
  | { readonly kind: "marker"; readonly name: string };

/** What has been compiled so far: a directive changes these in place. */
export type RulesSoFar = {
  readonly faults: Fault[];
  readonly items: Item[];
  /** Default actions by phase. */
  readonly defaults: Map<number, ActionSet>;
  readonly chains: ChainTable;
  /** What directives make of rules that come behind them. */
  readonly pending: Change[];
};

/** Notes a fault at its file and line. */
export function fault(state: RulesSoFar, { file, line }: Place, message: string): void {
  state.faults.push({ file, line, message });
}

/** Compiles an action list, or some of it; a fault is noted and yields undefined. */
export function actionsOf(
  state: RulesSoFar,
  place: Place,
  text: string,
  takes: (name: string) => boolean = () => true,
): ActionSet | undefined {
  const parsed = parseActions(text);
  const set =
    typeof parsed === "string" ? parsed : compileActions(parsed.filter(({ name }) => takes(name)));
  if (typeof set !== "string") return set;
  fault(state, place, set);
  return undefined;
}

/** Compiles targets; each carries the exclusions of its variable. */
export function targetsOf(parsed: readonly ParsedTarget[]): Target[] {
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
      read: readerOf(variable, selector, compileSelector(selector, selectorIsRegex)),
      readText: textReaderOf(variable),
      slot: slotOf(variable, selector),
      txKey: variable === "TX" && !selectorIsRegex ? selector?.toLowerCase() : undefined,
      exclusions: exclusions.filter((exclusion) => exclusion.variable === variable),
    }));
}

/** SecRuleRemoveBy{Id,Tag,Msg}. */
export function removeRules(state: RulesSoFar, directive: Directive): void {
  const text = directive.args.join(" ");
  changeRules(state, directive, { which: text, change: () => undefined });
}

/** What a directive makes of a rule; undefined = nothing is left. */
type Change = (rule: Rule) => Rule | undefined;

/**
 * Changes the rules that a directive means, also those that come behind it, when it names them by
 * id or has met none. A rule behind `SecRuleRemoveById` with the id of one before it takes its
 * place.
 */
function changeRules(
  state: RulesSoFar,
  directive: Directive,
  { which, change }: { which: string; change: Change },
): void {
  const test = ruleTest(directive.name, which);
  if (test === undefined) return fault(state, directive, `cannot read "${which}"`);
  const changed = new Set<number>();
  for (let at = state.items.length - 1; at >= 0; at -= 1) {
    const item = state.items[at];
    if (item?.kind !== "rule" || !test(item.rule)) continue;
    changed.add(item.rule.id);
    const rule = change(item.rule);
    if (rule === undefined) state.items.splice(at, 1);
    else item.rule = rule;
  }
  if (changed.size > 0 && !directive.name.endsWith("byid")) return;
  state.pending.push((rule) => (test(rule) && !changed.has(rule.id) ? change(rule) : rule));
}

/** Adds a rule, as the directives before it have left it. */
export function addRule(state: RulesSoFar, added: Rule): void {
  let rule: Rule | undefined = added;
  for (const change of state.pending) rule = rule && change(rule);
  if (rule !== undefined) state.items.push({ kind: "rule", rule });
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

/** SecRuleUpdateTargetBy{Id,Tag,Msg}, SecRuleUpdateActionById. */
export function updateRules(state: RulesSoFar, directive: Directive): void {
  // Some name several ids one behind the other.
  const isId = directive.name.endsWith("byid");
  const end = directive.args.findIndex(
    (arg, at) => at > 0 && !(isId && /^\d+(?:-\d+)?$/.test(arg)),
  );
  const which = directive.args.slice(0, end === -1 ? undefined : end).join(" ");
  const [changeText = "", replacedText = ""] = end === -1 ? [] : directive.args.slice(end);
  const change = directive.name.startsWith("secruleupdateaction")
    ? actionsChange(state, directive, changeText)
    : targetsChange(state, directive, { changeText, replacedText });
  if (change !== undefined) changeRules(state, directive, { which, change });
}

function targetsChange(
  state: RulesSoFar,
  directive: Directive,
  { changeText, replacedText }: { changeText: string; replacedText: string },
): Change | undefined {
  const parsed = parseTargets(changeText);
  const replaced = parseTargets(replacedText);
  if (typeof parsed === "string" || typeof replaced === "string") {
    fault(state, directive, typeof parsed === "string" ? parsed : String(replaced));
    return undefined;
  }
  const removed = parsed
    .filter((target) => target.exclude)
    .map(({ variable, selector, selectorIsRegex }) => ({
      variable,
      selector: compileSelector(selector, selectorIsRegex),
    }));
  const added = targetsOf(parsed.filter((target) => !target.exclude));
  const keyOf = (variable: string, selector: string | undefined): string =>
    `${variable}:${(selector ?? "").toLowerCase()}`;
  const gone = new Set(replaced.map(({ variable, selector }) => keyOf(variable, selector)));
  return (rule) => {
    const kept = rule.targets.filter(
      ({ variable, selectorText }) => !gone.has(keyOf(variable, selectorText)),
    );
    const targets = [...kept, ...added].map((target) => ({
      ...target,
      exclusions: [
        ...target.exclusions,
        ...removed.filter((exclusion) => exclusion.variable === target.variable),
      ],
    }));
    return { ...rule, targets, gate: undefined };
  };
}

/** What may be there once is replaced; of what may be there more often there is more then. */
function actionsChange(state: RulesSoFar, directive: Directive, text: string): Change | undefined {
  const set = actionsOf(state, directive, text);
  if (set === undefined) return undefined;
  return (rule) => ({
    ...rule,
    ...transformationsOf(state, directive, { rule, set }),
    disruption: changedDisruption(state, rule, set),
    log: set.log ?? rule.log,
    capture: rule.capture || set.capture,
    message: set.message === "" ? rule.message : parseTemplate(set.message),
    logData: set.logData === "" ? rule.logData : parseTemplate(set.logData),
    severity: set.severity || rule.severity,
    revision: set.revision || rule.revision,
    skip: set.skip || rule.skip,
    skipAfter: set.skipAfter ?? rule.skipAfter,
    setVariables: [...rule.setVariables, ...set.setVariables],
    initCollections: [...rule.initCollections, ...set.initCollections],
    aging: [...rule.aging, ...set.aging],
    secrets: [...rule.secrets, ...set.secrets],
    controls: [...rule.controls, ...set.controls],
    tags: [...rule.tags, ...set.tags],
  });
}

function changedDisruption(state: RulesSoFar, rule: Rule, set: ActionSet): Rule["disruption"] {
  if (set.disruptive !== undefined) return disruptionOf(set, state.defaults.get(rule.phase));
  const { disruption } = rule;
  const { status } = set;
  return status === undefined || !("status" in disruption) ? disruption : { ...disruption, status };
}

function transformationsOf(
  state: RulesSoFar,
  directive: Directive,
  { rule, set }: { rule: Rule; set: ActionSet },
): Pick<Rule, "chain" | "multiMatchChains" | "filterable" | "gate"> {
  const before = rule.chain.name.split(">").filter((name) => name !== "");
  const names = [...(set.clearsTransformations ? [] : before), ...set.transformations];
  const chain = state.chains.chainOf(names);
  if (chain === undefined) {
    fault(state, directive, `has an unknown transformation among "${names.join(", ")}"`);
    return rule;
  }
  const isMulti = set.multiMatch || rule.multiMatchChains.length > 0;
  return {
    chain,
    multiMatchChains: isMulti ? state.chains.prefixesOf(names) : [],
    filterable: isFilterable({ ...rule, chain }),
    gate: chain === rule.chain ? rule.gate : undefined,
  };
}
