/**
 * Runs one program of the test run to its end, with its output on this terminal. It never uses a
 * shell, and a program that is stopped takes everything it started with it.
 */
import { spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { programFolder } from "../kernel/config.ts";

/** How long a stopped program may take to clean up before it is killed. */
const STOP_MAX_MS = 10_000;

export type Outcome = "ok" | "failed" | "stopped";

/**
 * @param argv program and arguments
 * @param options.deadlineMs time since the epoch after which it is stopped
 * @returns `stopped` when the deadline came first
 */
export function runToEnd(
  argv: readonly [string, ...string[]],
  options: { deadlineMs: number; cwd?: string },
): Promise<Outcome> {
  const timeMaxMs = options.deadlineMs - Date.now();
  if (timeMaxMs <= 0) return Promise.resolve("stopped");
  const [program, ...args] = argv;
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  // npm and the tests must find the pinned Node before the machine's own.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
  const child = spawn(program, args, {
    stdio: ["ignore", "inherit", "inherit"],
    cwd: options.cwd ?? programFolder,
    env: { ...process.env, PATH: path, CI: "true", NO_COLOR: "1" },
    detached: true,
  });
  let stopped = false;
  const killAll = (signal: NodeJS.Signals): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  const stop = (): void => {
    stopped = true;
    killAll("SIGTERM");
    setTimeout(() => killAll("SIGKILL"), STOP_MAX_MS).unref();
  };
  const interrupt = (): void => {
    killAll("SIGTERM");
    process.exit(130);
  };
  const timer = setTimeout(stop, timeMaxMs);
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  const finish = (outcome: Outcome): void => {
    clearTimeout(timer);
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
    resolve(outcome);
  };
  child.on("error", (error) => {
    process.stderr.write(`Cannot run ${program}: ${error.message}\n`);
    finish("failed");
  });
  child.on("close", (code) => finish(stopped ? "stopped" : code === 0 ? "ok" : "failed"));
  return promise;
}
