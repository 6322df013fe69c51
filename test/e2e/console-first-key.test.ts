/** Commands that the console shows of a key: each runs as it stands, with the reader's own keys. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyCommands, preparation } from "../../console/src/pages/kms/key-commands.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { type AccessKey, accessKeyOf } from "../kms-client.ts";
import { type Stack, startStack } from "../stack.ts";

let stack: Stack;
let accessKey: AccessKey;
let origin = "";
const folder = mkdtempSync(join(tmpdir(), "cordon-first-key-"));

beforeAll(async () => {
  stack = await startStack();
  accessKey = await accessKeyOf(stack);
  origin = `https://127.0.0.1:${stack.consolePort}`;
  mkdirSync(join(folder, "data"));
  symlinkSync(join(stack.dataFolder, "keys"), join(folder, "data", "keys"));
  symlinkSync(join(programFolder, "node_modules"), join(folder, "node_modules"));
});
afterAll(async () => {
  await stack?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A script in a shell of its own; what `read` asks for comes line by line. */
function shell(script: string, typed: readonly string[]) {
  const path = `${dirname(process.execPath)}:${process.env.PATH}`;
  const run = spawnSync("bash", ["-c", `set -eu\n${script}`], {
    cwd: folder,
    env: { PATH: path, HOME: folder },
    input: typed.map((line) => `${line}\n`).join(""),
    encoding: "utf8",
  });
  expect(run.status, run.stdout + run.stderr).toBe(0);
  return run.stdout;
}

type Given = { readonly spec?: string; readonly usage?: string };

/** Runs what the page shows of a new key: what its curl and its SDK example print. */
async function shownCommands(given: Given): Promise<{ curl: string; sdk: string }> {
  const { result } = await stack.api("POST", "/v1/kms/keys", given);
  const { keyId, usage, spec, algorithms } = result;
  const commands = keyCommands({ keyId, usage, spec, algorithms, origin });
  const before = preparation({ origin });
  expect(JSON.stringify([commands, before])).not.toContain(stack.key);
  const curl = shell(`${before.curl}\n${commands?.curl}`, [stack.key]);
  writeFileSync(join(folder, "first-key.mjs"), commands?.sdk ?? "");
  const typed = [accessKey.accessKeyId, accessKey.secret];
  return { curl, sdk: shell(`${before.sdk}\nnode first-key.mjs`, typed).trim() };
}

test.each([
  [{}, "hello", "hello"],
  [{ spec: "SM4" }, "hello", "hello"],
  [{ spec: "RSA_2048", usage: "ENCRYPT_DECRYPT" }, "hello", "hello"],
  [{ spec: "ECC_NIST_P256", usage: "SIGN_VERIFY" }, '"valid":true', "true"],
  [{ spec: "SM2", usage: "SIGN_VERIFY" }, '"valid":true', "true"],
  [{ spec: "HMAC_256", usage: "GENERATE_VERIFY_MAC" }, '"valid":true', "true"],
])("a new key %o is used by the commands that its page shows", async (given, curl, sdk) => {
  const printed = await shownCommands(given);
  expect(printed.curl).toContain(curl);
  expect(printed.sdk).toBe(sdk);
});

test.each([
  { spec: "ECC_NIST_P256", usage: "KEY_AGREEMENT" },
  { spec: "ECC_NIST_P384", usage: "KEY_AGREEMENT" },
  { spec: "ECC_NIST_P521", usage: "KEY_AGREEMENT" },
  { spec: "ML_KEM_768" },
])("the commands of a new key %o give both sides the same secret", async (given) => {
  const printed = await shownCommands(given);
  const [here, other, ...rest] = printed.curl.trim().split("\n");
  expect(here).toMatch(/^[A-Za-z0-9+/]{40,}={0,2}$/);
  expect(other).toBe(here);
  expect(rest).toEqual([]);
  expect(printed.sdk).toBe("true");
});
