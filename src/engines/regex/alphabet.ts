/**
 * The classes of symbols that a program tells apart: automata have a column for each class, not
 * for each of the 258 symbols.
 */
import type { Program } from "./program.ts";
import { EDGE, type NeighborPair, SYMBOLS, symbolsOf } from "./syntax.ts";

export type Alphabet = {
  /** How many classes there are. */
  readonly size: number;
  readonly classOf: Uint16Array;
  /** A symbol of each class. */
  readonly symbolOf: readonly number[];
  /** By class, a symbol that assertions cannot tell from it when it stands in front of them. */
  readonly prevOf: readonly number[];
  /** … when it stands behind them. */
  readonly nextOf: readonly number[];
};

const alphabets = new WeakMap<Program, Alphabet>();

/** Made once for a program. */
export function alphabetOf(program: Program): Alphabet {
  const known = alphabets.get(program) ?? readAlphabet(program);
  alphabets.set(program, known);
  return known;
}

function readAlphabet(program: Program): Alphabet {
  const edge = new Uint8Array(SYMBOLS);
  edge[EDGE] = 1;
  const pairs = new Set<NeighborPair>();
  const sets = new Set<Uint8Array>();
  for (const step of program.code) {
    if (step.op === "byte") sets.add(step.set);
    if (step.op === "assert") for (const pair of step.pairs) pairs.add(pair);
  }
  const prevTables = [...new Set([...pairs].map((pair) => pair.prev))];
  const nextTables = [...new Set([...pairs].map((pair) => pair.next))];
  const setTables = [...sets].map((set) => symbolsOf(set, false));
  const classes = classify([edge, ...setTables, ...prevTables, ...nextTables]);
  const symbolOf: number[] = [];
  for (let s = SYMBOLS - 1; s >= 0; s--) symbolOf[classes.of[s] ?? 0] = s;
  return {
    size: classes.count,
    classOf: classes.of,
    symbolOf,
    prevOf: representatives(symbolOf, prevTables),
    nextOf: representatives(symbolOf, nextTables),
  };
}

/** Splits the symbols into classes that no table tells apart. */
function classify(tables: readonly Uint8Array[]): { of: Uint16Array; count: number } {
  const of = new Uint16Array(SYMBOLS);
  let count = 1;
  for (const table of tables) {
    // Where the members of a class that the table has go; 0: the class has none yet.
    const moved = new Uint16Array(count);
    const left = new Uint8Array(count);
    for (let s = 0; s < SYMBOLS; s++) if (table[s] === 0) left[of[s] ?? 0] = 1;
    for (let s = 0; s < SYMBOLS; s++) {
      const from = of[s] ?? 0;
      if (table[s] !== 1 || left[from] === 0) continue;
      if (moved[from] === 0) moved[from] = count++;
      of[s] = moved[from] ?? 0;
    }
  }
  return { of, count };
}

function representatives(
  symbolOf: readonly number[],
  tables: readonly Uint8Array[],
): readonly number[] {
  const kinds = classify(tables);
  const first = new Map<number, number>();
  return symbolOf.map((symbol) => {
    const kind = kinds.of[symbol] ?? 0;
    if (!first.has(kind)) first.set(kind, symbol);
    return first.get(kind) ?? 0;
  });
}
