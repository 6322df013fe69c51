/** `cordon conformance crs`: how many of the Core Rule Set's own tests our engine passes. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { loadRuleset, setupFileOf } from "../kernel/rules/load.ts";
import { type CrsCase, readCases } from "./conformance-crs-cases.ts";
import { type CrsScore, exchange, runCases } from "./conformance-crs-run.ts";
import { startSocketRun } from "./conformance-crs-socket.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { table } from "./table.ts";

type Options = { rules: string; tests: string; socket: boolean; json: boolean };

/**
 * Reads `--rules DIR --tests DIR [--socket] [--output json|table]`; exit status 1 when a test
 * fails.
 */
export async function conformanceCrs(args: readonly string[]): Promise<ExitStatus> {
  const { rules, tests, socket, json } = readOptions(args);
  const cases = readCases(tests);
  const score = socket ? await overSocket(rules, cases) : await inProcess(rules, cases);
  if (json) {
    const { passed, failed, skipped, failures } = score;
    process.stdout.write(
      `${JSON.stringify({ passed, failed, skipped, failures }, undefined, 2)}\n`,
    );
  } else process.stdout.write(tableOf(score));
  return score.failed === 0 ? EXIT.ok : EXIT.problem;
}

function inProcess(rules: string, cases: readonly CrsCase[]): Promise<CrsScore> {
  const ruleset = loadRuleset({ setupFile: setupFileOf(rules), rulesFolder: rules });
  return runCases((request) => exchange(ruleset, request), cases);
}

async function overSocket(rules: string, cases: readonly CrsCase[]): Promise<CrsScore> {
  const run = await startSocketRun(rules, cases);
  try {
    return await runCases(run.ask, cases);
  } finally {
    run.close();
  }
}

function tableOf({ passed, failed, skipped, failures, files }: CrsScore): string {
  const percent = ((100 * passed) / Math.max(passed + failed, 1)).toFixed(2);
  const rows = [...files].map(([file, one]) => [file, String(one.passed), String(one.failed)]);
  return [
    table([["FILE", "PASSED", "FAILED"], ...rows]),
    failures.length === 0
      ? ""
      : table([["FAILURE", "REASON"], ...failures.map(({ test, reason }) => [test, reason])]),
    `${passed} passed, ${failed} failed, ${skipped} skipped: ${percent} %\n`,
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function readOptions(args: readonly string[]): Options {
  const socket = args.includes("--socket");
  const options: Options = { rules: "", tests: "", socket, json: false };
  const pairs = args.filter((one) => one !== "--socket");
  for (let at = 0; at < pairs.length; at += 2) {
    const flag = pairs[at] ?? "";
    const value = pairs[at + 1];
    if (flag === "--rules" && value !== undefined) options.rules = folder(flag, value);
    else if (flag === "--tests" && value !== undefined) options.tests = folder(flag, value);
    else if (flag === "--output" && (value === "json" || value === "table")) {
      options.json = value === "json";
    } else throw usage(`Cannot read "${flag}"`);
  }
  if (options.rules === "" || options.tests === "") throw usage("--rules or --tests is missing");
  return options;
}

function folder(flag: string, path: string): string {
  if (!existsSync(path)) throw usage(`${flag}: there is no folder "${path}"`);
  return resolve(path);
}

function usage(message: string): CommandError {
  const fix = "take --rules DIR --tests DIR [--socket] [--output json|table]";
  return new CommandError(message, { fix, status: EXIT.usage });
}
