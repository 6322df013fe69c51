import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { makeSoftToken, softHsmModule } from "../../src/daemons/keyd/pkcs11/soft-token.ts";
import { type SpawnedKeyd, spawnKeyd } from "../../src/daemons/keyd/spawned-keyd.ts";

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts");
const EXIT_PROBLEM = 1;
const secret = Buffer.from("a secret");

type Run = { readonly status: number; readonly out: string; readonly err: string };

/** `cordon keys WORDS` as its own process; lines go to standard input. */
function keys(dataFolder: string, words: readonly string[], lines: readonly string[] = []) {
  return new Promise<Run>((resolve) => {
    const env = { ...process.env, CORDON_DATA: dataFolder };
    const child = execFile(process.execPath, [MAIN, "keys", ...words], { env }, (error, out, err) =>
      resolve({ status: typeof error?.code === "number" ? error.code : 0, out, err }),
    );
    child.stdin?.end(lines.map((line) => `${line}\n`).join(""));
  });
}

async function started(env: Record<string, string> = {}, dataFolder?: string) {
  const keyd = await spawnKeyd(dataFolder === undefined ? { env } : { env, dataFolder });
  onTestFinished(() => keyd.remove());
  return keyd;
}

/** The keys folder of a backup in an empty place. */
function restored(keyd: SpawnedKeyd, without: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "cordon-restored-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(keyd.dataFolder, "keys"), join(folder, "keys"), { recursive: true });
  for (const name of without) rmSync(join(folder, "keys", name), { force: true });
  return folder;
}

const sharesIn = (out: string): readonly string[] =>
  out.split("\n").filter((line) => line.startsWith("cordon-share-1-"));

test("a passphrase set on the command line is asked for after a restart", async () => {
  const keyd = await started();
  const { client, dataFolder } = keyd;
  const sealed = await client.seal("test", "acc-one", secret);
  const set = await keys(dataFolder, ["set-passphrase"], ["", "correct horse battery"]);
  expect(set).toMatchObject({ status: 0 });
  expect(existsSync(join(dataFolder, "keys", "root.key"))).toBe(false);
  await keyd.end();
  await keyd.start();
  const status = await keys(dataFolder, ["status"]);
  expect(status.status).toBe(EXIT_PROBLEM);
  expect(status.out).toMatch(/^state +sealed/);
  const wrong = await keys(dataFolder, ["unseal"], ["another passphrase"]);
  expect(wrong).toMatchObject({ status: EXIT_PROBLEM });
  expect(wrong.err).toContain("not the right one");
  expect(await keys(dataFolder, ["unseal"], ["correct horse battery"])).toMatchObject({
    status: 0,
  });
  expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
  const json = JSON.parse((await keys(dataFolder, ["status", "--output", "json"])).out) as object;
  expect(json).toMatchObject({ state: "ready", root: "software" });
}, 60_000);

test("a passphrase in an argument is refused before anything is done with it", async () => {
  const keyd = await started();
  for (const command of ["unseal", "set-passphrase", "recover"]) {
    const run = await keys(keyd.dataFolder, [command, "a passphrase"]);
    expect(run.status).not.toBe(0);
    expect(run.err).toContain("takes no arguments");
  }
  const missing = await keys(keyd.dataFolder, ["recovery-shares", "--threshold", "3"]);
  expect(missing.err).toContain("--threshold M --shares N");
  const nowhere = await keys(keyd.dataFolder, ["move-root", "--to", "pkcs11"]);
  expect(nowhere).toMatchObject({ status: EXIT_PROBLEM });
  expect(nowhere.err).toContain("CORDON_PKCS11_MODULE");
}, 60_000);

test("a software root is restored from a backup and recovery shares alone", async () => {
  const keyd = await started();
  const { client } = keyd;
  const sealed = await client.seal("test", "acc-one", secret);
  const made = await keys(
    keyd.dataFolder,
    ["recovery-shares", "--threshold", "2", "--shares", "3"],
    [""],
  );
  const shares = sharesIn(made.out);
  expect(shares).toHaveLength(3);
  const folder = restored(keyd, ["root.json", "root.key"]);
  await keyd.end();
  const elsewhere = await started({}, folder);
  expect((await elsewhere.client.health()).state).toBe("sealed");
  const [first = "", , third = ""] = shares;
  const one = await keys(folder, ["recover"], [first, "", "a new passphrase"]);
  expect(one).toMatchObject({ status: EXIT_PROBLEM });
  expect(one.err).toContain("more shares are needed");
  const typo = await keys(folder, ["recover"], [`${first.slice(0, -1)}x`, third, "", ""]);
  expect(typo.status).toBe(EXIT_PROBLEM);
  const both = await keys(folder, ["recover"], [first, third, "", "a new passphrase"]);
  expect(both).toMatchObject({ status: 0 });
  expect(await elsewhere.client.open("test", "acc-one", sealed)).toEqual(secret);
  await elsewhere.end();
  await elsewhere.start();
  expect(await keys(folder, ["unseal"], ["a new passphrase"])).toMatchObject({ status: 0 });
  expect(await elsewhere.client.open("test", "acc-one", sealed)).toEqual(secret);
}, 60_000);

