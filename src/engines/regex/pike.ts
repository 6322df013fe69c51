/**
 * Pike's simulation of a Thompson program: all threads in step, in order of preference, each with
 * its captures. Work is bounded by program size times bytes. It answers for regular programs whose
 * automata give up.
 */
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
  options: { readonly from: number; readonly slots: number },
): readonly number[] | undefined {
  const { code } = program;
  const marks = new Int32Array(code.length).fill(-1);
  const unset: readonly number[] = new Array<number>(options.slots).fill(-1);
  let best: readonly number[] | undefined;
  let threads: Thread[] = [];
  const stack: Thread[] = [];
  for (let at = options.from; at <= value.length; at++) {
    if (best === undefined) threads.push({ pc: program.start, slots: unset });
    if (threads.length === 0) break;
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
