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
import type { Rule, Target } from "./compiled.ts";
import { parseActions, parseTargets } from "./parse-rule.ts";
import type { Directive, Fault, ParsedTarget, Place } from "./rule.ts";
import { compileSelector } from "./selector.ts";
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
};

/** Notes a fault at its file and line. */
export function fault(state: RulesSoFar, { file, line }: Place, message: string): void {
  state.faults.push({ file, line, message });
}

/** Compiles an action list; a fault is noted and yields undefined. */
export function actionsOf(state: RulesSoFar, place: Place, text: string): ActionSet | undefined {
  const parsed = parseActions(text);
  const set = typeof parsed === "string" ? parsed : compileActions(parsed);
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

/** SecRuleUpdateTargetBy{Id,Tag,Msg}, SecRuleUpdateActionById; `change` is the second argument. */
export function updateRules(state: RulesSoFar, directive: Directive, change: string): void {
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
    item.rule = { ...item.rule, targets, gate: undefined };
  }
}

function updateActions(
  state: RulesSoFar,
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
