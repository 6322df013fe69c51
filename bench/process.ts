/** What processes that are measured have spent. */
import { readdirSync, readFileSync } from "node:fs";

/** CPU time of all threads of a process that live, in µs (proc(5), schedstat: nanoseconds). */
export function cpuMicroseconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => {
    const text = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1");
    return sum + Number(text.split(" ")[0]) / 1_000;
  }, 0);
}