describe.skipIf(softHsmModule === undefined)("with a PKCS #11 token (SoftHSM 2)", () => {
  test("an installation moves to the device; a backup opens with the device alone", async () => {
    const token = makeSoftToken();
    onTestFinished(() => token.remove());
    const keyd = await started(token.environment);
    const sealed = await keyd.client.seal("test", "acc-one", secret);
    const moved = await keys(keyd.dataFolder, ["move-root", "--to", "pkcs11"]);
    expect(moved).toMatchObject({ status: 0 });
    expect(moved.err).toContain(token.label);
    const status = await keys(keyd.dataFolder, ["status"]);
    expect(status.out).toMatch(/^root +pkcs11: AES-256 key [0-9a-f]{32} in token/m);
    expect(status.out).toMatch(/^older state +noticed by/m);
    const { client } = keyd;
    const fileKey = Buffer.alloc(16, 5);
    const wrapped = await client.wrapBackupKey(fileKey);
    const [keyId = ""] = /[0-9a-f]{32}/.exec(status.out) ?? [];
    await keyd.end();
    const folder = restored(keyd, []);
    const elsewhere = await started(token.environment, folder);
    expect(await elsewhere.client.open("test", "acc-one", sealed)).toEqual(secret);
    await elsewhere.end();
    // An empty node takes the key that is in the token, and opens the backup's file with it.
    const known = { CORDON_KEYS_ROOT: "pkcs11", CORDON_PKCS11_KEY_ID: keyId };
    const empty = await started({ ...token.environment, ...known });
    expect(await empty.client.unwrapBackupKey(wrapped)).toEqual(fileKey);
  }, 60_000);

  test("a backup of it opens with recovery shares alone, and only with the newest", async () => {
    const token = makeSoftToken();
    onTestFinished(() => token.remove());
    const keyd = await started({ ...token.environment, CORDON_KEYS_ROOT: "pkcs11" });
    const { client, dataFolder } = keyd;
    const before = await client.seal("test", "acc-before", secret);
    const command = ["recovery-shares", "--threshold", "2", "--shares", "2"];
    expect(await keys(dataFolder, command, ["not the pin"])).toMatchObject({
      status: EXIT_PROBLEM,
    });
    const pin = readFileSync(token.pinFile, "latin1").trim();
    const former = sharesIn((await keys(dataFolder, command, [pin])).out);
    const shares = sharesIn((await keys(dataFolder, command, [pin])).out);
    expect(shares).toHaveLength(2);
    const after = await client.seal("test", "acc-after", secret);
    await keyd.end();
    const folder = restored(keyd, []);
    const elsewhere = await started({}, folder);
    expect((await elsewhere.client.health()).state).toBe("unavailable");
    const old = await keys(folder, ["recover"], [...former, "", ""]);
    expect(old).toMatchObject({ status: EXIT_PROBLEM });
    expect(old.err).toContain("not of this data folder");
    const done = await keys(folder, ["recover"], [...shares, "", "a new passphrase"]);
    expect(done).toMatchObject({ status: 0 });
    await elsewhere.end();
    await elsewhere.start();
    expect(await keys(folder, ["unseal"], ["a new passphrase"])).toMatchObject({ status: 0 });
    expect(await elsewhere.client.open("test", "acc-before", before)).toEqual(secret);
    expect(await elsewhere.client.open("test", "acc-after", after)).toEqual(secret);
    expect((await elsewhere.client.health()).root).toBe("software");
  }, 90_000);

  test("an older keys folder stays closed until somebody types accept", async () => {
    const token = makeSoftToken();
    onTestFinished(() => token.remove());
    const keyd = await started({ ...token.environment, CORDON_KEYS_ROOT: "pkcs11" });
    await keyd.client.seal("test", "acc-one", secret);
    await keyd.end();
    const folder = restored(keyd, []);
    await keyd.start();
    await keyd.client.seal("test", "acc-two", secret);
    await keyd.end();
    const elsewhere = await started(token.environment, folder);
    const status = await keys(folder, ["status"]);
    expect(status.out).toMatch(/^state +rolledBack/);
    const no = await keys(folder, ["accept-restored"], ["yes"]);
    expect(no).toMatchObject({ status: EXIT_PROBLEM });
    const yes = await keys(folder, ["accept-restored"], ["accept"]);
    expect(yes).toMatchObject({ status: 0 });
    expect((await elsewhere.client.health()).state).toBe("ready");
  }, 60_000);
});
