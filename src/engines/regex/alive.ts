/**
 * A lazily built automaton that reads a value from its end and knows at each position which
 * instructions are alive: a match can still be reached from them. With that, the way that Perl
 * prefers is found without trying others: see moves.ts.
 *
 * What only a search decides (references, lookarounds, atomic groups) is taken for granted: such an
 * instruction is alive wherever it might be, and a search that follows decides.
 */
import { type Alphabet, alphabetOf } from "./alphabet.ts";
import { GAVE_UP, NO_MATCH, TABLE_ENTRIES_MAX, withRoom } from "./dfa.ts";
import type { Program } from "./program.ts";
import { EDGE, FINAL_NEWLINE, type NeighborPair, pairsHold, symbolAt } from "./syntax.ts";

/** Alive without looking at what precedes; `ending`: a match may end here. */
type State = { readonly alive: Uint16Array; readonly next: number; readonly ending: boolean };
const NONE = new Uint16Array(0);

export type Alive = {
  readonly program: Program;
  /** Where a match may end: where the scan begins, or anywhere. */
  readonly ends: "once" | "anywhere";
  readonly alphabet: Alphabet;
  readonly ways: Ways;
  /** Target row × 2, plus 1 when a match can start; by row plus the class of what precedes. */
  table: Int32Array;
  states: State[];
  ids: Map<string, number>;
  /** Offset of the state in which a scan begins, by the class behind it; -1 when not made yet. */
  readonly entries: Int32Array;
  /** Times the table has been full; what was made of its entries before is void. */
  flushes: number;
  /** What the last call of `close` found: `queue` up to its answer, each with the mark. */
  readonly marks: Int32Array;
  mark: number;
  readonly queue: Uint16Array;
  readonly found: Uint16Array;
  /** A bit for each instruction, then `next` and `ending`: the key of a state. */
  readonly bits: Uint8Array;
};

/** The program read backwards: by instruction, what leads to it and what of it is asked. */
type Ways = {
  /** Those that lead to it without a byte, and those that take a byte to it. */
  readonly before: readonly (readonly number[])[];
  readonly takers: readonly (readonly number[] | undefined)[];
  readonly sets: readonly (Uint8Array | undefined)[];
  readonly pairs: readonly (readonly NeighborPair[] | undefined)[];
  /** What it takes is not known, so that it may have begun anywhere. */
  readonly lasts: Uint8Array;
};

function waysOf({ code }: Program): Ways {
  const before: number[][] = code.map(() => []);
  const takers: (number[] | undefined)[] = code.map(() => undefined);
  for (const [pc, step] of code.entries()) {
    if (step.op === "byte") {
      takers[step.next] ??= [];
      takers[step.next]?.push(pc);
    } else if (step.op === "split")
      for (const to of [step.first, step.second]) before[to]?.push(pc);
    else if (step.op !== "match") before[step.next]?.push(pc);
  }
  return {
    before,
    takers,
    sets: code.map((step) => (step.op === "byte" ? step.set : undefined)),
    pairs: code.map((step) => (step.op === "assert" ? step.pairs : undefined)),
    lasts: Uint8Array.from(code, ({ op }) => (op === "backref" || op === "atomic" ? 1 : 0)),
  };
}

/** Prepares an automaton; no state exists yet. */
export function createAlive(program: Program, ends: Alive["ends"]): Alive {
  const alphabet = alphabetOf(program);
  const alive: Alive = {
    program,
    ends,
    alphabet,
    ways: waysOf(program),
    table: new Int32Array(0),
    states: [],
    ids: new Map(),
    entries: new Int32Array(alphabet.size),
    flushes: -1,
    marks: new Int32Array(program.code.length),
    mark: 0,
    queue: new Uint16Array(program.code.length),
    found: new Uint16Array(program.code.length),
    bits: new Uint8Array(Math.ceil(program.code.length / 8) + 3),
  };
  reset(alive);
  return alive;
}

function reset(alive: Alive): void {
  alive.flushes++;
  alive.states = [];
  alive.ids = new Map();
  alive.entries.fill(-1);
  alive.table = new Int32Array(alive.alphabet.size * 16).fill(-1);
  // INVARIANT: state 0 is dead: nothing is alive and no match ends farther left.
  intern(alive, { alive: NONE, next: 0, ending: false });
}

function keyOf({ bits }: Alive, { alive, next, ending }: State): string {
  bits.fill(0);
  for (let i = 0; i < alive.length; i++) {
    const pc = alive[i] ?? 0;
    bits[pc >> 3] = (bits[pc >> 3] ?? 0) | (1 << (pc & 7));
  }
  bits.set([next >> 8, next & 255, ending ? 1 : 0], bits.length - 3);
  return Buffer.from(bits.buffer).toString("latin1");
}

/** The state's row offset; GAVE_UP when the table is full. */
function intern(automaton: Alive, wanted: State): number {
  const stride = automaton.alphabet.size;
  const dead = wanted.alive.length === 0 && !wanted.ending;
  const state = dead ? { ...wanted, next: 0 } : wanted;
  const key = keyOf(automaton, state);
  const known = automaton.ids.get(key);
  if (known !== undefined) return known;
  if ((automaton.states.length + 1) * stride > TABLE_ENTRIES_MAX) return GAVE_UP;
  const id = automaton.states.push(state) - 1;
  const offset = id * stride;
  automaton.table = withRoom(automaton.table, offset + stride);
  if (id === 0) automaton.table.fill(0, 0, stride);
  automaton.ids.set(key, offset);
  return offset;
}

