/** Warm start and idle memory of the whole tree of processes. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { processesOf, startStack } from "../test/stack.ts";
import { printRow } from "./row.ts";

const IDLE_MS = 10_000;

/** Memory that is this process's own plus its share of what is shared (proc(5), Pss), in MB. */
function shareMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1000;
}

const begin = performance.now();
const stack = await startStack();
printRow({
  bench: "start",
  what: "first start with set-up",
  value: (performance.now() - begin) / 1000,
  unit: "s",
});
await sleep(IDLE_MS);
const total = processesOf(stack.dataFolder).reduce((sum, pid) => sum + shareMegabytes(pid), 0);
const what = "idle memory of the tree (Pss)";
printRow({ bench: "start", what, value: total, unit: "MB", goal: "≤ 1200" });
await stack.stop();
