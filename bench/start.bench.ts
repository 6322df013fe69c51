/** Warm start and idle memory of the whole tree of processes. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processesOf, startStack } from "../test/stack.ts";

const IDLE_MS = 10_000;

/** Memory that is this process's own plus its share of what is shared (proc(5), Pss), in MB. */
function shareMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1000;
}

const begin = performance.now();
const stack = await startStack();
process.stdout.write(
  `start first start with set-up: ${((performance.now() - begin) / 1000).toFixed(1)} s\n`,
);
await sleep(IDLE_MS);
const total = processesOf(stack.dataFolder).reduce((sum, pid) => sum + shareMegabytes(pid), 0);
process.stdout.write(`start idle memory of the tree (Pss): ${total.toFixed(0)} MB\n`);
await stack.stop();
