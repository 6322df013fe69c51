/**
 * The commands of docs/start.md, run in the page's order by one shell in a scratch copy of the
 * tree, against a whole Cordon of its own; what the page shows as output is compared with it.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { blocksOf, missingLines } from "./docs-page.ts";
import { freePorts } from "./stack.ts";

const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const RUN_MAX_MS = 400_000;
const LEFT_OUT = /^(?:\.git|data|node_modules|console\/node_modules)$/;

const scratch = mkdtempSync(join(tmpdir(), "cordon-start-"));
const clone = join(scratch, "cordon");

function copyTree(): void {
  cpSync(programFolder, clone, {
    recursive: true,
    filter: (path) => !LEFT_OUT.test(relative(programFolder, path)),
  });
  // A built console comes with the copy; its packages are not shared, since npm would remove them.
  symlinkSync(join(programFolder, "node_modules"), join(clone, "node_modules"));
}

async function shell(script: string, env: Record<string, string>): Promise<string> {
  const file = join(scratch, "output.txt");
  const output = openSync(file, "w");
  const child = spawn("bash", ["-c", script], {
    cwd: clone,
    env,
    stdio: ["ignore", output, output],
    timeout: RUN_MAX_MS,
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  const text = readFileSync(file, "utf8");
  return code === 0 ? text : `${text}\nthe shell ended with ${code}`;
}

/** The settings of the page's Cordon: the page's own folder, other ports, no other Cordon's. */
async function settings() {
  const [console = 0, fleet = 0, http = 0, https = 0, shop = 0] = await freePorts(5);
  const own = {
    CORDON_CONSOLE_PORT: String(console),
    CORDON_FLEET_PORT: String(fleet),
    CORDON_GATEWAY_HTTP_PORT: String(http),
    CORDON_GATEWAY_HTTPS_PORT: String(https),
    CORDON_GATEWAY_WORKERS: "1",
  };
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith("CORDON_") ? [] : [[name, value] as const],
  );
  const ports = new Map<string, number>([
    ["9443", console],
    ["9444", fleet],
    ["8080", http],
    ["8443", https],
    ["3000", shop],
  ]);
  const withPorts = (text: string) =>
    text.replace(/\b(?:9443|9444|8080|8443|3000)\b/g, (port) => String(ports.get(port)));
  return { env: { ...Object.fromEntries(kept), ...own }, withPorts };
}

afterAll(async () => {
  if (existsSync(clone)) await shell("./cordon down || true", { PATH: process.env.PATH ?? "" });
  rmSync(scratch, { recursive: true, force: true });
});

test("a line that the output lacks, or has in another order, is found", () => {
  expect(missingLines(["a …", "c"], "a b\nx\nc\n")).toEqual([]);
  expect(missingLines(["c", "a …"], "a b\nx\nc\n")).toEqual(["a …"]);
  expect(missingLines(["a.b"], "axb\n")).toEqual(["a.b"]);
});

test.skipIf(!hasRules)(
  "every command of docs/start.md works in its order and shows what the page says " +
    "(needs modsecurity-crs)",
  { timeout: RUN_MAX_MS + 60_000 },
  async () => {
    const blocks = blocksOf(readFileSync(join(programFolder, "docs", "start.md"), "utf8"));
    expect(blocks.length).toBeGreaterThan(8);
    copyTree();
    const { env, withPorts } = await settings();
    const steps = blocks.map(
      ({ commands }, at) => `printf "\\n@@ ${at}\\n"\n${withPorts(commands)}`,
    );
    const script = ["set -e", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", ...steps];
    const output = await shell([...script, "printf '\\n@@ end\\n'"].join("\n"), env);
    const parts = output.split(/^@@ \w+$/m);
    expect(parts.length, output).toBe(blocks.length + 2);
    const faults = blocks.flatMap(({ shown }, at) => {
      const seen = parts[at + 1] ?? "";
      return missingLines(shown.map(withPorts), seen).map((line) => `not shown: ${line}${seen}`);
    });
    expect(faults).toEqual([]);
  },
);
