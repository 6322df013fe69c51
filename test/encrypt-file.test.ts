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
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEncryption, httpKms } from "../packages/encryption-client/src/index.ts";
import { programFolder, readConfig } from "../src/kernel/config.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { refusal } from "./encryption-kit.ts";
import { accessKeyOf, authorityFile } from "./kms-client.ts";
import { command, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let folder = "";
let keyId = "";
const plaintext = randomBytes(300_000);
const file = () => join(folder, "data.bin");
const sealed = () => `${file()}.encrypted`;
const CONTEXT = ["--context", "file=data.bin", "--context", "of=test"];

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
  const made = await stack.run("encrypt", file(), "--key", keyId, ...CONTEXT);
  expect(made).toMatchObject({ code: 0 });
  expect(statSync(sealed()).mode & 0o777).toBe(0o600);
  expect(readFileSync(sealed()).includes(plaintext.subarray(0, 16))).toBe(false);
  const out = join(folder, "back.bin");
  expect((await stack.run("decrypt", sealed(), ...CONTEXT, "--out", out)).code).toBe(0);
  expect(readFileSync(out).equals(plaintext)).toBe(true);
  const part = ["--range", "65530:20", "--out", join(folder, "part.bin")];
  expect((await stack.run("decrypt", sealed(), ...CONTEXT, ...part)).code).toBe(0);
  const range = readFileSync(join(folder, "part.bin"));
  expect(range.equals(plaintext.subarray(65_530, 65_550))).toBe(true);
});

test("nothing is left under the final name when it fails, and nothing is overwritten", async () => {
  const cut = join(folder, "cut.encrypted");
  writeFileSync(cut, readFileSync(sealed()).subarray(0, -70_000));
  const names = readdirSync(folder).toSorted();
  const failed = await stack.run("decrypt", cut, ...CONTEXT);
  expect(failed.code).toBe(1);
  expect(failed.text).toContain("does not open");
  const wrong = await stack.run("decrypt", sealed(), "--out", join(folder, "x"));
  expect(wrong.text).toContain("kms.ciphertextInvalid");
  expect((await stack.run("decrypt", sealed(), ...CONTEXT)).code).toBe(4);
  expect((await stack.run("encrypt", file(), "--key", keyId, ...CONTEXT)).code).toBe(4);
  expect((await stack.run("encrypt", file())).code).toBe(2);
  expect((await stack.run("encrypt", join(folder, "none"), "--key", keyId)).code).toBe(1);
  expect(readdirSync(folder).toSorted()).toEqual(names);
});

test("after a rotation a file is rewrapped, and its data stay as they are", async () => {
  await stack.api("POST", `/v1/kms/keys/${keyId}:rotate`, {});
  const before = readFileSync(sealed());
  expect((await stack.run("encrypt", sealed(), "--rewrap", ...CONTEXT)).code).toBe(0);
  const after = readFileSync(sealed());
  expect(after.equals(before)).toBe(false);
  expect(after.subarray(-300_000).equals(before.subarray(-300_000))).toBe(true);
  const wrong = await stack.run("encrypt", sealed(), "--rewrap", "--context", "file=other");
  expect(wrong.code).toBe(1);
  expect(readFileSync(sealed()).equals(after)).toBe(true);
  rmSync(file());
  expect((await stack.run("decrypt", sealed(), ...CONTEXT)).code).toBe(0);
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

test("the example of encrypted columns runs against PostgreSQL, rotation and all", async () => {
  const env = { ...process.env, ...stack.env };
  const connection = connectionFor(readConfig(stack.env));
  if (!("host" in connection)) throw new Error("The embedded database has no socket");
  const { host, port, user, password, database } = connection;
  const admin = new pg.Client({ ...connection });
  await admin.connect();
  await admin.query("create schema encrypted_columns");
  await admin.end();
  const credentials = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  const options = "-c search_path=encrypted_columns";
  const place = new URLSearchParams({ host, port: String(port), options });
  const main = join(programFolder, "examples", "encrypted-columns", "main.ts");
  const { code, text } = await command([process.execPath, main], {
    ...env,
    CORDON: `https://localhost:${stack.consolePort}`,
    KEY: stack.key,
    NODE_EXTRA_CA_CERTS: authorityFile(stack),
    DATABASE_URL: `postgres://${credentials}@/${database}?${place}`,
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
});
