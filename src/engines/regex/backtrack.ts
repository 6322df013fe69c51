/**
 * A backtracker for what no automaton decides: general lookarounds, atomic groups, references. It
 * only tries ways that are alive without these (moves.ts), from each place and position once for
 * what references hold there, and has a budget of steps, so that no value can hold the processor.
 */
import { canStart } from "./alive.ts";
import { type Move, movesAt, movesOnward, type Root, rootAt, type Walker } from "./moves.ts";
import type { Instruction } from "./program.ts";

/** Steps of one search: six for each byte of 64 KB. */
const STEPS_MAX = 400_000;
/** Positions of a value for which places have a table; a longer value's further ones have sets. */
const TABLED_POSITIONS_MAX = 131_072;
/** Bytes of a reference that are compared in a step. */
const REFERENCE_BYTES_PER_STEP = 8;

type Search = {
  readonly walker: Walker;
  readonly value: string;
  /** By position, the table entry that was read there. */
  readonly entries: Int32Array;
  readonly slots: number[];
  /** Slots that were set and what they were, to be undone when the search backs out. */
  readonly trail: number[];
  /** By place and position, the first context it was tried in, and the further ones. */
  readonly firsts: (Int32Array | undefined)[];
  readonly others: (Map<number, Set<number>> | undefined)[];
  /** A number for the run and what its referenced slots hold; a new one for each change of them. */
  context: number;
  contexts: number;
  /** Ways left to try, of all runs that are under way. */
  readonly choices: Choice[];
  steps: number;
};

export type SearchResult =
  | { readonly kind: "match"; readonly slots: readonly number[] }
  | { readonly kind: "no match" }
  | { readonly kind: "limit exceeded" };

/** Searches from `from` on; "limit exceeded" says nothing about whether a match exists. */
export function search(
  walker: Walker,
  value: string,
  options: { readonly slots: number; readonly entries: Int32Array; readonly from: number },
): SearchResult {
  const { entries } = options;
  const state: Search = {
    walker,
    value,
    entries,
    slots: new Array<number>(options.slots).fill(-1),
    trail: [],
    firsts: [],
    others: [],
    context: 1,
    contexts: 1,
    choices: [],
    steps: 0,
  };
  const { code, start } = walker.automaton.program;
  // The slot is set here: a place that the search goes through and one that it starts from are
  // one, so that the former answers for the latter.
  const first = code[start];
  const root = rootAt(walker, first?.op === "save" ? first.next : start);
  // Failed places stay failed from any later start: what follows does not depend on the start,
  // except through referenced captures, which have a context of their own.
  for (let from = options.from; from <= value.length; from++) {
    if (!canStart(walker.automaton, entries[from] ?? 0)) continue;
    state.slots[0] = from;
    if (run(state, root, from) >= 0) return { kind: "match", slots: state.slots };
    if (state.steps > STEPS_MAX) return { kind: "limit exceeded" };
  }
  return { kind: "no match" };
}

const NO_MOVES: readonly Move[] = [];

/** The ways on from a place; none when they have been tried with the same captures. */
function waysFrom(state: Search, root: Root, at: number): readonly Move[] {
  if (root.shared && isKnown(state, root.pc, at)) return NO_MOVES;
  return movesAt(state.walker, root, state.entries[at] ?? 0);
}

function isKnown({ value, firsts, others, context }: Search, pc: number, at: number): boolean {
  const first = firsts[pc] ?? new Int32Array(Math.min(value.length + 1, TABLED_POSITIONS_MAX));
  firsts[pc] = first;
  if (first[at] === context) return true;
  if (first[at] === 0) {
    first[at] = context;
    return false;
  }
  const positions = others[pc] ?? new Map<number, Set<number>>();
  others[pc] = positions;
  const further = positions.get(at) ?? new Set();
  positions.set(at, further);
  if (further.has(context)) return true;
  further.add(context);
  return false;
}

/** Sets slots back to what they were when the trail had that length. */
function undo(state: Search, length: number): void {
  while (state.trail.length > length) {
    const old = state.trail.pop() ?? -1;
    state.slots[state.trail.pop() ?? 0] = old;
  }
}

const isUpper = (code: number): boolean => code >= 65 && code <= 90;