/** Puts what is alive in the state when `prev` precedes into the queue; how many there are. */
function close(automaton: Alive, state: State, prev: number): number {
  const { ways, marks, queue } = automaton;
  const mark = ++automaton.mark;
  let count = 0;
  if (state.ending) queue[count++] = 0;
  queue.set(state.alive, count);
  count += state.alive.length;
  for (let i = 0; i < count; i++) marks[queue[i] ?? 0] = mark;
  for (let i = 0; i < count; i++) {
    const before = ways.before[queue[i] ?? 0] ?? [];
    for (let k = 0; k < before.length; k++) {
      const pc = before[k] ?? 0;
      if (marks[pc] === mark) continue;
      const pairs = ways.pairs[pc];
      if (pairs !== undefined && !pairsHold(pairs, prev, state.next)) continue;
      marks[pc] = mark;
      queue[count++] = pc;
    }
  }
  return count;
}

/** Fills one table entry; GAVE_UP when the table is full. */
function extend(automaton: Alive, offset: number, symbolClass: number): number {
  const { alphabet, program, ways, marks, queue, found } = automaton;
  const state = automaton.states[offset / alphabet.size];
  if (state === undefined) return 0;
  const symbol = alphabet.symbolOf[symbolClass] ?? EDGE;
  const byte = symbol === FINAL_NEWLINE ? 10 : symbol;
  const count = close(automaton, state, symbol);
  const starts = marks[program.start] === automaton.mark;
  let length = 0;
  for (let i = 0; i < count; i++) {
    const to = queue[i] ?? 0;
    if (ways.lasts[to] === 1) found[length++] = to;
    if (symbol === EDGE) continue;
    const takers = ways.takers[to];
    if (takers === undefined) continue;
    for (let k = 0; k < takers.length; k++) {
      const pc = takers[k] ?? 0;
      if (ways.sets[pc]?.[byte] === 1) found[length++] = pc;
    }
  }
  const target = intern(automaton, {
    alive: found.slice(0, length),
    next: alphabet.nextOf[symbolClass] ?? 0,
    ending: automaton.ends === "anywhere",
  });
  if (target < 0) return GAVE_UP;
  const entry = target * 2 + (starts ? 1 : 0);
  automaton.table[offset + symbolClass] = entry;
  return entry;
}

/**
 * The instructions that are alive at a position, by the table entry that was read there; what
 * is looked at behind it is told by `next`.
 */
export function aliveAt(automaton: Alive, entry: number): ReadonlySet<number> {
  const { alphabet, states } = automaton;
  const state = states[Math.floor(entry / alphabet.size)];
  const symbol = alphabet.symbolOf[entry % alphabet.size] ?? EDGE;
  const count = state === undefined ? 0 : close(automaton, state, symbol);
  return new Set(automaton.queue.subarray(0, count));
}

/** Whether a match can start at a position, by the table entry that was read there. */
export function canStart(automaton: Alive, entry: number): boolean {
  return ((automaton.table[entry] ?? 0) & 1) === 1;
}

/**
 * Scans back from `end` to `until`: the farthest start of a match, NO_MATCH or GAVE_UP. `entries`
 * gets the index of the table entry read at each position.
 */
export function scanBackward(
  automaton: Alive,
  value: string,
  at: { readonly end: number; readonly until: number; readonly entries?: Int32Array | undefined },
): number {
  // One more try with an empty table: entries of before it was full would be void.
  const found = scanOnce(automaton, value, at);
  if (found !== GAVE_UP) return found;
  reset(automaton);
  return scanOnce(automaton, value, at);
}

/** The state in which a scan begins in front of a symbol. */
function enter(automaton: Alive, symbol: number): number {
  const { alphabet, entries } = automaton;
  const symbolClass = alphabet.classOf[symbol] ?? 0;
  const known = entries[symbolClass] ?? -1;
  if (known >= 0) return known;
  const next = alphabet.nextOf[symbolClass] ?? 0;
  const offset = intern(automaton, { alive: NONE, next, ending: true });
  entries[symbolClass] = offset;
  return offset;
}

function scanOnce(
  automaton: Alive,
  value: string,
  { end, until, entries }: { end: number; until: number; entries?: Int32Array | undefined },
): number {
  const { classOf } = automaton.alphabet;
  let state = enter(automaton, symbolAt(value, end));
  if (state < 0) return GAVE_UP;
  let { table } = automaton;
  let found = NO_MATCH;
  for (let i = end; i >= until; i--) {
    // Only the value's last byte, and what is behind it, is not just a byte.
    const symbol =
      i === 0 || i === value.length ? symbolAt(value, i - 1) : value.charCodeAt(i - 1) & 255;
    const index = state + (classOf[symbol] ?? 0);
    let entry = table[index] ?? -1;
    if (entry < 0) {
      entry = extend(automaton, state, index - state);
      if (entry < 0) return GAVE_UP;
      table = automaton.table;
    }
    if (entries !== undefined) entries[i] = index;
    if ((entry & 1) === 1) found = i;
    state = entry >> 1;
    if (state === 0) return found;
  }
  return found;
}
