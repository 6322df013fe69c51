/** Runs the rules of a phase over the state of a request: on its course, or one after the other. */
import { readersOf } from "./candidate-scope.ts";
import { candidatesOfAll } from "./candidates.ts";
import type { Course, PhaseRules, Point } from "./compiled.ts";
import { courseOf } from "./course.ts";
import { disrupt, readTarget, removedNow, runRule, tell } from "./evaluate.ts";
import { addBits, clear, type RuleBits } from "./rule-bits.ts";
import type { State } from "./state.ts";

/** Runs one phase; stops at a verdict. */
export function runPhase(state: State, phase: number): void {
  const rules = state.ruleset.phases[phase];
  if (rules === undefined || state.engine === "off" || stopped(state, phase)) return;
  if (state.allowed === "phase") state.allowed = undefined;
  const course = courseAhead(state, phase);
  if (course === undefined) {
    runOffCourse(state, { rules, phase }, 0);
    return;
  }
  const candidates = candidatesOfPhase(state, rules, 0);
  const at = follow(state, { course, phase, candidates });
  if (at !== AT_END) runOffCourse(state, { rules, phase }, at);
}

/** Runs the rules from this place; what the request meets from now on is not known ahead. */
function runOffCourse(state: State, run: Omit<Run, "candidates">, from: number): void {
  state.fork = undefined;
  state.scope = state.ruleset.scope;
  const candidates = state.usePrefilter ? candidatesOfPhase(state, run.rules, from) : undefined;
  runFrom(state, { ...run, candidates }, from);
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
  if (state.fork === undefined || state.trace !== undefined || !state.usePrefilter) {
    return undefined;
  }
  const course = courseOf(state.ruleset, state.fork, phase);
  if (course === undefined) return undefined;
  state.point = undefined;
  state.touchedAt = -1;
  return course;
}

/**
 * Runs the steps of a course. The answer is the place from which the rules must be run one after
 * the other, since what the request has changed matters to a rule left out there.
 */
function follow(
  state: State,
  { course, phase, candidates }: { course: Course; phase: number; candidates: RuleBits },
): number {
  const { steps, words, masks, blockMasks, blockEnds } = course;
  let end = firstConcerned(state, course, 0);
  let index = 0;
  while (index < steps.length) {
    const word = words[index] ?? -1;
    if (word !== -1) {
      const bits = candidates[word] ?? 0;
      if ((bits & (blockMasks[index] ?? 0)) === 0) {
        index = blockEnds[index] ?? steps.length;
        continue;
      }
      if ((bits & (masks[index] ?? 0)) === 0) {
        index += 1;
        continue;
      }
    }
    const step = steps[index];
    if (step === undefined || step.at > end) break;
    index += 1;
    enter(state, step.before);
    if (removedNow(state, step.rule)) continue;
    const { touches } = state;
    const { writes } = state.tx;
    const removed = state.removedRules.size;
    const matched = runRule(state, step.rule);
    if (state.touches === touches) continue;
    state.touchedAt = step.at;
    if ((matched && disrupt(state, step.rule)) || ends(state, phase)) {
      state.fork = undefined;
      return AT_END;
    }
    if (matched && step.resume < 0) return step.nextAt;
    if (matched) index = step.resume;
    const next = matched ? step.nextAt : step.at + 1;
    const isAsBefore = state.tx.writes === writes && state.removedRules.size === removed;
    // A jump may have passed over the place.
    if (!isAsBefore || end < next) end = firstConcerned(state, course, next);
  }
  if (end !== Number.POSITIVE_INFINITY) {
    enter(state, course.points[end] ?? course.end.point);
    return end;
  }
  enter(state, course.end.point);
  state.fork = course.end;
  return AT_END;
}

/**
 * The first place from here on of a rule left out that the request concerns: it has changed a
 * variable that the rule reads or sets, or removed the rule. Infinity = there is none.
 */
function firstConcerned(state: State, { keys, leftOut }: Course, from: number): number {
  let first = Number.POSITIVE_INFINITY;
  for (const key of state.tx.own.keys()) {
    const place = keys.get(key)?.find((at) => at >= from);
    if (place !== undefined && place < first) first = place;
  }
  for (const index of state.removedRules) {
    const place = leftOut.get(index);
    if (place !== undefined && place >= from && place < first) first = place;
  }
  return first;
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

/** The rules from this place on that may match anything they read. */
function candidatesOfPhase(state: State, { sources }: PhaseRules, from: number): RuleBits {
  const { scope } = state;
  const { filter } = scope;
  // One for all requests: it is read until the phase ends, and phases do not wait for anything.
  const bits = clear(filter.ofPhase);
  for (const { target, lastAt } of sources) {
    const readers = readersOf(scope, target.slot);
    if (lastAt < from || !readers.isAsked) continue;
    const items = readTarget(state, target);
    if (items.values.length > 0) addBits(bits, candidatesOfAll(filter, readers, items));
  }
  return bits;
}

/** `allow` ends rules: of this phase, of the request's phases, or all but logging. */
function stopped(state: State, phase: number): boolean {
  if (phase === 5) return false;
  if (state.verdict !== undefined) return true;
  return state.allowed === "all" || (state.allowed === "request" && phase <= 2);
}
