/**
 * `cordon bench [NAME…] [--output json]`: runs the measurements of `bench/`. They print rows; they
 * judge nothing.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { programFolder } from "../kernel/config.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

const SUFFIX = ".bench.ts";
const OUTPUT_CHARS_MAX = 1_048_576;

export async function bench(args: readonly string[]): Promise<ExitStatus> {
  const folder = join(programFolder, "bench");
  const { wanted, json } = readArguments(args);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length));
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new CommandError(`There is no measurement "${unknown}"`, {
      fix: `measurements are ${names.join(", ")}`,
      status: EXIT.usage,
    });
  }
  let worst: ExitStatus = EXIT.ok;
  const rows: unknown[] = [];
  for (const name of wanted.length > 0 ? wanted : names) {
    process.stderr.write(`bench ${name}\n`);
    const { code, output } = await run(join(folder, `${name}${SUFFIX}`), json);
    rows.push(...rowsOf(output));
    if (code === 0) continue;
    worst = EXIT.problem;
    rows.push({ bench: name, failed: `ended with status ${code}` });
  }
  if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  return worst;
}

function readArguments(args: readonly string[]): { wanted: readonly string[]; json: boolean } {
  const at = args.indexOf("--output");
  if (at < 0) return { wanted: args, json: false };
  const output = args[at + 1];
  if (output !== "json" && output !== "table") {
    throw new CommandError(`Cannot print as "${output ?? ""}": --output is json or table`, {
      status: EXIT.usage,
    });
  }
  return { wanted: args.toSpliced(at, 2), json: output === "json" };
}

/** Runs one measurement; as JSON its rows are kept, else they go straight to the terminal. */
function run(file: string, json: boolean): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, CORDON_BENCH_OUTPUT: json ? "json" : "table" };
  const stdio = ["inherit", json ? "pipe" : "inherit", "inherit"] as const;
  const child = spawn(process.execPath, [file], { stdio: [...stdio], env });
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output = (output + String(chunk)).slice(-OUTPUT_CHARS_MAX);
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

function rowsOf(output: string): unknown[] {
  return output.split("\n").flatMap((line) => {
    try {
      return line === "" ? [] : [JSON.parse(line) as unknown];
    } catch {
      return [];
    }
  });
}
