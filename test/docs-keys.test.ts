/**
 * A first key from docs/keys.md alone: its commands and programs, run in the page's order by one
 * shell against a running Cordon; what the page shows as output is compared with it.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { blocksOf, missingLines } from "./docs-page.ts";
import { command, type Stack, startStack } from "./stack.ts";

const END = "What differs from the original:";
const hasBoto3 = spawnSync("python3", ["-c", "import boto3"]).status === 0;
const PYTHON = /first_key\.py/;

let stack: Stack;
const scratch = mkdtempSync(join(tmpdir(), "cordon-docs-keys-"));
const page = readFileSync(join(programFolder, "docs", "keys.md"), "utf8").split(END)[0] ?? "";
const blocks = blocksOf(page);
let parts: string[] = [];
let output = "";

/** The text of the page's program in this language. */
function program(language: string): string {
  const [, text = ""] =
    new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(page) ?? [];
  expect(text, language).not.toBe("");
  return text;
}

beforeAll(async () => {
  stack = await startStack();
  mkdirSync(join(scratch, "data"));
  symlinkSync(join(stack.dataFolder, "keys"), join(scratch, "data", "keys"));
  symlinkSync(join(programFolder, "node_modules"), join(scratch, "node_modules"));
  // What `./cordon setup` leaves, with which the page begins.
  const file = join(stack.dataFolder, "keys", "command-line.json");
  writeFileSync(file, JSON.stringify({ secret: stack.key }), { mode: 0o600 });
  writeFileSync(join(scratch, "first-key.mjs"), program("js"));
  writeFileSync(join(scratch, "first_key.py"), program("python"));
  const steps = blocks
    .map(({ commands }) => (!hasBoto3 && PYTHON.test(commands) ? "true\n" : commands))
    .map((commands, at) => `printf "\\n@@ ${at}\\n"\n${commands}`);
  const script = ["set -eu", `cd ${scratch}`, ...steps, "printf '\\n@@ end\\n'"].join("\n");
  const path = `${join(process.execPath, "..")}:${process.env.PATH}`;
  const env = { PATH: path, HOME: scratch, AWS_EC2_METADATA_DISABLED: "true" };
  const withPort = script.replaceAll("9443", String(stack.consolePort));
  output = (await command(["bash", "-c", withPort], env)).text;
  parts = output.split(/^@@ \w+$/m);
}, 180_000);
afterAll(async () => {
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Lines that the page shows after commands that match, and that did not come. */
function faults(wanted: (commands: string) => boolean): string[] {
  expect(parts.length, output).toBe(blocks.length + 2);
  return blocks.flatMap(({ commands, shown }, at) => {
    const seen = parts[at + 1] ?? "";
    if (!wanted(commands)) return [];
    return missingLines(shown, seen).map((line) => `not shown: ${line}\n${seen}`);
  });
}

test("a first key is made, named and used by curl and by the AWS SDK with nothing but the page", () => {
  expect(blocks.length).toBeGreaterThan(6);
  expect(blocks.map(({ commands }) => commands).join("")).not.toContain("…");
  expect(faults((commands) => !PYTHON.test(commands))).toEqual([]);
});

test.skipIf(!hasBoto3)("the page's Python program works (needs python3-boto3)", () => {
  expect(faults((commands) => PYTHON.test(commands))).toEqual([]);
});
