/**
 * A lazily built DFA over classes of bytes: one table look-up per byte, states made when first met
 * and forgotten when the table is full. It answers whether and where a match of a regular program
 * ends; where it starts and what it captures is read from behind (alive.ts).
 */
import { type Alphabet, alphabetOf } from "./alphabet.ts";
import type { Program } from "./program.ts";
import { EDGE, FINAL_NEWLINE, pairsHold, symbolAt } from "./syntax.ts";

/** Table entries per automaton (4 bytes each) before its states are forgotten. */
export const TABLE_ENTRIES_MAX = 262_144;
/** Times one scan may fill the table before it gives up. */
const FLUSHES_MAX = 8;

/** What a scan returns when states come too fast to be worth keeping. */
export const GAVE_UP = -2;
export const NO_MATCH = -1;

/** any: stops at the first end of a match; first: the end of Perl's leftmost match. */
export type DfaMode = "any" | "first";

/** Bytes that can be taken, in order of preference, and whether a match ends here. */
type Closure = { readonly bytes: readonly number[]; readonly matched: boolean };
type State = {
  readonly pcs: readonly number[];
  readonly prev: number;
  readonly seeded: boolean;
  /** By the symbol that follows, as far as assertions see it. */
  readonly closures: Map<number, Closure>;
};

export type Dfa = {
  readonly program: Program;
  readonly mode: DfaMode;
  readonly alphabet: Alphabet;
  table: Int32Array;
  states: State[];
  ids: Map<string, number>;
  readonly marks: Int32Array;
  mark: number;
  flushes: number;
  /** Offset of the entry state after each class; -1 when not made yet. */
  entries: Int32Array;
};

/** Prepares an automaton; no state exists yet. */
export function createDfa(program: Program, mode: DfaMode): Dfa {
  const dfa: Dfa = {
    program,
    mode,
    alphabet: alphabetOf(program),
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
  dfa.entries = new Int32Array(dfa.alphabet.size).fill(-1);
  dfa.table = new Int32Array(dfa.alphabet.size * 16).fill(-1);
  // INVARIANT: state 0 is dead: no threads, none to come.
  intern(dfa, { pcs: [], prev: 0, seeded: false });
}

/** The table itself where it has so many entries, else one twice as large; new entries are -1. */
export function withRoom(table: Int32Array, entries: number): Int32Array {
  if (entries <= table.length) return table;
  const grown = new Int32Array(table.length * 2).fill(-1);
  grown.set(table);
  return grown;
}

/** The state's row offset. */
function intern(dfa: Dfa, wanted: Omit<State, "closures">): number {
  const stride = dfa.alphabet.size;
  const dead = wanted.pcs.length === 0 && !wanted.seeded;
  const state = dead ? { pcs: [], prev: 0, seeded: false } : wanted;
  const key = `${state.prev},${state.seeded ? 1 : 0},${state.pcs.join(",")}`;
  const known = dfa.ids.get(key);
  if (known !== undefined) return known;
  if ((dfa.states.length + 1) * stride > TABLE_ENTRIES_MAX) {
    dfa.flushes++;
    reset(dfa);
  }
  const id = dfa.states.push({ ...state, closures: new Map() }) - 1;
  const offset = id * stride;
  dfa.table = withRoom(dfa.table, offset + stride);
  if (id === 0) dfa.table.fill(0, 0, stride);
  dfa.ids.set(key, offset);
  return offset;
}

/** What the state's threads reach without taking a byte; an end drops what is preferred less. */
function close(dfa: Dfa, state: State, next: number): Closure {
  const { code, start } = dfa.program;
  const mark = ++dfa.mark;
  const { marks } = dfa;
  const bytes: number[] = [];
  const stack: number[] = [];
  for (const root of state.seeded ? [...state.pcs, start] : state.pcs) {
    stack.push(root);
    for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
      if (marks[pc] === mark) continue;
      marks[pc] = mark;
      const now = code[pc];
      if (now === undefined) continue;
      if (now.op === "byte") bytes.push(pc);
      else if (now.op === "split") stack.push(now.second, now.first);
      else if (now.op === "save") stack.push(now.next);
      else if (now.op === "assert") {
        if (pairsHold(now.pairs, state.prev, next)) stack.push(now.next);
      } else if (now.op === "match") return { bytes, matched: true };
    }
  }
  return { bytes, matched: false };
}

/** Fills one table entry: target row × 2, plus 1 when a match ended before the symbol. */
function extend(dfa: Dfa, offset: number, symbolClass: number): number {
  const { alphabet, marks } = dfa;
  const state = dfa.states[offset / alphabet.size];
  if (state === undefined) return 0;
  const next = alphabet.nextOf[symbolClass] ?? 0;
  const closure = state.closures.get(next) ?? close(dfa, state, next);
  state.closures.set(next, closure);
  const symbol = alphabet.symbolOf[symbolClass] ?? 0;
  const byte = symbol === FINAL_NEWLINE ? 10 : symbol;
  const pcs: number[] = [];
  const mark = ++dfa.mark;
  for (const pc of symbol === EDGE ? [] : closure.bytes) {
    const step = dfa.program.code[pc];
    if (step?.op !== "byte" || step.set[byte] !== 1 || marks[step.next] === mark) continue;
    marks[step.next] = mark;
    pcs.push(step.next);
  }
  if (dfa.mode === "any") pcs.sort((a, b) => a - b);
  const prev = alphabet.prevOf[symbolClass] ?? 0;
  const flushes = dfa.flushes;
  const target = intern(dfa, { pcs, prev, seeded: state.seeded && !closure.matched });
  const entry = target * 2 + (closure.matched ? 1 : 0);
  if (flushes === dfa.flushes) dfa.table[offset + symbolClass] = entry;
  return entry;
}

function enter(dfa: Dfa, symbol: number): number {
  const symbolClass = dfa.alphabet.classOf[symbol] ?? 0;
  const known = dfa.entries[symbolClass] ?? -1;
  if (known >= 0) return known;
  const prev = dfa.alphabet.prevOf[symbolClass] ?? 0;
  const offset = intern(dfa, { pcs: [], prev, seeded: true });
  dfa.entries[symbolClass] = offset;
  return offset;
}

/** Scans the value from `from` on; the end of a match by the mode, NO_MATCH or GAVE_UP. */
export function scanForward(dfa: Dfa, value: string, from = 0): number {
  const { classOf } = dfa.alphabet;
  const any = dfa.mode === "any";
  const length = value.length;
  const plain = symbolAt(value, length - 1) === FINAL_NEWLINE ? length - 1 : length;
  let found = NO_MATCH;
  const flushesMax = dfa.flushes + FLUSHES_MAX;
  let state = enter(dfa, symbolAt(value, from - 1));
  let { table } = dfa;
  for (let i = from; i <= length; i++) {
    const symbol = i < plain ? value.charCodeAt(i) & 255 : i < length ? FINAL_NEWLINE : EDGE;
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
