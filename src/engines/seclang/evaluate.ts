/** Runs one rule, with its chain, over the state of a request. */
import { readersOf } from "./candidate-scope.ts";
import { candidatesOf, candidatesOfAll } from "./candidates.ts";
import { type Collection, collectionOfOne } from "./collection.ts";
import type { Gate, Rule, Target } from "./compiled.ts";
import { applyEffects, expand } from "./effects.ts";
import { integerOf, type OperatorMatch } from "./operators/operator.ts";
import { maskOf, removeBit, wordOf } from "./rule-bits.ts";
import { selects } from "./selector.ts";
import type { RuleMatch, State } from "./state.ts";
import { removeTx, setTx, txOf } from "./tx.ts";
import { derive, toValue, type Value } from "./value.ts";
import { SEVERITY_LEVELS, sharedSlotOf } from "./variables.ts";

export const limits = {
  matchesMax: 200,
  matchesPerRuleMax: 5,
  matchedValuesMax: 256,
  valueShownMax: 256,
  valueBeforeMatchMax: 64,
  logDataMax: 512,
  valueKeptMax: 256,
} as const;

export function removedNow(state: State, rule: Rule): boolean {
  return state.removedRules.size > 0 && state.removedRules.has(rule.index);
}

/** What the target reads now; kept until more of the request is known, unless rules change it. */
export function readTarget(state: State, target: Target): Collection {
  if (target.slot === -1) return target.read(state);
  const known = state.read[target.slot];
  if (known !== undefined) return known;
  const { slot, readText } = target;
  const made = readText === undefined ? target.read(state) : single(state, slot, readText(state));
  state.read[slot] = made;
  return made;
}

/** A value that the request before had as well keeps what is known of it. */
function single({ ruleset, read }: State, slot: number, text: string): Collection {
  const same = read[sharedSlotOf(slot)];
  if (same?.values[0]?.text === text) return same;
  const last = ruleset.lastSingles[slot];
  if (last?.values[0]?.text === text) return last;
  const made = collectionOfOne(text);
  if (text.length <= limits.valueKeptMax) ruleset.lastSingles[slot] = made;
  return made;
}

export function tell(state: State, rule: Rule, outcome: "matched" | "no match" | "removed"): void {
  if (state.trace === undefined) return;
  const message = expand(state, rule.message);
  state.trace.push({ ruleId: rule.id, phase: rule.phase, outcome, message });
}

/** Runs a rule with its chain; true when all links match. */
export function runRule(state: State, head: Rule): boolean {
  state.rule = head;
  const hits: Hits = { matched: false, names: undefined, texts: undefined, found: undefined };
  for (let link: Rule | undefined = head; link !== undefined; link = link.next) {
    if (!runLink(state, link, hits)) return false;
  }
  if (head.log || head.tags.length > 0 || head.message.length > 0) {
    report(state, head, hits.found ?? []);
  }
  const level = SEVERITY_LEVELS[head.severity];
  if (level !== undefined && level < state.highestSeverity) state.highestSeverity = level;
  return true;
}

type Found = {
  readonly link: Rule;
  readonly name: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
};

/**
 * Whether the present link of a rule has matched so far, and what the rule has matched with all
 * its links. Most match nothing, so that a list is made when something does.
 */
type Hits = {
  matched: boolean;
  names: string[] | undefined;
  texts: string[] | undefined;
  found: Found[] | undefined;
};

/** Runs one link over its targets; effects happen for every variable that matches. */
function runLink(state: State, link: Rule, hits: Hits): boolean {
  if (link.operator === undefined) {
    applyEffects(state, link);
    return true;
  }
  if (link.gate !== undefined) return runGate(state, link, link.gate, hits);
  hits.matched = false;
  for (const target of link.targets) {
    if (target.count) {
      const count = countOf(state, target);
      testText(state, link, { target, itemName: "", hits }, String(count));
    } else if (target.txKey !== undefined && target.exclusions.length === 0) {
      const text = txOf(state.tx, target.txKey);
      if (text !== undefined) testText(state, link, { target, itemName: "", hits }, text);
    } else if (isChangingText(target) && !mayExclude(state, target)) {
      testText(state, link, { target, itemName: "", hits }, target.readText(state));
    } else runTarget(state, link, target, hits);
  }
  if (!hits.matched || hits.names === undefined || hits.texts === undefined) return false;
  state.matchedNames = hits.names;
  state.matchedValues = hits.texts;
  return true;
}

