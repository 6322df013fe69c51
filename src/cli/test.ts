/**
 * `cordon test`: every check of the project, one after another, each counted: types, lint and
 * format, unused code, the console's types and build, then the test suite.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programFolder, readConfig } from "../kernel/config.ts";
import { EXIT, type ExitStatus } from "./exit.ts";
import { printer } from "./progress.ts";
import { type Outcome, runToEnd } from "./test-process.ts";
import { readResults } from "./test-results.ts";
import { buildConsole } from "./up/console-build.ts";

/** The whole run; what is not finished by then counts as failed. */
const TIME_MAX_MS = 75 * 60_000;

type Tally = { passed: number; failed: string[]; skipped: string[] };
type Run = { readonly deadlineMs: number; readonly tally: Tally };

/** The tools of the static checks: the script that the pinned Node runs, and its arguments. */
const TOOLS = [
  { name: "types (tsc)", argv: ["tsc", "--noEmit"] },
  { name: "lint and format (biome)", argv: ["biome", "check", "--error-on-warnings", "."] },
  { name: "unused code (knip)", argv: ["knip", "--no-progress"] },
] as const;

/**
 * @param args filters of the test suite (parts of file names); the static checks always run
 * @returns `problem` when anything failed or no test ran; the last line on stdout is always
 *   `N passed, N failed, N skipped`
 */
export async function test(args: readonly string[]): Promise<ExitStatus> {
  const tally: Tally = { passed: 0, failed: [], skipped: [] };
  const run: Run = { deadlineMs: Date.now() + TIME_MAX_MS, tally };
  for (const { name, argv } of TOOLS) {
    title(name);
    const [tool, ...rest] = argv;
    count(run, name, await runTool(tool, rest, run.deadlineMs));
  }
  await checkConsole(run);
  const ran = await runSuite(run, args);
  print("Skipped", tally.skipped);
  print("Failed", tally.failed);
  const { passed, failed, skipped } = tally;
  say(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  return failed.length === 0 && ran ? EXIT.ok : EXIT.problem;
}

/**
 * The console has packages of its own, and tests open it in a browser. It is built as `up` builds
 * it, so that no test's `up` has to.
 */
async function checkConsole(run: Run): Promise<void> {
  const cwd = join(programFolder, "console");
  if (!existsSync(join(cwd, "package.json"))) return;
  title("console build");
  try {
    await buildConsole(readConfig(process.env), printer(process.stderr));
    count(run, "console build", "ok");
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    count(run, "console build", "failed");
    return;
  }
  const npm = ["npm", "run", "typecheck"] as const;
  title("console types");
  count(run, "console types", await runToEnd(npm, { deadlineMs: run.deadlineMs, cwd }));
}

/** @returns whether any test ran */
async function runSuite(run: Run, filters: readonly string[]): Promise<boolean> {
  title("tests (vitest)");
  const folder = mkdtempSync(join(tmpdir(), "cordon-test-"));
  const file = join(folder, "results.json");
  const { tally } = run;
  try {
    const outputs = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const outcome = await runTool("vitest", ["run", ...outputs, ...filters], run.deadlineMs);
    if (!existsSync(file)) {
      tally.failed.push(`tests (vitest ${outcome === "stopped" ? STOPPED : "wrote no result"})`);
      return false;
    }
    const results = readResults(readFileSync(file, "utf8"), programFolder);
    tally.passed += results.passed.length;
    tally.failed.push(...results.failed);
    tally.skipped.push(...results.skipped);
    // Errors outside of any test (an unhandled rejection) are in the exit status only.
    if (outcome !== "ok" && results.failed.length === 0)
      tally.failed.push(`tests (vitest ${outcome === "stopped" ? STOPPED : "failed: see above"})`);
    const ran = results.passed.length + results.failed.length > 0;
    if (!ran) say("No test ran: the filter matches nothing, or everything was skipped.");
    return ran;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const STOPPED = `stopped at the limit of ${TIME_MAX_MS / 60_000} minutes`;

/** Runs a tool of `node_modules/.bin` under this Node, whatever its first line asks for. */
function runTool(tool: string, args: readonly string[], deadlineMs: number): Promise<Outcome> {
  const script = join(programFolder, "node_modules", ".bin", tool);
  return runToEnd([process.execPath, script, ...args], { deadlineMs });
}

function count(run: Run, name: string, outcome: Outcome): void {
  if (outcome === "ok") run.tally.passed += 1;
  else run.tally.failed.push(outcome === "stopped" ? `${name} (${STOPPED})` : name);
  say(outcome === "ok" ? `ok: ${name}` : `${outcome.toUpperCase()}: ${name}`);
}

function title(name: string): void {
  say(`\n== ${name}`);
}

function print(heading: string, names: readonly string[]): void {
  if (names.length === 0) return;
  say(`\n${heading}:`);
  for (const name of names) say(`  - ${name}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
