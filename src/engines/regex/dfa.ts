/**
 * A lazily built DFA over byte classes: one table look-up per byte, states made when first met and
 * forgotten when the table is full. It answers whether and where a match ends, not the captures.
 */

import type { Program } from "./program.ts";
import type { NeighborPair } from "./syntax.ts";
import { EDGE, pairsHold, SYMBOLS, symbolAt, symbolsOf } from "./syntax.ts";

/** Table entries per automaton (4 bytes each) before its states are forgotten. */
const TABLE_ENTRIES_MAX = 262_144;
/** Times one scan may fill the table before it gives up. */
const FLUSHES_MAX = 8;

/** What a scan returns when states come too fast to be worth keeping. */
export const GAVE_UP = -2;
export const NO_MATCH = -1;

/**
 * any: unanchored, stops at the first end; first: unanchored, end of Perl's leftmost match;
 * longest: anchored, last end; every: unanchored, all ends.
 */
export type DfaMode = "any" | "first" | "longest" | "every";

type State = { readonly pcs: readonly number[]; readonly prev: number; readonly seeded: boolean };

export type Dfa = {
  readonly program: Program;
  readonly mode: DfaMode;
  readonly classOf: Uint16Array;
  readonly stride: number;
  readonly symbolOfClass: readonly number[];
  readonly prevKindOfClass: readonly number[];
  table: Int32Array;
  states: State[];
  ids: Map<string, number>;
  readonly marks: Int32Array;
  mark: number;
  flushes: number;
  /** Offset of the entry state after each class; -1 when not made yet. */
  entries: Int32Array;
};

/** Splits the symbols into classes that no table tells apart. */
function classify(tables: readonly Uint8Array[]): { of: Uint16Array; count: number } {
  let of = new Uint16Array(SYMBOLS);
  let count = 1;
  for (const table of tables) {
    const seen = new Map<number, number>();
    const split = new Uint16Array(SYMBOLS);
    for (let s = 0; s < SYMBOLS; s++) {
      const key = (of[s] ?? 0) * 2 + (table[s] ?? 0);
      const known = seen.get(key) ?? seen.size;
      seen.set(key, known);
      split[s] = known;
    }
    of = split;
    count = seen.size;
  }
  return { of, count };
}

/** Prepares an automaton; no state exists yet. */
export function createDfa(program: Program, mode: DfaMode): Dfa {
  const edge = new Uint8Array(SYMBOLS);
  edge[EDGE] = 1;
  const pairs: NeighborPair[] = [];
  const sets = new Set<Uint8Array>();
  for (const step of program.code) {
    if (step.op === "byte") sets.add(step.set);
    if (step.op === "assert") pairs.push(...step.pairs);
  }
  const prevTables = [...new Set(pairs.map((pair) => pair.prev))];
  const nextTables = [...new Set(pairs.map((pair) => pair.next))];
  const setTables = [...sets].map((set) => symbolsOf(set, false));
  const classes = classify([edge, ...setTables, ...prevTables, ...nextTables]);
  const kinds = classify(prevTables);
  const symbolOfClass: number[] = [];
  for (let s = SYMBOLS - 1; s >= 0; s--) symbolOfClass[classes.of[s] ?? 0] = s;
  const first = new Map<number, number>();
  const prevKindOfClass = symbolOfClass.map((symbol) => {
    const kind = kinds.of[symbol] ?? 0;
    if (!first.has(kind)) first.set(kind, symbol);
    return first.get(kind) ?? 0;
  });
  const dfa: Dfa = {
    program,
    mode,
    classOf: classes.of,
    stride: classes.count,
    symbolOfClass,
    prevKindOfClass,
    table: new Int32Array(0),
    states: [],
    ids: new Map(),
    marks: new Int32Array(program.code.length),
    mark: 0,
    flushes: 0,
    entries: new Int32Array(0),
  };
  reset(dfa);
  return dfa;
}

function reset(dfa: Dfa): void {
  dfa.states = [];
  dfa.ids = new Map();
  dfa.entries = new Int32Array(dfa.stride).fill(-1);
  dfa.table = new Int32Array(dfa.stride * 16).fill(-1);
  // INVARIANT: state 0 is dead: no threads, none to come.
  intern(dfa, { pcs: [], prev: 0, seeded: false });
}

/** The state's row offset. */
function intern(dfa: Dfa, wanted: State): number {
  const dead = wanted.pcs.length === 0 && !wanted.seeded;
  const state = dead ? { pcs: [], prev: 0, seeded: false } : wanted;
  const key = `${state.prev},${state.seeded ? 1 : 0},${state.pcs.join(",")}`;
  const known = dfa.ids.get(key);
  if (known !== undefined) return known;
  if ((dfa.states.length + 1) * dfa.stride > TABLE_ENTRIES_MAX) {
    dfa.flushes++;
    reset(dfa);
  }
  const id = dfa.states.push(state) - 1;
  const offset = id * dfa.stride;
  if (offset + dfa.stride > dfa.table.length) {
    const grown = new Int32Array(dfa.table.length * 2).fill(-1);
    grown.set(dfa.table);
    dfa.table = grown;
  }
  if (id === 0) dfa.table.fill(0, 0, dfa.stride);
  dfa.ids.set(key, offset);
  return offset;
}

/**
 * Threads after `symbol` from `pcs`, in order of preference; true when one of them ended before
 * the symbol. In mode "first" an end drops every thread of lower preference.
 */