/** A single value that may be another one each time: nothing of it is kept. */
const isChangingText = (target: Target): target is Target & { readText: TextReader } =>
  target.slot === -1 && target.readText !== undefined;

type TextReader = NonNullable<Target["readText"]>;

const mayExclude = (state: State, target: Target): boolean =>
  target.exclusions.length > 0 || state.removedTargets.length > 0 || state.exclusions.length > 0;

/** The short way for a test of one `TX` variable; the same effects as the long one. */
function runGate(state: State, link: Rule, gate: Gate, hits: Hits): boolean {
  const text = txOf(state.tx, gate.key);
  if (gate.counts) {
    if (!gate.passes(text === undefined ? 0 : 1)) return false;
  } else if (text === undefined || !gate.passes(integerOf(text))) return false;
  const tested = gate.counts ? (text === undefined ? "0" : "1") : (text ?? "");
  state.matchedName = gate.name;
  state.matchedValue = tested;
  note(hits, gate.name, tested);
  state.matchedNames = hits.names ?? [];
  state.matchedValues = hits.texts ?? [];
  if (link.capture) capture(state, tested, { start: 0, end: tested.length });
  applyEffects(state, link);
  keep(hits, { link, name: gate.name, text: tested, start: 0, end: tested.length });
  return true;
}

function runTarget(state: State, link: Rule, target: Target, hits: Hits): void {
  const items = readTarget(state, target);
  const { filter } = state.scope;
  const filters = link.filterable && target.slot !== -1 && state.usePrefilter;
  const readers = filters ? readersOf(state.scope, target.slot) : undefined;
  const word = wordOf(link);
  const mask = maskOf(link);
  if (readers !== undefined) {
    if (((candidatesOfAll(filter, readers, items)[word] ?? 0) & mask) === 0) return;
  }
  const whole = target.variable === "XML" || !target.named;
  const excludes = mayExclude(state, target);
  for (let at = 0; at < items.values.length; at += 1) {
    const value = items.values[at];
    if (value === undefined) continue;
    const bits = readers === undefined ? undefined : candidatesOf(filter, readers, items, at);
    if (bits !== undefined && ((bits[word] ?? 0) & mask) === 0) continue;
    const itemName = items.names[at] ?? "";
    const lowered = items.lowered[at] ?? "";
    if (!whole && !selects(target.selector, itemName, lowered)) continue;
    if (excludes && isExcluded(state, link, { target, itemName, lowered })) continue;
    const answer = test(state, link, { target, itemName, hits }, value);
    // Whatever else a request holds, this rule does not match this value.
    if (answer === "no match" && bits !== undefined) removeBit(bits, word, mask);
  }
}

/** `ARGS:q`, `&ARGS:q`, `REQUEST_URI`: a variable as messages name it. */
function nameOf({ target, itemName }: Candidate): string {
  if (target.count || target.txKey !== undefined) {
    const key = target.txKey ?? target.selectorText;
    const path = key === undefined ? target.variable : `${target.variable}:${key}`;
    return target.count ? `&${path}` : path;
  }
  return target.named && itemName !== "" ? `${target.variable}:${itemName}` : target.variable;
}

function countOf(state: State, target: Target): number {
  if (target.txKey !== undefined) return txOf(state.tx, target.txKey) === undefined ? 0 : 1;
  if (isChangingText(target)) return target.readText(state) === "" ? 0 : 1;
  const items = readTarget(state, target);
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
  },
): boolean {
  const { target, itemName, lowered } = given;
  for (const exclusion of target.exclusions) {
    if (selects(exclusion.selector, itemName, lowered)) return true;
  }
  for (const one of state.removedTargets) {
    if (one.variable !== target.variable || !one.ids.has(link.id)) continue;
    if (selects(one.selector, itemName, lowered)) return true;
  }
  for (const exclusion of state.exclusions) {
    if (exclusion.ruleId !== link.id || exclusion.variable !== target.variable) continue;
    if (exclusion.selector === undefined || selects(exclusion.selector, itemName, lowered)) {
      return true;
    }
  }
  return false;
}

