/**
 * The course that a phase takes for a site as long as nothing in a request matches. Most rules of
 * a rule set test `TX` variables that the site has set: their outcome is known before a request
 * comes, and is left out here. Method and limits: docs/decisions/0033.
 */
import { scopeOf } from "./candidate-scope.ts";
import type {
  Course,
  Fork,
  MacroReference,
  PhaseRules,
  Point,
  Rule,
  Ruleset,
  Start,
  Step,
  Target,
  Template,
} from "./compiled.ts";
import { expand } from "./effects.ts";
import { runRule } from "./evaluate.ts";
import { integerOf } from "./operators/operator.ts";
import { emptyBits, type RuleBits, setBit } from "./rule-bits.ts";
import { createState, type State } from "./state.ts";
import { createTx, txMap, txOf } from "./tx.ts";
import { derive, toValue } from "./value.ts";

const starts = new WeakMap<Ruleset, WeakMap<ReadonlyMap<string, string>, Start>>();

/** Where requests of a site with these variables start; the variables must never change. */
export function startOf(ruleset: Ruleset, variables: ReadonlyMap<string, string>): Start {
  const ofRuleset = starts.get(ruleset) ?? new WeakMap<ReadonlyMap<string, string>, Start>();
  starts.set(ruleset, ofRuleset);
  const known = ofRuleset.get(variables);
  if (known !== undefined) return known;
  const point: Point = {
    shared: variables,
    matchedAt: -1,
    matchedName: "",
    matchedValue: "",
    matchedNames: [],
    matchedValues: [],
    highestSeverity: 255,
  };
  const fork: Fork = { point, courses: [] };
  const asked = emptyBits(ruleset.scope.filter.words);
  askAhead(ruleset, { fork, phase: 0 }, asked);
  const made: Start = { fork, scope: scopeOf(ruleset.scope.filter, asked) };
  ofRuleset.set(variables, made);
  return made;
}

/**
 * Notes the rules of every course behind a phase. Any of the phases between may be left out: a
 * request may be answered by the gateway itself, and what it gets need not be text.
 */
function askAhead(ruleset: Ruleset, from: { fork: Fork; phase: number }, asked: RuleBits): void {
  for (let phase = from.phase + 1; phase < ruleset.phases.length; phase += 1) {
    const course = courseOf(ruleset, from.fork, phase);
    if (course === undefined) continue;
    for (const { rule } of course.steps) {
      for (let link: Rule | undefined = rule; link !== undefined; link = link.next) {
        setBit(asked, link);
      }
    }
    askAhead(ruleset, { fork: course.end, phase }, asked);
  }
}

/** The course of a phase from here. */
export function courseOf(ruleset: Ruleset, fork: Fork, phase: number): Course | undefined {
  const rules = ruleset.phases[phase];
  if (rules === undefined) return undefined;
  fork.courses[phase] ??= foresee(ruleset, rules, fork.point);
  return fork.courses[phase];
}

const NOWHERE = -1;

/** What is known while a course is made. */
type Foresight = {
  /** A request of which nothing is known but its `TX` variables. */
  readonly state: State;
  /** The place of the rule that is looked at. */
  at: number;
  readonly keys: Map<string, number[]>;
  readonly leftOut: Map<number, number>;
};

const NO_CONNECTION = {
  remoteAddress: "",
  remotePort: 0,
  serverAddress: "",
  serverPort: 0,
  uniqueId: "",
  timeMs: 0,
} as const;

function foresee(ruleset: Ruleset, phase: PhaseRules, from: Point): Course {
  const { shared, highestSeverity } = from;
  const state = createState(ruleset, NO_CONNECTION, {
    exclusions: [],
    store: undefined,
    engine: "detectionOnly",
    variables: shared,
    trace: false,
    usePrefilter: false,
    slots: 0,
  });
  state.highestSeverity = highestSeverity;
  state.matchedName = from.matchedName;
  state.matchedValue = from.matchedValue;
  state.matchedNames = from.matchedNames;
  state.matchedValues = from.matchedValues;
  const foresight: Foresight = { state, at: 0, keys: new Map(), leftOut: new Map() };
  const found: Omit<Step, "resume">[] = [];
  const points: (Point | undefined)[] = [];
  let point: Point = { ...from, matchedAt: -1 };
  let at = 0;
  while (at < phase.rules.length) {
    const rule = phase.rules[at];
    if (rule === undefined) break;
    points[at] = point;
    foresight.at = at;
    const nextAt = Math.min(phase.nextAt[at] ?? 0, phase.rules.length);
    const outcome = outcomeOf(foresight, rule);
    if (outcome === "unknown") found.push({ at, nextAt, rule, before: point });
    else {
      foresight.leftOut.set(rule.index, at);
      const { touches } = state;
      runRule(state, rule);
      if (state.touches > touches) point = pointOf(state, at, point);
    }
    at = outcome === "match" ? nextAt : at + 1;
  }
  points[phase.rules.length] = point;
  const steps = found.map((step) => ({ ...step, resume: resumeAt(step, found, points) }));
  return {
    steps,
    ...bitsOf(steps, phase),
    keys: foresight.keys,
    leftOut: foresight.leftOut,
    points,
    end: { point, courses: [] },
  };
}

