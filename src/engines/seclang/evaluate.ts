/** Runs the rules of a phase over the state of a request. */
import type { Rule, Target } from "./compiled.ts";
import { applyEffects, expand } from "./effects.ts";
import type { OperatorMatch } from "./operators/operator.ts";
import { selects } from "./selector.ts";
import type { RemovedTarget, RuleMatch, State } from "./state.ts";
import { derive, mayMatch, toValue, type Value } from "./value.ts";

export const limits = {
  matchesMax: 200,
  matchesPerRuleMax: 5,
  matchedValuesMax: 256,
  valueShownMax: 256,
  valueBeforeMatchMax: 64,
  logDataMax: 512,
} as const;

const SEVERITY_LEVELS: Readonly<Record<string, number>> = {
  EMERGENCY: 0,
  ALERT: 1,
  CRITICAL: 2,
  ERROR: 3,
  WARNING: 4,
  NOTICE: 5,
  INFO: 6,
  DEBUG: 7,
};

/** Runs one phase; stops at a verdict. */
export function runPhase(state: State, phase: number): void {
  const rules = state.ruleset.phases[phase];
  if (rules === undefined || state.engine === "off" || stopped(state, phase)) return;
  if (state.allowed === "phase") state.allowed = undefined;
  let at = 0;
  while (at < rules.rules.length) {
    const rule = rules.rules[at];
    if (rule === undefined) return;
    at += 1;
    if (state.removedRules.has(rule.index)) {
      tell(state, rule, "removed");
      continue;
    }
    const matched = runRule(state, rule);
    tell(state, rule, matched ? "matched" : "no match");
    if (!matched) continue;
    // What a rule's `ctl` has just switched off ends the phase.
    if (disrupt(state, rule) || engineIsOff(state) || stopped(state, phase)) return;
    if (rule.skipAfter !== undefined) at = behind(rules.markers.get(rule.skipAfter), at);
    else at += rule.skip;
  }
}

function engineIsOff(state: State): boolean {
  return state.engine === "off";
}

/** `allow` ends rules: of this phase, of the request's phases, or all but logging. */
function stopped(state: State, phase: number): boolean {
  if (phase === 5) return false;
  if (state.verdict !== undefined) return true;
  return state.allowed === "all" || (state.allowed === "request" && phase <= 2);
}

/** The first marker position at or behind `at`; the end when there is none. */
function behind(positions: readonly number[] | undefined, at: number): number {
  return positions?.find((position) => position >= at) ?? Number.MAX_SAFE_INTEGER;
}

function tell(state: State, rule: Rule, outcome: "matched" | "no match" | "removed"): void {
  if (state.trace === undefined) return;
  const message = expand(state, rule.message);
  state.trace.push({ ruleId: rule.id, phase: rule.phase, outcome, message });
}

/** Runs a rule with its chain; true when all links match. */
function runRule(state: State, head: Rule): boolean {
  state.rule = head;
  const firstMatch = state.matches.length;
  const found: Found[] = [];
  for (let link: Rule | undefined = head; link !== undefined; link = link.next) {
    if (!runLink(state, link, found)) return false;
  }
  if (head.log || head.tags.length > 0 || hasLog(head)) report(state, head, found);
  const level = SEVERITY_LEVELS[head.severity];
  if (level !== undefined && level < state.highestSeverity) state.highestSeverity = level;
  return state.matches.length >= firstMatch;
}

function hasLog(rule: Rule): boolean {
  return rule.message.length > 0;
}

