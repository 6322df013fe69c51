/** Runs a program to its end and returns its output; for the steps that prepare a start. */
import { spawn } from "node:child_process";

export type ProgramResult = {
  /** Undefined when it could not be run or was ended by a signal or the time limit. */
  readonly status: number | undefined;
  /** The last part of stdout and stderr, mixed. */
  readonly output: string;
};

const OUTPUT_CHARS_MAX = 64 * 1024;

export function runProgram(
  argv: readonly [string, ...string[]],
  options: { timeMaxMs: number; cwd?: string; env?: Record<string, string> },
): Promise<ProgramResult> {
  const [program, ...args] = argv;
  const { promise, resolve } = Promise.withResolvers<ProgramResult>();
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeMaxMs,
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-OUTPUT_CHARS_MAX);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  child.on("error", (error) => resolve({ status: undefined, output: error.message }));
  child.on("close", (code) => resolve({ status: code ?? undefined, output }));
  return promise;
}

/** The last non-empty line, for a message of one line. */
export function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}
