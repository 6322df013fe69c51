/** From rules in load order to what a phase runs: jumps resolved, candidate bits laid out. */
import { scopeOf } from "./candidate-scope.ts";
import { compileCandidates } from "./compile-candidates.ts";
import type { Item } from "./compile-updates.ts";
import type { PhaseRules, Rule, Ruleset, RulesetSettings, Target } from "./compiled.ts";
import { maskOf, wordOf } from "./rule-bits.ts";

const PHASES = [1, 2, 3, 4, 5] as const;

/** The ruleset of these items. */
export function rulesetOf(
  read: readonly Item[],
  ruleCount: number,
  settings: RulesetSettings,
): Ruleset {
  const items = read.map((item) =>
    item.kind === "rule"
      ? { ...item, rule: { ...item.rule, scoring: isScoring(item.rule) } }
      : item,
  );
  const phases = [phaseOf([], 0), ...PHASES.map((phase) => phaseOf(items, phase))];
  const rules = items.flatMap((item) => (item.kind === "rule" ? [item.rule] : []));
  const candidates = compileCandidates(rules.flatMap(linksOf), ruleCount);
  const scope = scopeOf(candidates);
  return { phases, rules, ruleCount, settings, scope, lastSingles: [] };
}

/** True when a match raises an anomaly score or ends the request; sums of scores tell nothing. */
function isScoring(head: Rule): boolean {
  if (head.disruption.kind === "deny") return true;
  if (!head.log && head.message.length === 0) return false;
  return linksOf(head).some((link) =>
    link.setVariables.some(
      ({ operation, collection, name }) =>
        operation === "add" && collection === "TX" && /score/.test(String(name[0])),
    ),
  );
}

function linksOf(head: Rule): Rule[] {
  const links: Rule[] = [];
  for (let link: Rule | undefined = head; link !== undefined; link = link.next) links.push(link);
  return links;
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
  const skippable = rules.map(isSkippable);
  const sources = new Map<number, { target: Target; lastAt: number }>();
  for (const [at, rule] of rules.entries()) {
    if (!skippable[at]) continue;
    for (const target of rule.targets) sources.set(target.slot, { target, lastAt: at });
  }
  return {
    rules,
    nextAt: rules.map((rule, at) => nextAt(rule, at + 1, markers)),
    words: Int32Array.from(rules, (rule, at) => (skippable[at] ? wordOf(rule) : -1)),
    masks: Int32Array.from(rules, maskOf),
    sources: [...sources.values()],
  };
}

/** True when the rule can match only through a value whose candidate bit is set. */
function isSkippable(rule: Rule): boolean {
  return rule.filterable && rule.targets.every(({ count, slot }) => !count && slot !== -1);
}

/** Where a rule goes on when it matches: behind its marker, or at the end when there is none. */
function nextAt(rule: Rule, at: number, markers: ReadonlyMap<string, readonly number[]>): number {
  if (rule.skipAfter === undefined) return at + rule.skip;
  const positions = markers.get(rule.skipAfter);
  return positions?.find((position) => position >= at) ?? Number.MAX_SAFE_INTEGER;
}