/** End of the captured text repeated at `at`, or -1; an unset group never matches (PCRE). */
function repeatEnd(state: Search, step: Extract<Instruction, { op: "backref" }>, at: number) {
  const { value, slots } = state;
  const from = slots[step.index * 2] ?? -1;
  const to = slots[step.index * 2 + 1] ?? -1;
  const end = at + to - from;
  if (from < 0 || to < 0 || end > value.length) return -1;
  let i = 0;
  for (; i < to - from; i++) {
    const left = value.charCodeAt(from + i);
    const right = value.charCodeAt(at + i);
    if (left === right) continue;
    const isSameLetter = (left ^ right) === 32 && (isUpper(left) || isUpper(right));
    if (!step.fold || !isSameLetter) break;
  }
  state.steps += i / REFERENCE_BYTES_PER_STEP;
  return i === to - from ? end : -1;
}

/** Runs a body of its own; what it captures is kept when it matches. */
function runBody(state: Search, pc: number, at: number): number {
  const { context, trail } = state;
  const kept = trail.length;
  state.context = ++state.contexts;
  const end = run(state, rootAt(state.walker, pc), at);
  // What was captured inside counts from now on, if it matched.
  state.context = trail.length > kept ? ++state.contexts : context;
  return end;
}

function lookHolds(state: Search, step: Extract<Instruction, { op: "look" }>, at: number): boolean {
  const { context, trail } = state;
  const kept = trail.length;
  const held =
    step.back === undefined
      ? runBody(state, step.body, at) >= 0
      : step.back.some(({ width, body }) => width <= at && runBody(state, body, at - width) === at);
  if (step.negative && trail.length > kept) {
    undo(state, kept);
    state.context = context;
  }
  return held !== step.negative;
}

function setSlots(state: Search, set: readonly number[], at: number): void {
  const { slots, trail, walker } = state;
  for (const slot of set) {
    trail.push(slot, slots[slot] ?? -1);
    slots[slot] = at;
    if (walker.isReferenced[slot] === 1) state.context = ++state.contexts;
  }
}

/** Where a step that takes no byte of its own leads from `at`, or -1. */
function take(state: Search, step: Instruction, at: number): number {
  switch (step.op) {
    case "backref":
      return repeatEnd(state, step, at);
    case "look":
      return lookHolds(state, step, at) ? at : -1;
    case "atomic":
      return runBody(state, step.body, at);
    default:
      return -1;
  }
}

/** Ways left at each of `count` positions up to `at`: a repeat of one set leaves alike ones. */
type Choice = {
  readonly moves: readonly Move[];
  readonly next: number;
  at: number;
  count: number;
  readonly trail: number;
  readonly context: number;
};

/** Remembers the ways from `next` on, above the choices from `bottom` up. */
function leave(
  { choices, trail, context }: Search,
  bottom: number,
  { moves, next, at }: Pick<Choice, "moves" | "next" | "at">,
): void {
  const top = choices.length > bottom ? choices[choices.length - 1] : undefined;
  const isAlike =
    top?.moves === moves &&
    top.at === at - 1 &&
    top.next === next &&
    top.trail === trail.length &&
    top.context === context;
  if (!isAlike) {
    choices.push({ moves, next, at, count: 1, trail: trail.length, context });
    return;
  }
  top.at = at;
  top.count++;
}

/** Runs from a place to the first "match"; its end, or -1 (also when out of steps). */
function run(state: Search, from: Root, start: number): number {
  const { choices, context } = state;
  const bottom = choices.length;
  const kept = state.trail.length;
  let at = start;
  let moves = waysFrom(state, from, at);
  let next = 0;
  while (++state.steps <= STEPS_MAX) {
    const move = moves[next];
    if (move === undefined) {
      const choice = choices.length > bottom ? choices[choices.length - 1] : undefined;
      undo(state, choice?.trail ?? kept);
      state.context = choice?.context ?? context;
      if (choice === undefined) return -1;
      ({ moves, next, at } = choice);
      if (--choice.count === 0) choices.pop();
      else choice.at--;
      continue;
    }
    if (next + 1 < moves.length) leave(state, bottom, { moves, next: next + 1, at });
    if (move.slots.length > 0) setSlots(state, move.slots, at);
    if (move.step.op === "match") {
      choices.length = bottom;
      return at;
    }
    const to = move.step.op === "byte" ? at + 1 : take(state, move.step, at);
    if (to < 0) moves = NO_MOVES;
    else if (to > at) moves = waysFrom(state, move.root, to);
    else moves = movesOnward(state.walker, move, state.entries[at] ?? 0);
    next = 0;
    at = to < 0 ? at : to;
  }
  return -1;
}
