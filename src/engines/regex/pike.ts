/**
 * Pike's simulation of a Thompson program: all threads in step, in order of preference, each with
 * its captures. Work is bounded by program size times bytes. Regular programs only.
 */
import { loopAt } from "./loop.ts";
import type { Program } from "./program.ts";
import { pairsHold, symbolAt } from "./syntax.ts";

type Thread = { readonly pc: number; readonly slots: readonly number[] };

let steps = 0;

/** Instructions that all simulations so far have carried out, for the test that they are few. */
export const pikeSteps = (): number => steps;

/** Slots (start and end per group, -1 unset) of the preferred match starting at or after `from`. */
export function simulate(
  program: Program,
  value: string,
  options: { readonly from: number; readonly anchored: boolean; readonly slots: number },
): readonly number[] | undefined {
  const { code } = program;
  const marks = new Int32Array(code.length).fill(-1);
  const unset: readonly number[] = new Array<number>(options.slots).fill(-1);
  let best: readonly number[] | undefined;
  let threads: Thread[] = [];
  const stack: Thread[] = [];
  for (let at = options.from; at <= value.length; at++) {
    const seeds = best === undefined && (!options.anchored || at === options.from);
    if (seeds) threads.push({ pc: program.start, slots: unset });
    if (threads.length === 0) break;
    if (threads.length === 1 && !seeds) at = runAhead(program, threads[0], { value, at });
    const prev = symbolAt(value, at - 1);
    const next = symbolAt(value, at);
    const byte = at < value.length ? value.charCodeAt(at) & 255 : -1;
    const following: Thread[] = [];
    let ended = false;
    for (const root of threads) {
      if (ended) break;
      stack.push(root);
      for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
        const { pc, slots } = thread;
        steps++;
        if (marks[pc] === at) continue;
        marks[pc] = at;
        const now = code[pc];
        if (now === undefined) continue;
        if (now.op === "byte") {
          if (byte >= 0 && now.set[byte] === 1) following.push({ pc: now.next, slots });
        } else if (now.op === "split") {
          stack.push({ pc: now.second, slots }, { pc: now.first, slots });
        } else if (now.op === "save") {
          stack.push({ pc: now.next, slots: slots.with(now.slot, at) });
        } else if (now.op === "assert") {
          if (pairsHold(now.pairs, prev, next)) stack.push({ pc: now.next, slots });
        } else if (now.op === "match") {
          best = slots;
          ended = true;
          stack.length = 0;
        }
      }
    }
    threads = following;
  }
  return best;
}

/** Where a loop that is the only thread stops being that; most of a long match is such a loop. */
function runAhead(
  program: Program,
  thread: Thread | undefined,
  { value, at }: { value: string; at: number },
): number {
  const loop = thread === undefined ? undefined : loopAt(program, thread.pc);
  if (loop === undefined) return at;
  let ahead = at;
  // The last byte may be a final newline, which assertions see.
  while (ahead < value.length - 1 && loop[value.charCodeAt(ahead) & 255] === 1) ahead++;
  return ahead;
}