function step(
  dfa: Dfa,
  state: State,
  at: { symbol: number; seeded: boolean; out: number[] },
): boolean {
  const { code, start } = dfa.program;
  const mark = ++dfa.mark;
  const { marks } = dfa;
  const taken = new Set<number>();
  let matched = false;
  const stack: number[] = [];
  const roots = at.seeded ? [...state.pcs, start] : state.pcs;
  for (const root of roots) {
    stack.push(root);
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (marks[pc] === mark) continue;
      marks[pc] = mark;
      const now = code[pc];
      if (now === undefined) continue;
      if (now.op === "byte") {
        if (at.symbol !== EDGE && now.set[at.symbol === 256 ? 10 : at.symbol] === 1) {
          taken.add(now.next);
        }
      } else if (now.op === "split") stack.push(now.second, now.first);
      else if (now.op === "save") stack.push(now.next);
      else if (now.op === "assert") {
        if (pairsHold(now.pairs, state.prev, at.symbol)) stack.push(now.next);
      } else if (now.op === "match") {
        matched = true;
        if (dfa.mode === "any" || dfa.mode === "first") {
          at.out.push(...taken);
          return true;
        }
      }
    }
  }
  at.out.push(...taken);
  return matched;
}

/** Fills one table entry: target row × 2, plus 1 when a match ended before the symbol. */
function extend(dfa: Dfa, offset: number, symbolClass: number): number {
  const state = dfa.states[offset / dfa.stride];
  if (state === undefined) return 0;
  const pcs: number[] = [];
  const symbol = dfa.symbolOfClass[symbolClass] ?? 0;
  const matched = step(dfa, state, { symbol, seeded: state.seeded, out: pcs });
  if (dfa.mode !== "first") pcs.sort((a, b) => a - b);
  const prev = dfa.prevKindOfClass[symbolClass] ?? 0;
  const seeded = state.seeded && (!matched || dfa.mode === "every");
  const flushes = dfa.flushes;
  const target = intern(dfa, { pcs, prev, seeded });
  const entry = target * 2 + (matched ? 1 : 0);
  if (flushes === dfa.flushes) dfa.table[offset + symbolClass] = entry;
  return entry;
}

function enter(dfa: Dfa, symbol: number): number {
  const symbolClass = dfa.classOf[symbol] ?? 0;
  const known = dfa.entries[symbolClass] ?? -1;
  if (known >= 0) return known;
  const anchored = dfa.mode === "longest";
  const prev = dfa.prevKindOfClass[symbolClass] ?? 0;
  const pcs = anchored ? [dfa.program.start] : [];
  const offset = intern(dfa, { pcs, prev, seeded: !anchored });
  dfa.entries[symbolClass] = offset;
  return offset;
}

/** Scans the value from its start; the end of a match by the mode, NO_MATCH or GAVE_UP. */
export function scanForward(dfa: Dfa, value: string): number {
  const { classOf } = dfa;
  const any = dfa.mode === "any";
  const length = value.length;
  const plain = symbolAt(value, length - 1) === 256 ? length - 1 : length;
  let found = NO_MATCH;
  const flushesMax = dfa.flushes + FLUSHES_MAX;
  let state = enter(dfa, EDGE);
  let { table } = dfa;
  for (let i = 0; i <= length; i++) {
    const symbol = i < plain ? value.charCodeAt(i) & 255 : i < length ? 256 : EDGE;
    const symbolClass = classOf[symbol] ?? 0;
    let entry = table[state + symbolClass] ?? -1;
    if (entry < 0) {
      entry = extend(dfa, state, symbolClass);
      table = dfa.table;
      if (dfa.flushes > flushesMax) return GAVE_UP;
    }
    if ((entry & 1) === 1) {
      found = i;
      if (any) return i;
    }
    state = entry >> 1;
    if (state === 0) return found;
  }
  return found;
}

/** Scans back from `end` with a reversed program; the farthest start, NO_MATCH or GAVE_UP. */
export function scanBackward(dfa: Dfa, value: string, end: number): number {
  const { classOf } = dfa;
  let found = NO_MATCH;
  const flushesMax = dfa.flushes + FLUSHES_MAX;
  let state = enter(dfa, symbolAt(value, end));
  for (let i = end; i >= 0; i--) {
    const symbolClass = classOf[symbolAt(value, i - 1)] ?? 0;
    let entry = dfa.table[state + symbolClass] ?? -1;
    if (entry < 0) entry = extend(dfa, state, symbolClass);
    if (dfa.flushes > flushesMax) return GAVE_UP;
    if ((entry & 1) === 1) found = i;
    state = entry >> 1;
    if (state === 0) return found;
  }
  return found;
}

/**
 * Marks each position where a match of a reversed program (mode "every") starts; one entry per
 * position, the end of the value included. Undefined when it gave up.
 */
export function markStarts(dfa: Dfa, value: string): Uint8Array | undefined {
  const starts = new Uint8Array(value.length + 1);
  const flushesMax = dfa.flushes + FLUSHES_MAX;
  let state = enter(dfa, EDGE);
  for (let i = value.length; i >= 0; i--) {
    const symbolClass = dfa.classOf[symbolAt(value, i - 1)] ?? 0;
    let entry = dfa.table[state + symbolClass] ?? -1;
    if (entry < 0) entry = extend(dfa, state, symbolClass);
    if (dfa.flushes > flushesMax) return undefined;
    starts[i] = entry & 1;
    state = entry >> 1;
  }
  return starts;
}
