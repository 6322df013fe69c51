/** Runs the rules of a phase over the state of a request: on its course, or one after the other. */
import { candidatesOfAll } from "./candidates.ts";
import type { Course, PhaseRules, Point } from "./compiled.ts";
import { courseOf } from "./course.ts";
import { disrupt, readTarget, removedNow, runRule, tell } from "./evaluate.ts";
import type { RuleBits } from "./rule-bits.ts";
import type { State } from "./state.ts";

/** Runs one phase; stops at a verdict. */
export function runPhase(state: State, phase: number): void {
  const rules = state.ruleset.phases[phase];
  if (rules === undefined || state.engine === "off" || stopped(state, phase)) return;
  if (state.allowed === "phase") state.allowed = undefined;
  const candidates = candidatesOfPhase(state, rules);
  const course = candidates === undefined ? undefined : courseAhead(state, phase);
  if (course === undefined || candidates === undefined) {
    state.fork = undefined;
    runFrom(state, { rules, phase, candidates }, 0);
    return;
  }
  const at = follow(state, { course, phase, candidates });
  if (at !== AT_END) runFrom(state, { rules, phase, candidates }, at);
}

type Run = {
  readonly rules: PhaseRules;
  readonly phase: number;
  readonly candidates: RuleBits | undefined;
};

/** Runs the rules from this place, each with what it finds. */
function runFrom(state: State, { rules, phase, candidates }: Run, from: number): void {
  let at = from;
  while (at < rules.rules.length) {
    const rule = rules.rules[at];
    if (rule === undefined) return;
    const word = rules.words[at] ?? -1;
    const mayMatch =
      word === -1 ||
      candidates === undefined ||
      ((candidates[word] ?? 0) & (rules.masks[at] ?? 0)) !== 0;
    const next = rules.nextAt[at] ?? 0;
    at += 1;
    if (!mayMatch) {
      if (state.trace !== undefined)
        tell(state, rule, removedNow(state, rule) ? "removed" : "no match");
      continue;
    }
    if (removedNow(state, rule)) {
      tell(state, rule, "removed");
      continue;
    }
    const matched = runRule(state, rule);
    tell(state, rule, matched ? "matched" : "no match");
    if (matched && disrupt(state, rule)) return;
    if (ends(state, phase)) return;
    if (matched) at = next;
  }
}

/**
 * What a rule's `ctl` has just switched off ends the phase, and so does a verdict. It need not
 * match: the first link of a chain does what it says before the second is asked.
 */
function ends(state: State, phase: number): boolean {
  return state.engine === "off" || stopped(state, phase);
}

const AT_END = -1;

/** The course from where the request is, when it still is on one. */
function courseAhead(state: State, phase: number): Course | undefined {
  if (state.fork === undefined || state.trace !== undefined) return undefined;
  const course = courseOf(state.ruleset, state.fork, phase);
  if (course === undefined || !holds(state, course)) return undefined;
  state.point = undefined;
  state.touchedAt = -1;
  return course;
}

/**
 * Runs the steps of a course. The answer is the place from which the rules must be run one after
 * the other, since one has matched and changed what the course was made for.
 */
function follow(
  state: State,
  { course, phase, candidates }: { course: Course; phase: number; candidates: RuleBits },
): number {
  const { steps, words, masks } = course;
  let index = 0;
  while (index < steps.length) {
    const word = words[index] ?? -1;
    const mask = masks[index] ?? 0;
    const step = steps[index];
    index += 1;
    if (step === undefined || (word !== -1 && ((candidates[word] ?? 0) & mask) === 0)) continue;
    enter(state, step.before);
    if (removedNow(state, step.rule)) continue;
    const { touches } = state;
    const matched = runRule(state, step.rule);
    if (state.touches === touches) continue;
    state.touchedAt = step.at;
    if ((matched && disrupt(state, step.rule)) || ends(state, phase)) {
      state.fork = undefined;
      return AT_END;
    }
    if ((!matched || step.resume >= 0) && holds(state, course)) {
      if (matched) index = step.resume;
      continue;
    }
    state.fork = undefined;
    return matched ? step.nextAt : step.at + 1;
  }
  enter(state, course.end.point);
  state.fork = course.end;
  return AT_END;
}

/** True while the request has changed nothing that the course was made with. */
function holds(state: State, { keys, leftOut }: Course): boolean {
  for (const key of state.tx.own.keys()) if (keys.has(key)) return false;
  for (const index of state.removedRules) if (leftOut.has(index)) return false;
  return true;
}

/** Brings the state to what the rules left out before this place have made of it. */
function enter(state: State, point: Point): void {
  if (state.point === point) return;
  state.point = point;
  state.tx.shared = point.shared;
  state.highestSeverity = Math.min(state.highestSeverity, point.highestSeverity);
  if (point.matchedAt <= state.touchedAt) return;
  state.matchedName = point.matchedName;
  state.matchedValue = point.matchedValue;
  state.matchedNames = point.matchedNames;
  state.matchedValues = point.matchedValues;
}

/** The rules that may match anything this phase reads; undefined = all may. */
function candidatesOfPhase(state: State, { sources }: PhaseRules): RuleBits | undefined {
  if (!state.usePrefilter) return undefined;
  const { candidates } = state.ruleset;
  // One for all requests: it is read until the phase ends, and phases do not wait for anything.
  const bits = candidates.ofPhase.fill(0);
  for (const target of sources) {
    const items = readTarget(state, target);
    if (items.values.length === 0) continue;
    const of = candidatesOfAll(candidates, items);
    for (let word = 0; word < bits.length; word += 1)
      bits[word] = (bits[word] ?? 0) | (of[word] ?? 0);
  }
  return bits;
}

/** `allow` ends rules: of this phase, of the request's phases, or all but logging. */
function stopped(state: State, phase: number): boolean {
  if (phase === 5) return false;
  if (state.verdict !== undefined) return true;
  return state.allowed === "all" || (state.allowed === "request" && phase <= 2);
}
