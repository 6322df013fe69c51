/**
 * Loops over one set of bytes, `S*`, in a program: for which bytes such a loop goes on alone, since
 * what comes behind it can neither take the byte nor end the match there.
 */
import type { Program } from "./program.ts";
import type { NeighborPair } from "./syntax.ts";

const loops = new WeakMap<Program, (Uint8Array | null | undefined)[]>();

/** 256 flags: at which bytes the loop at `pc` goes on alone; undefined when there is none. */
export function loopAt(program: Program, pc: number): Uint8Array | undefined {
  const known = loops.get(program) ?? [];
  loops.set(program, known);
  if (known[pc] === undefined) known[pc] = readLoop(program, pc) ?? null;
  return known[pc] ?? undefined;
}

function readLoop(program: Program, pc: number): Uint8Array | undefined {
  const split = program.code[pc];
  if (split?.op !== "split") return undefined;
  const greedy = bodyOf(program, pc, split.first);
  const body = greedy ?? bodyOf(program, pc, split.second);
  if (body === undefined) return undefined;
  const exit = firstBytes(program, greedy === undefined ? split.first : split.second);
  // A lazy loop ends where what is behind it matches. A greedy one that goes on matches later.
  if (exit === undefined || (exit.matches && greedy === undefined)) return undefined;
  return body.map((flag, byte) => (flag === 1 && exit.bytes[byte] === 0 ? 1 : 0));
}

function bodyOf({ code }: Program, pc: number, target: number): Uint8Array | undefined {
  const step = code[target];
  return step?.op === "byte" && step.next === pc ? step.set : undefined;
}

/** What can be taken next from `pc`; undefined when an assertion there may hold between bytes. */
function firstBytes(
  { code }: Program,
  pc: number,
): { bytes: Uint8Array; matches: boolean } | undefined {
  const bytes = new Uint8Array(256);
  let matches = false;
  const seen = new Set<number>();
  const stack = [pc];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const step = code[at];
    if (step === undefined) return undefined;
    if (step.op === "byte") {
      for (let byte = 0; byte < 256; byte++) if (step.set[byte] === 1) bytes[byte] = 1;
    } else if (step.op === "split") stack.push(step.first, step.second);
    else if (step.op === "save") stack.push(step.next);
    else if (step.op === "match") matches = true;
    else if (step.op !== "assert" || step.pairs.some(mayHoldBetweenBytes)) return undefined;
  }
  return { bytes, matches };
}

const mayHoldBetweenBytes = ({ next }: NeighborPair): boolean =>
  next.some((flag, symbol) => flag === 1 && symbol < 256);
