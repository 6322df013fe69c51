/**
 * The ways on from an instruction at a position, in Perl's order of preference, as far as they are
 * alive (alive.ts); remembered by what the position looks like. In a regular program the first one
 * leads to the match, so that captures take one look-up a byte.
 */
import { type Alive, aliveAt } from "./alive.ts";
import type { Instruction } from "./program.ts";

/** A place behind a byte, or behind what a search decides, from which ways are asked. */
export type Root = {
  readonly pc: number;
  /** More than one way may lead to it at one position. */
  readonly shared: boolean;
  readonly known: Map<number, readonly Move[]>;
  /** The table entry asked for last and its answer: most bytes of a long match are alike. */
  entry: number;
  moves: readonly Move[];
};
/** Sets the slots to the position, then does `step`; what follows is at `root`. */
export type Move = {
  readonly slots: readonly number[];
  readonly step: Instruction;
  readonly root: Root;
  /** What has been gone through at the position so far, when the step may take nothing. */
  readonly seen: Seen | undefined;
  /** The ways on when the step took nothing, once they were asked for. */
  onward?: readonly Move[];
};
/** Instructions, each with the referenced slots that were set on the way to it. */
type Seen = { readonly keys: ReadonlySet<string>; readonly set: readonly number[] };

export type Walker = {
  readonly automaton: Alive;
  readonly regular: boolean;
  /** Slots that references read, and the same as flags; ways that differ in them differ. */
  readonly referenced: readonly number[];
  readonly isReferenced: Uint8Array;
  readonly roots: Map<number, Root>;
  /** The automaton's `flushes` when the roots were made. */
  flushes: number;
  /** Answers remembered. */
  answers: number;
};

/** Answers that are remembered before all are forgotten. */
const ANSWERS_MAX = 65_536;

export function createWalker(automaton: Alive, regular: boolean): Walker {
  const { code } = automaton.program;
  const read = code.flatMap((step) =>
    step.op === "backref" ? [step.index * 2, step.index * 2 + 1] : [],
  );
  const referenced = [...new Set(read)];
  const isReferenced = new Uint8Array(Math.max(0, ...referenced) + 1);
  for (const slot of referenced) isReferenced[slot] = 1;
  return {
    automaton,
    regular,
    referenced,
    isReferenced,
    roots: new Map(),
    flushes: automaton.flushes,
    answers: 0,
  };
}

/** The place at an instruction; those of before the automaton forgot its states are void. */
export function rootAt(walker: Walker, pc: number): Root {
  if (walker.flushes !== walker.automaton.flushes || walker.answers > ANSWERS_MAX) {
    walker.roots.clear();
    walker.flushes = walker.automaton.flushes;
    walker.answers = 0;
  }
  const known = walker.roots.get(pc);
  if (known !== undefined) return known;
  const root: Root = {
    pc,
    shared: isShared(walker.automaton, pc),
    known: new Map(),
    entry: -1,
    moves: [],
  };
  walker.roots.set(pc, root);
  return root;
}

/** The ways from `root` at a position, by the table entry that was read there. */
export function movesAt(walker: Walker, root: Root, entry: number): readonly Move[] {
  if (root.entry === entry) return root.moves;
  let moves = root.known.get(entry);
  if (moves === undefined) {
    moves = findMoves(walker, root.pc, { entry, keys: new Set(), set: [] });
    root.known.set(entry, moves);
    walker.answers++;
  }
  root.entry = entry;
  root.moves = moves;
  return moves;
}

/**
 * The ways on from a step that took nothing. What has been gone through is not gone through again:
 * an empty pass ends a loop.
 */
export function movesOnward(walker: Walker, move: Move, entry: number): readonly Move[] {
  const { keys = [], set = [] } = move.seen ?? {};
  move.onward ??= findMoves(walker, move.root.pc, { entry, keys: new Set(keys), set });
  return move.onward;
}

type Path = { readonly pc: number; readonly slots: readonly number[] };

function findMoves(
  walker: Walker,
  from: number,
  { entry, keys, set }: { entry: number; keys: Set<string>; set: readonly number[] },
): readonly Move[] {
  const { code } = walker.automaton.program;
  const alive = aliveAt(walker.automaton, entry);
  const moves: Move[] = [];
  const stack: Path[] = [{ pc: from, slots: [] }];
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    const { pc, slots } = path;
    const step = code[pc];
    if (step === undefined || !alive.has(pc)) continue;
    const read = [...set, ...slots.filter((slot) => walker.isReferenced[slot] === 1)];
    const key = `${pc} ${read}`;
    if (keys.has(key)) continue;
    keys.add(key);
    if (step.op === "split") {
      stack.push({ pc: step.second, slots }, { pc: step.first, slots });
    } else if (step.op === "save") {
      const more = slots.includes(step.slot) ? slots : [...slots, step.slot];
      stack.push({ pc: step.next, slots: more });
    } else if (step.op === "assert") {
      stack.push({ pc: step.next, slots });
    } else if ("body" in step && step.body > 0 && !alive.has(step.body)) {
      // What it asks for cannot be there.
      if (step.op === "look" && step.negative) stack.push({ pc: step.next, slots });
    } else {
      const takes = step.op === "byte" || step.op === "match";
      const seen = takes ? undefined : { keys: new Set(keys), set: read };
      moves.push({ slots, step, root: rootAt(walker, "next" in step ? step.next : pc), seen });
      if (walker.regular) break;
    }
  }
  return moves;
}

/** False when there is one way only to a place, from one other place: most are in literal text. */
function isShared({ ways, program }: Alive, pc: number): boolean {
  for (let at = pc, isFirst = true; ; isFirst = false) {
    const before = ways.before[at] ?? [];
    const takers = ways.takers[at] ?? [];
    if (before.length + takers.length > 1) return true;
    const from = before[0];
    // Behind a byte or what a search decides is a place.
    const isPlace = from === undefined || ENDS_PLACE.has(program.code[from]?.op ?? "");
    if (isPlace && !isFirst) return false;
    const taker = isPlace ? (takers[0] ?? from) : from;
    if (taker === undefined) return false;
    at = taker;
  }
}

const ENDS_PLACE: ReadonlySet<string> = new Set(["backref", "look", "atomic"]);

/** The slots of the match that starts at `start`, of a regular program. */
export function traceMatch(
  walker: Walker,
  entries: Int32Array,
  at: { readonly start: number; readonly slots: number },
): readonly number[] {
  const found = new Array<number>(at.slots).fill(-1);
  let root = rootAt(walker, walker.automaton.program.start);
  for (let i = at.start; i < entries.length; i++) {
    const [move] = movesAt(walker, root, entries[i] ?? 0);
    if (move === undefined) break;
    for (const slot of move.slots) found[slot] = i;
    if (move.step.op === "match") break;
    root = move.root;
  }
  return found;
}