type Candidate = { readonly target: Target; readonly itemName: string; readonly hits: Hits };

/** "gave up": a search ran out of steps, so that nothing is known. */
type Answer = "match" | "no match" | "gave up";

function test(state: State, link: Rule, candidate: Candidate, value: Value): Answer {
  if (link.multiMatchChains.length === 0) {
    return testOnce(state, link, candidate, derive(value, link.chain).text);
  }
  let before: Value | undefined;
  let answer: Answer = "no match";
  for (const chain of [...link.multiMatchChains, link.chain]) {
    const derived = derive(value, chain);
    if (derived === before) continue;
    before = derived;
    const now = testOnce(state, link, candidate, derived.text);
    // Each form that matches counts, as if it were a variable of its own.
    if (now === "match" || answer === "no match") answer = now;
  }
  return answer;
}

/** A text that is no shared value: a count or a `TX` variable. */
function testText(state: State, link: Rule, candidate: Candidate, text: string): void {
  if (link.chain.parent === undefined) testOnce(state, link, candidate, text);
  else test(state, link, candidate, toValue(text));
}

function testOnce(state: State, link: Rule, candidate: Candidate, text: string): Answer {
  const { operator } = link;
  if (operator === undefined) return "no match";
  const argument = link.argumentHasMacros ? expand(state, link.argument) : link.argumentText;
  const match = operator.match(text, argument);
  // A search that gave up must not pass in silence: rules read this variable and refuse.
  const gaveUp = match === undefined && operator.ranOut?.() === true;
  if (gaveUp) {
    setTx(state.tx, "msc_pcre_limits_exceeded", "1");
    state.touches += 1;
  }
  if ((match === undefined) !== link.negated) return gaveUp ? "gave up" : "no match";
  matched(state, link, { candidate, text, match });
  return "match";
}

function matched(
  state: State,
  link: Rule,
  given: { candidate: Candidate; text: string; match: OperatorMatch | undefined },
): void {
  const { candidate, text, match } = given;
  const { hits } = candidate;
  const name = nameOf(candidate);
  state.matchedName = name;
  state.matchedValue = text;
  note(hits, name, text);
  if (link.capture && match !== undefined) capture(state, text, match);
  applyEffects(state, link);
  keep(hits, { link, name, text, start: match?.start ?? 0, end: match?.end ?? 0 });
}

function keep(hits: Hits, found: Found): void {
  if (hits.found === undefined) hits.found = [found];
  else if (hits.found.length < limits.matchesPerRuleMax) hits.found.push(found);
}

function note(hits: Hits, name: string, text: string): void {
  hits.matched = true;
  if (hits.names === undefined || hits.texts === undefined) {
    hits.names = [name];
    hits.texts = [text];
  } else if (hits.names.length < limits.matchedValuesMax) {
    hits.names.push(name);
    hits.texts.push(text);
  }
}

const CAPTURES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;

function capture(state: State, text: string, match: OperatorMatch): void {
  const captures = match.captures ?? [text.slice(match.start, match.end)];
  const count = Math.min(captures.length, CAPTURES.length);
  for (let at = 0; at < Math.max(count, state.captured); at += 1) {
    const key = CAPTURES[at] ?? "";
    const captured = at < count ? captures[at] : undefined;
    if (captured === undefined) removeTx(state.tx, key);
    else setTx(state.tx, key, captured);
  }
  state.captured = count;
}

/** Writes what was found into the list of matches, once for each variable of the last link. */
function report(state: State, head: Rule, found: readonly Found[]): void {
  const message = expand(state, head.message);
  const { scoring } = head;
  if (message === "" && !scoring) return;
  const logData = expand(state, head.logData).slice(0, limits.logDataMax);
  const shown = found.length > 0 ? found : [{ name: "", text: "", start: 0, end: 0 }];
  for (const one of shown) {
    if (state.matches.length >= limits.matchesMax) return;
    state.matches.push(matchOf(head, one, { message, logData, scoring }));
  }
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
    message: told.message,
    logData: told.logData,
    scoring: told.scoring,
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
export function disrupt(state: State, rule: Rule): boolean {
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
