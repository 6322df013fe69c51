/**
 * The commands of docs/operating.md that a running Cordon answers, against one: each `sh` block in
 * its order. Restoring and upgrading have tests of their own; their blocks are not marked `sh`.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { type CommandResult, command, PASSWORD, type Stack, startStack } from "./stack.ts";

const PASSPHRASE_FILE = "/root/backup-passphrase";
const scratch = mkdtempSync(join(tmpdir(), "cordon-operating-"));
let stack: Stack;

/** The lines of the page's `sh` blocks. */
function commandsOf(page: string): string[] {
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, block = ""]) => block.trim().split("\n"));
}

/** A line as the page has it, with the program and the passphrase where they are here. */
function run(line: string): Promise<CommandResult> {
  const here = line
    .replace(/^\.\/cordon\b/, join(programFolder, "cordon"))
    .replaceAll(PASSPHRASE_FILE, join(scratch, "passphrase"));
  return command(["bash", "-c", `cd ${scratch} && ${here}`], {
    ...stack.env,
    CORDON_PASSWORD: PASSWORD,
  });
}

beforeAll(async () => {
  writeFileSync(join(scratch, "passphrase"), "correct horse battery staple\n", { mode: 0o600 });
  stack = await startStack();
  const signedIn = await run("./cordon sign-in --account main --user admin");
  expect(signedIn.code, signedIn.text).toBe(0);
}, 240_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

test("every command of docs/operating.md for a running Cordon works in its order", async () => {
  const lines = commandsOf(readFileSync(join(programFolder, "docs", "operating.md"), "utf8"));
  expect(lines.length).toBeGreaterThan(5);
  for (const line of lines) {
    const { code, text } = await run(line);
    // A check that finds something to say about this machine ends with 1, and has done its work.
    const isCheck = line.endsWith("doctor");
    expect(isCheck ? [0, 1] : [0], `${line}\n${text}`).toContain(code);
  }
  const { result } = await stack.api("GET", "/v1/backup/status");
  expect(result.schedule).toMatchObject({ everyHours: 6, keep: 28 });
  expect(existsSync(join(scratch, "cordon.age"))).toBe(true);
  expect(existsSync(join(scratch, "cordon-support.tar.gz"))).toBe(true);
}, 240_000);