/** The candidate bits of the steps, one by one and for as many as share a word. */
function bitsOf(steps: readonly Step[], phase: PhaseRules) {
  const words = Int32Array.from(steps, (step) => phase.words[step.at] ?? -1);
  const masks = Int32Array.from(steps, (step) => phase.masks[step.at] ?? 0);
  const blockMasks = masks.slice();
  const blockEnds = Int32Array.from(steps, (_, at) => at + 1);
  for (let at = steps.length - 2; at >= 0; at -= 1) {
    if (words[at] !== words[at + 1]) continue;
    blockMasks[at] = (masks[at] ?? 0) | (blockMasks[at + 1] ?? 0);
    blockEnds[at] = blockEnds[at + 1] ?? 0;
  }
  return { words, masks, blockMasks, blockEnds };
}

/**
 * Where the course goes on when a step matches: behind its jump, unless the course has passed over
 * that place, or a rule left out on the way there has changed something.
 */
function resumeAt(
  { nextAt, before }: Omit<Step, "resume">,
  steps: readonly Omit<Step, "resume">[],
  points: readonly (Point | undefined)[],
): number {
  if (points[nextAt] !== before) return NOWHERE;
  const index = steps.findIndex(({ at }) => at >= nextAt);
  return index === -1 ? steps.length : index;
}

function pointOf(state: State, at: number, before: Point): Point {
  const shared = state.tx.own.size === 0 ? before.shared : txMap(state.tx);
  state.tx = createTx(shared);
  const { matchedName, matchedValue, matchedNames, matchedValues, highestSeverity } = state;
  const changed = matchedNames !== before.matchedNames;
  return {
    shared,
    matchedAt: changed ? at : before.matchedAt,
    matchedName,
    matchedValue,
    matchedNames,
    matchedValues,
    highestSeverity,
  };
}

function outcomeOf(foresight: Foresight, head: Rule): "match" | "no match" | "unknown" {
  const keys: string[] = [];
  const settle = (): void => {
    for (const key of keys) {
      const places = foresight.keys.get(key) ?? [];
      foresight.keys.set(key, places);
      if (places.at(-1) !== foresight.at) places.push(foresight.at);
    }
  };
  for (let link: Rule | undefined = head; link !== undefined; link = link.next) {
    if (link !== head && changesAnything(head, link)) return "unknown";
    const matches = linkMatches(foresight.state, link, keys);
    if (matches === undefined) return "unknown";
    if (matches) continue;
    settle();
    return "no match";
  }
  if (!effectsAreKnown(foresight.state, head, keys)) return "unknown";
  settle();
  return "match";
}

/** True when a link before this one sets something, which this one might read. */
function changesAnything(head: Rule, before: Rule): boolean {
  for (let link: Rule | undefined = head; link !== before; link = link?.next) {
    if (link === undefined) return false;
    const { aging, capture, controls, initCollections, secrets, setVariables } = link;
    if (capture || controls.length + aging.length + initCollections.length > 0) return true;
    if (secrets.length + setVariables.length > 0) return true;
  }
  return false;
}

/** Whether a link matches, from `TX` alone; undefined when that is not known. */
function linkMatches(state: State, link: Rule, keys: string[]): boolean | undefined {
  const { operator } = link;
  if (operator === undefined) return true;
  const isKnown = link.targets.every(isOfTx) && link.multiMatchChains.length === 0;
  if (!isKnown || !link.argument.every((part) => isTextOrTx(part))) return undefined;
  keys.push(...keysOf(link.argument), ...link.targets.map(({ txKey }) => txKey ?? ""));
  const argument = expand(state, link.argument);
  return link.targets.some((target) => {
    const text = txOf(state.tx, target.txKey ?? "");
    if (target.count) return passes(link, text === undefined ? "0" : "1", argument);
    return text !== undefined && passes(link, text, argument);
  });
}

function passes(link: Rule, text: string, argument: string): boolean {
  if (link.gate !== undefined) return link.gate.passes(integerOf(text));
  const value = derive(toValue(text), link.chain).text;
  return (link.operator?.match(value, argument) === undefined) === link.negated;
}

const isOfTx = ({ txKey, exclusions }: Target): boolean =>
  txKey !== undefined && exclusions.length === 0;

const isTextOrTx = (part: string | MacroReference): boolean =>
  typeof part === "string" || (part.variable === "TX" && part.key !== undefined);

const keysOf = (template: Template): string[] =>
  template.flatMap((part) => (typeof part === "string" ? [] : [part.key ?? ""]));

/** What the operator of a rule left out has seen is known as well. */
const isOfMatch = (part: string | MacroReference): boolean =>
  typeof part !== "string" && /^MATCHED_VAR(_NAME)?$/.test(part.variable);

/** True when the rule changes `TX` variables only, by what is known, and is told of nowhere. */
function effectsAreKnown(state: State, head: Rule, keys: string[]): boolean {
  if (head.message.length > 0 || head.scoring) return false;
  if (head.disruption.kind !== "none" && head.disruption.kind !== "pass") return false;
  for (let link: Rule | undefined = head; link !== undefined; link = link.next) {
    const { aging, capture, controls, initCollections, secrets, setVariables } = link;
    if (capture || aging.length > 0 || initCollections.length + secrets.length > 0) return false;
    if (controls.some(({ kind }) => kind !== "ignored")) return false;
    for (const { collection, name, value } of setVariables) {
      if (collection !== "TX" || !name.every(isTextOrTx)) return false;
      const isKnown = (part: string | MacroReference): boolean =>
        isTextOrTx(part) || (isOfMatch(part) && head.operator !== undefined);
      if (!value.every(isKnown)) return false;
      const ofValue = value.filter((part) => !isOfMatch(part));
      keys.push(expand(state, name).toLowerCase(), ...keysOf(name), ...keysOf(ofValue));
    }
  }
  return true;
}
