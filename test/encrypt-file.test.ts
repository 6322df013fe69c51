/** Against a running Cordon: `cordon encrypt | decrypt`, the library over HTTPS, the example. */
import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEncryption, httpKms } from "../packages/encryption-client/src/index.ts";
import { programFolder } from "../src/kernel/config.ts";
import { refusal } from "./encryption-kit.ts";
import { accessKeyOf, authorityFile } from "./kms-client.ts";
import { hasPostgres15, startPostgres15 } from "./postgres15.ts";
import { command, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let folder = "";
let keyId = "";
const plaintext = randomBytes(300_000);
const file = () => join(folder, "data.bin");
const sealed = () => `${file()}.encrypted`;
const CONTEXT = ["--context", "file=data.bin", "--context", "of=test"];

/** The command line with the administrator's key. */
const cordon = (...words: string[]) =>
  command([process.execPath, join(programFolder, "src", "cli", "main.ts"), ...words], {
    ...stack.env,
    CORDON_TOKEN: stack.key,
  });

beforeAll(async () => {
  stack = await startStack();
  folder = mkdtempSync(join(tmpdir(), "cordon-files-"));
  keyId = (await stack.api("POST", "/v1/kms/keys", {})).result.keyId;
  writeFileSync(file(), plaintext);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stack?.stop();
});

test("a file is encrypted and decrypted, whole and in part, for its owner only", async () => {
  const made = await cordon("encrypt", file(), "--key", keyId, ...CONTEXT);
  expect(made).toMatchObject({ code: 0 });
  expect(statSync(sealed()).mode & 0o777).toBe(0o600);
  expect(readFileSync(sealed()).includes(plaintext.subarray(0, 16))).toBe(false);
  const out = join(folder, "back.bin");
  expect((await cordon("decrypt", sealed(), ...CONTEXT, "--out", out)).code).toBe(0);
  expect(readFileSync(out).equals(plaintext)).toBe(true);
  const part = ["--range", "65530:20", "--out", join(folder, "part.bin")];
  expect((await cordon("decrypt", sealed(), ...CONTEXT, ...part)).code).toBe(0);
  const range = readFileSync(join(folder, "part.bin"));
  expect(range.equals(plaintext.subarray(65_530, 65_550))).toBe(true);
});

test("nothing is left under the final name when it fails, and nothing is overwritten", async () => {
  const cut = join(folder, "cut.encrypted");
  writeFileSync(cut, readFileSync(sealed()).subarray(0, -70_000));
  const names = readdirSync(folder).toSorted();
  const failed = await cordon("decrypt", cut, ...CONTEXT);
  expect(failed.code).toBe(1);
  expect(failed.text).toContain("does not open");
  const wrong = await cordon("decrypt", sealed(), "--out", join(folder, "x"));
  expect(wrong.text).toContain("kms.ciphertextInvalid");
  expect((await cordon("decrypt", sealed(), ...CONTEXT)).code).toBe(4);
  expect((await cordon("encrypt", file(), "--key", keyId, ...CONTEXT)).code).toBe(4);
  expect((await cordon("encrypt", file())).code).toBe(2);
  expect((await cordon("encrypt", join(folder, "none"), "--key", keyId)).code).toBe(1);
  expect(readdirSync(folder).toSorted()).toEqual(names);
});

test("after a rotation a file is rewrapped, and its data stay as they are", async () => {
  await stack.api("POST", `/v1/kms/keys/${keyId}:rotate`, {});
  const before = readFileSync(sealed());
  expect((await cordon("encrypt", sealed(), "--rewrap", ...CONTEXT)).code).toBe(0);
  const after = readFileSync(sealed());
  expect(after.equals(before)).toBe(false);
  expect(after.subarray(-300_000).equals(before.subarray(-300_000))).toBe(true);
  const wrong = await cordon("encrypt", sealed(), "--rewrap", "--context", "file=other");
  expect(wrong.code).toBe(1);
  expect(readFileSync(sealed()).equals(after)).toBe(true);
  rmSync(file());
  expect((await cordon("decrypt", sealed(), ...CONTEXT)).code).toBe(0);
  expect(readFileSync(file()).equals(plaintext)).toBe(true);
  expect(existsSync(sealed())).toBe(true);
});

test("the library works over HTTPS with a bearer key and with an access key", async () => {
  const ca = readFileSync(authorityFile(stack));
  const url = `https://127.0.0.1:${stack.consolePort}`;
  const accessKey = await accessKeyOf(stack);
  const wrongSecret = { ...accessKey, secret: `${accessKey.secret}x` };
  const over = (credential: Parameters<typeof httpKms>[0]["credential"], trusted = true) =>
    httpKms({ url, credential, ...(trusted ? { ca } : {}) });
  const messages: Buffer[] = [];
  for (const credential of [{ bearerKey: stack.key }, { accessKey }]) {
    const kms = over(credential);
    const encryption = createEncryption({ kms, keyId });
    const message = await encryption.encrypt(Buffer.from("hello"), { a: "b" });
    messages.push(message);
    expect((await encryption.decrypt(message, { a: "b" })).toString()).toBe("hello");
    expect((await encryption.rewrap(message, { a: "b" })).length).toBe(message.length);
    kms.close();
  }
  for (const [kms, reason] of [
    [over({ accessKey: wrongSecret }), "kernel.unauthenticated"],
    [over({ bearerKey: stack.key }, false), "unreachable"],
  ] as const) {
    const encryption = createEncryption({ kms, keyId });
    const [message = Buffer.alloc(0)] = messages;
    expect(await refusal(encryption.decrypt(message, { a: "b" }))).toBe(reason);
    kms.close();
  }
  expect(() => httpKms({ url: "http://127.0.0.1:1", credential: { bearerKey: "" } })).toThrow();
});

test.skipIf(!hasPostgres15)(
  "the example of encrypted columns runs, rotation and all (needs Debian's PostgreSQL 15)",
  async () => {
    const database = await startPostgres15();
    try {
      await runExample(database.url);
      const stored = database.psql(
        0,
        "select phone, encode(note, 'escape') from customer",
        "cordon",
      );
      expect(stored).not.toMatch(/1380013800|pays late/);
      expect(database.psql(0, "select count(*) from customer", "cordon")).toBe("3");
    } finally {
      database.stop();
    }
  },
);

async function runExample(databaseUrl: string): Promise<void> {
  const main = join(programFolder, "examples", "encrypted-columns", "main.ts");
  const { code, text } = await command([process.execPath, main], {
    ...stack.env,
    CORDON: `https://localhost:${stack.consolePort}`,
    KEY: stack.key,
    NODE_EXTRA_CA_CERTS: authorityFile(stack),
    DATABASE_URL: databaseUrl,
  });
  expect(code, text).toBe(0);
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  const [stored, found, masked, rotated, rewrapped, again] = lines.map((line) => JSON.parse(line));
  expect(stored.phone).toMatch(/^\d{11}$/);
  expect(stored.phone).not.toBe("13800138000");
  const bob = { email: "bob@example.org", phone: "13800138001", note: "bob pays late" };
  expect(found.customer).toEqual(bob);
  expect(masked.masked).toEqual(["138****8001", "138****8002"]);
  expect(rotated.currentVersion).toBe(2);
  expect(rewrapped.notes).toBe(3);
  expect(again.customer).toEqual(bob);
}