type Found = {
  readonly link: Rule;
  readonly name: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

/** Runs one link over its targets; effects happen for every variable that matches. */
function runLink(state: State, link: Rule, found: Found[]): boolean {
  if (link.operator === undefined) {
    applyEffects(state, link);
    return true;
  }
  const names: string[] = [];
  const texts: string[] = [];
  const removed = state.removedTargets.get(link.id);
  for (const target of link.targets) {
    if (target.count) {
      const count = countOf(state, target);
      const name = `&${target.variable}${target.selectorText === undefined ? "" : `:${target.selectorText}`}`;
      test(state, link, { name, value: toValue(String(count)), found, names, texts });
      continue;
    }
    if (target.txKey !== undefined && target.exclusions.length === 0) {
      const text = state.tx.get(target.txKey);
      if (text === undefined) continue;
      const name = `TX:${target.txKey}`;
      test(state, link, { name, value: toValue(text), found, names, texts });
      continue;
    }
    runTarget(state, link, { target, removed, found, names, texts });
  }
  if (names.length === 0) return false;
  state.matchedNames = names;
  state.matchedValues = texts;
  return true;
}

type Visit = Omit<Candidate, "name" | "value"> & {
  readonly target: Target;
  readonly removed: readonly RemovedTarget[] | undefined;
};

function runTarget(state: State, link: Rule, { target, removed, ...rest }: Visit): void {
  const items = target.read(state);
  const whole = target.variable === "XML" || !target.named;
  for (let at = 0; at < items.values.length; at += 1) {
    const itemName = items.names[at] ?? "";
    const lowered = items.lowered[at] ?? "";
    if (!whole && !selects(target.selector, itemName, lowered)) continue;
    const value = items.values[at];
    if (value === undefined || !mayPass(state, link, value)) continue;
    if (isExcluded(state, link, { target, itemName, lowered, removed })) continue;
    test(state, link, { name: nameOf(target, itemName), value, ...rest });
  }
}

/** The prefilter before anything else is done for a value; multiMatch looks at each step itself. */
function mayPass(state: State, link: Rule, value: Value): boolean {
  if (link.prefilter === undefined || !state.usePrefilter) return true;
  if (link.multiMatchChains.length > 0) return true;
  return mayMatch(link.prefilter, derive(value, link.chain));
}

function nameOf(target: Target, itemName: string): string {
  return target.named && itemName !== "" ? `${target.variable}:${itemName}` : target.variable;
}

function countOf(state: State, target: Target): number {
  if (target.txKey !== undefined) return state.tx.has(target.txKey) ? 1 : 0;
  const items = target.read(state);
  if (!target.named) return items.values[0]?.text === "" ? 0 : 1;
  let count = 0;
  for (let at = 0; at < items.names.length; at += 1) {
    if (selects(target.selector, items.names[at] ?? "", items.lowered[at] ?? "")) count += 1;
  }
  return count;
}

function isExcluded(
  state: State,
  link: Rule,
  given: {
    target: Target;
    itemName: string;
    lowered: string;
    removed: readonly RemovedTarget[] | undefined;
  },
): boolean {
  const { target, itemName, lowered, removed } = given;
  for (const exclusion of target.exclusions) {
    if (selects(exclusion.selector, itemName, lowered)) return true;
  }
  for (const one of removed ?? []) {
    if (one.variable === target.variable && selects(one.selector, itemName, lowered)) return true;
  }
  for (const exclusion of state.exclusions) {
    if (exclusion.ruleId !== link.id || exclusion.variable !== target.variable) continue;
    if (!state.path.startsWith(exclusion.pathPrefix)) continue;
    if (exclusion.selector === undefined || selects(exclusion.selector, itemName, lowered)) {
      return true;
    }
  }
  return false;
}

type Candidate = {
  readonly name: string;
  readonly value: Value;
  readonly found: Found[];
  readonly names: string[];
  readonly texts: string[];
};

function test(state: State, link: Rule, candidate: Candidate): void {
  if (link.multiMatchChains.length === 0) {
    testOnce(state, link, candidate, derive(candidate.value, link.chain));
    return;
  }
  let before: Value | undefined;
  for (const chain of [...link.multiMatchChains, link.chain]) {
    const value = derive(candidate.value, chain);
    if (value === before) continue;
    before = value;
    if (testOnce(state, link, candidate, value)) return;
  }
}

function testOnce(state: State, link: Rule, candidate: Candidate, value: Value): boolean {
  const { operator, prefilter } = link;
  if (operator === undefined) return false;
  const multi = link.multiMatchChains.length > 0;
  if (multi && prefilter !== undefined && state.usePrefilter && !mayMatch(prefilter, value)) {
    return false;
  }
  const argument = link.argumentHasMacros ? expand(state, link.argument) : link.argumentText;
  const match = operator.match(value.text, argument);
  // A search that gave up must not pass in silence: rules read this variable and refuse.
  if (match === undefined && operator.ranOut?.() === true) {
    state.tx.set("msc_pcre_limits_exceeded", "1");
  }
  if ((match === undefined) !== link.negated) return false;
  matched(state, link, { candidate, text: value.text, match });
  return true;
}

function matched(
  state: State,
  link: Rule,
  given: { candidate: Candidate; text: string; match: OperatorMatch | undefined },
): void {
  const { candidate, text, match } = given;
  const { name, found, names, texts } = candidate;
  state.matchedName = name;
  state.matchedValue = text;
  if (names.length < limits.matchedValuesMax) {
    names.push(name);
    texts.push(text);
  }
  if (link.capture && match !== undefined) capture(state, text, match);
  applyEffects(state, link);
  if (found.length < limits.matchesPerRuleMax) {
    found.push({ link, name, text, start: match?.start ?? 0, end: match?.end ?? 0 });
  }
}

const CAPTURES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

function capture(state: State, text: string, match: OperatorMatch): void {
  const captures = match.captures ?? [text.slice(match.start, match.end)];
  for (const [at, key] of CAPTURES.entries()) {
    const captured = captures[at];
    if (captured === undefined) state.tx.delete(key);
    else state.tx.set(key, captured);
  }
}

/** Writes what was found into the list of matches, once for each variable of the last link. */
function report(state: State, head: Rule, found: readonly Found[]): void {
  const message = expand(state, head.message);
  const scoring = head.disruption.kind === "deny" || raisesScore(head);
  if (message === "" && !scoring) return;
  const logData = expand(state, head.logData).slice(0, limits.logDataMax);
  const shown = found.length > 0 ? found : [{ name: "", text: "", start: 0, end: 0 }];
  for (const one of shown) {
    if (state.matches.length >= limits.matchesMax) return;
    state.matches.push(matchOf(head, one, { message, logData, scoring }));
  }
}

function raisesScore(head: Rule): boolean {
  for (let link: Rule | undefined = head; link !== undefined; link = link.next) {
    const raises = link.setVariables.some(
      (set) =>
        set.operation === "add" && set.collection === "TX" && /score/.test(String(set.name[0])),
    );
    if (raises) return true;
  }
  return false;
}

function matchOf(
  rule: Rule,
  found: Pick<Found, "name" | "text" | "start" | "end">,
  told: { message: string; logData: string; scoring: boolean },
): RuleMatch {
  // A long value is shown around what matched.
  const from = Math.max(0, found.start - limits.valueBeforeMatchMax);
  const value = found.text.slice(from, from + limits.valueShownMax);
  return {
    ruleId: rule.id,
    phase: rule.phase,
    ...told,
    tags: rule.tags,
    severity: rule.severity,
    file: rule.file,
    line: rule.line,
    variable: found.name,
    value,
    matchStart: Math.min(found.start - from, value.length),
    matchEnd: Math.min(found.end - from, value.length),
  };
}

/** Carries out the disruptive action; true when the request ends here. */
function disrupt(state: State, rule: Rule): boolean {
  const { disruption } = rule;
  if (disruption.kind === "none" || disruption.kind === "pass") return false;
  if (state.engine !== "on") return false;
  if (disruption.kind === "allow") {
    state.allowed = disruption.scope;
    return true;
  }
  if (disruption.kind === "redirect") {
    const location = expand(state, disruption.location);
    state.verdict = {
      action: "redirect",
      status: disruption.status,
      location,
      ruleId: rule.id,
    };
    return true;
  }
  state.verdict = { action: disruption.kind, status: disruption.status, ruleId: rule.id };
  return true;
}
