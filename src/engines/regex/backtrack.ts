/**
 * A backtracker for what no automaton decides: general lookarounds, atomic groups, references.
 * Each (instruction, position, referenced captures) is tried once, and the whole search has a
 * budget of steps, so that no value can hold the processor.
 */
import type { Program } from "./program.ts";
import { pairsHold, symbolAt } from "./syntax.ts";

/** Steps of one search; about 5 ms. */
const STEPS_MAX = 25_000;

type Search = {
  readonly program: Program;
  readonly value: string;
  readonly slots: number[];
  readonly referenced: readonly number[];
  readonly captureIds: Map<number, number>;
  steps: number;
};

export type SearchResult =
  | { readonly kind: "match"; readonly slots: readonly number[] }
  | { readonly kind: "no match" }
  | { readonly kind: "limit exceeded" };

/** Searches from each position that `starts` marks; "limit exceeded" says nothing about whether a match exists. */
export function search(
  program: Program,
  value: string,
  options: { readonly slots: number; readonly starts: Uint8Array | undefined },
): SearchResult {
  const referenced: number[] = [];
  for (const now of program.code) {
    if (now.op === "backref") referenced.push(now.index * 2, now.index * 2 + 1);
  }
  const state: Search = {
    program,
    value,
    slots: new Array<number>(options.slots).fill(-1),
    referenced,
    captureIds: new Map(),
    steps: 0,
  };
  // Failed places stay failed from any later start: what follows does not depend on the start,
  // except through referenced captures, which are part of the key.
  const failed = new Set<number>();
  for (let from = 0; from <= value.length; from++) {
    if (options.starts?.[from] === 0) continue;
    state.slots.fill(-1);
    if (run(state, { pc: program.start, at: from }, failed) >= 0) {
      return { kind: "match", slots: state.slots };
    }
    if (state.steps > STEPS_MAX) return { kind: "limit exceeded" };
  }
  return { kind: "no match" };
}

/** A number for the values of the referenced captures, the same for the same values. */
function capturesId(state: Search): number {
  if (state.referenced.length === 0) return 0;
  let id = 0;
  for (const slot of state.referenced) {
    // Ids of different depth cannot meet: each is handed out once, for one prefix of the slots.
    const key = id * (state.value.length + 2) + (state.slots[slot] ?? -1) + 1;
    const known = state.captureIds.get(key) ?? state.captureIds.size + 1;
    state.captureIds.set(key, known);
    id = known;
  }
  return id;
}

function keyOf(state: Search, pc: number, at: number): number {
  const places = state.program.code.length * (state.value.length + 1);
  return capturesId(state) * places + pc * (state.value.length + 1) + at;
}

/** End of the captured text repeated at `at`, or -1; an unset group never matches (PCRE). */
function repeatEnd(state: Search, index: number, options: { at: number; fold: boolean }): number {
  const from = state.slots[index * 2] ?? -1;
  const to = state.slots[index * 2 + 1] ?? -1;
  if (from < 0 || to < 0) return -1;
  const lower = (text: string): string =>
    options.fold ? text.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : text;
  const end = options.at + (to - from);
  if (end > state.value.length) return -1;
  state.steps += to - from;
  const wanted = lower(state.value.slice(from, to));
  return lower(state.value.slice(options.at, end)) === wanted ? end : -1;
}

type Place = { readonly pc: number; readonly at: number };
type Undo = { readonly slot: number; readonly old: number };

function lookHolds(state: Search, pc: number, at: number): boolean {
  const now = state.program.code[pc];
  if (now?.op !== "look") return false;
  const before = state.slots.slice();
  let held = false;
  if (now.back === undefined) held = run(state, { pc: now.body, at }, new Set()) >= 0;
  else {
    for (const { width, body } of now.back) {
      if (held || width > at) continue;
      held = run(state, { pc: body, at: at - width }, new Set()) === at;
    }
  }
  if (!held || now.negative) for (const [i, old] of before.entries()) state.slots[i] = old;
  return held !== now.negative;
}

/** Runs from a place to the first "match"; its end, or -1 (also when out of steps). */
function run(state: Search, from: Place, tried: Set<number>): number {
  const { value } = state;
  const { code } = state.program;
  const stack: (Place | Undo)[] = [from];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if ("slot" in top) {
      state.slots[top.slot] = top.old;
      continue;
    }
    let { pc, at } = top;
    while (true) {
      if (++state.steps > STEPS_MAX) return -1;
      const now = code[pc];
      if (now === undefined) break;
      if (now.op === "match") return at;
      let next = -1;
      if (now.op === "byte") {
        if (at < value.length && now.set[value.charCodeAt(at) & 255] === 1) next = at + 1;
      } else if (now.op === "split") {
        // Paths only meet, and loops only close, at splits: the other places need no memory.
        const key = keyOf(state, pc, at);
        if (tried.has(key)) break;
        tried.add(key);
        stack.push({ pc: now.second, at });
        pc = now.first;
        continue;
      } else if (now.op === "save") {
        stack.push({ slot: now.slot, old: state.slots[now.slot] ?? -1 });
        state.slots[now.slot] = at;
        next = at;
      } else if (now.op === "assert") {
        if (pairsHold(now.pairs, symbolAt(value, at - 1), symbolAt(value, at))) next = at;
      } else if (now.op === "backref") {
        next = repeatEnd(state, now.index, { at, fold: now.fold });
      } else {
        // Captures set inside are undone when the search backs out past this place.
        for (const [slot, old] of state.slots.entries()) stack.push({ slot, old });
        if (now.op === "look") next = lookHolds(state, pc, at) ? at : -1;
        else next = run(state, { pc: now.body, at }, new Set());
      }
      if (next < 0) break;
      pc = now.next;
      at = next;
    }
  }
  return -1;
}
