/** `cordon test [FILTER…]`: every check and every test, counted together on the last line. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programFolder } from "../kernel/config.ts";
import { EXIT, type ExitStatus } from "./exit.ts";

type Count = { passed: number; failed: number; skipped: number };

type StaticCheck = {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
};

const OVERALL_MAX_MS = 55 * 60_000;

const CHECKS: readonly StaticCheck[] = [
  { name: "types", script: "node_modules/typescript/bin/tsc", args: ["--noEmit"] },
  {
    name: "lint and format",
    script: "node_modules/@biomejs/biome/bin/biome",
    args: ["check", "--error-on-warnings", "."],
  },
];

/** Runs them; with filters only the tests whose files match. */
export async function test(args: readonly string[]): Promise<ExitStatus> {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  const limit = AbortSignal.timeout(OVERALL_MAX_MS);
  if (args.length === 0) for (const check of CHECKS) await runCheck(check, count, limit);
  await runSuite(args, count, limit);
  const { passed, failed, skipped } = count;
  process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  return failed === 0 && passed > 0 ? EXIT.ok : EXIT.problem;
}

async function runCheck(check: StaticCheck, count: Count, signal: AbortSignal): Promise<void> {
  process.stdout.write(`check ${check.name}\n`);
  const status = await run([join(programFolder, check.script), ...check.args], signal);
  if (status === 0) count.passed += 1;
  else count.failed += 1;
  process.stdout.write(`check ${check.name}: ${status === 0 ? "passed" : "FAILED"}\n`);
}

type Report = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
};

async function runSuite(filters: readonly string[], count: Count, signal: AbortSignal) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-test-"));
  const file = join(folder, "report.json");
  try {
    const script = join(programFolder, "node_modules/vitest/vitest.mjs");
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    await run([script, "run", ...reporters, ...filters], signal);
    if (!existsSync(file)) {
      process.stdout.write("the test run ended without a report\n");
      count.failed += 1;
      return;
    }
    addReport(JSON.parse(readFileSync(file, "utf8")) as Report, count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function addReport(report: Report, count: Count): void {
  count.passed += report.numPassedTests;
  count.failed += report.numFailedTests;
  count.skipped += report.numPendingTests + report.numTodoTests;
  for (const suite of report.testResults) {
    // A file that could not even be loaded has no failed test of its own.
    const failed = suite.assertionResults.some((result) => result.status === "failed");
    if (suite.status === "failed" && !failed) {
      count.failed += 1;
      process.stdout.write(`FAILED to load: ${suite.name}\n`);
    }
    for (const result of suite.assertionResults) {
      if (result.status === "failed") process.stdout.write(`FAILED: ${result.fullName}\n`);
      if (["pending", "skipped", "todo"].includes(result.status)) {
        process.stdout.write(`skipped: ${result.fullName}\n`);
      }
    }
  }
}

function run(argv: readonly string[], signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...argv], {
      cwd: programFolder,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, CI: "true", NO_COLOR: "1" },
      signal,
    });
    child.on("error", () => resolve(1));
    child.on("close", (code) => resolve(code ?? 1));
  });
}
