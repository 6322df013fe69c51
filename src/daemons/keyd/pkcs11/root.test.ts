import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { spawnKeyd } from "../spawned-keyd.ts";
import { loadPkcs11 } from "./library.ts";
import { openPkcs11Root, tryOutRoot } from "./root.ts";
import { makeSoftToken, type SoftToken, softHsmModule } from "./soft-token.ts";

const secret = Buffer.from("a secret");
const aad = Buffer.from("aad");

/** A module that was unloaded ends the process at the next call. */
const collecting = `
import { setTimeout as sleep } from "node:timers/promises";
import { loadPkcs11 } from ${JSON.stringify(join(import.meta.dirname, "library.ts"))};
const library = await loadPkcs11(process.env.CORDON_PKCS11_MODULE);
for (let round = 0; round < 5; round += 1) {
  gc();
  await sleep(20);
}
await library.call("C_GetSlotList", 1, null, [0]);
console.log("still there");
process.exit(0);`;

function newToken(): SoftToken {
  const token = makeSoftToken();
  onTestFinished(() => token.remove());
  return token;
}

async function startedOn(token: SoftToken, env: Record<string, string> = {}) {
  const keyd = await spawnKeyd({ env: { ...token.environment, ...env } });
  onTestFinished(() => keyd.remove());
  return keyd;
}

describe.skipIf(softHsmModule === undefined)("a root in a PKCS #11 token (SoftHSM 2)", () => {
  test("keys sealed under it open after a restart, and its key cannot be read out", async () => {
    const token = newToken();
    const keyd = await startedOn(token, { CORDON_KEYS_ROOT: "pkcs11" });
    const { client } = keyd;
    const sealed = await client.seal("test", "acc-one", secret);
    await keyd.end("SIGKILL");
    await keyd.start();
    expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
    const health = await client.health();
    expect(health).toMatchObject({ state: "ready", root: "pkcs11" });
    expect(health.rootProtection).toContain(`"${token.label}"`);
    expect(readdirSync(join(keyd.dataFolder, "keys"))).not.toContain("root.json");
    const read = ["--read-object", "--type", "secrkey", "--label", "cordon root"];
    expect(() => execFileSync("pkcs11-tool", [...loginOf(token), ...read], quiet(token))).toThrow();
  });

  test("the module stays loaded when garbage is collected", () => {
    const token = newToken();
    const argv = ["--expose-gc", "--input-type=module", "-e", collecting];
    const environment = { ...process.env, ...token.environment };
    const run = spawnSync(process.execPath, argv, { env: environment, encoding: "utf8" });
    expect([run.signal, run.stdout.trim()], run.stderr).toEqual([null, "still there"]);
  }, 60_000);

  test("the PIN is in no argument and in no environment of the process", async () => {
    const token = newToken();
    const keyd = await startedOn(token, { CORDON_KEYS_ROOT: "pkcs11" });
    const pin = readFileSync(token.pinFile, "latin1").trim();
    for (const name of ["cmdline", "environ"]) {
      let text = "";
      try {
        text = readFileSync(`/proc/${keyd.pid()}/${name}`, "latin1");
      } catch {
        // Not even readable: the process is not dumpable.
      }
      expect(text).not.toContain(pin);
    }
  });

  test("a device that is away answers unavailable, and is used again when it is back", async () => {
    const token = newToken();
    const keyd = await startedOn(token, { CORDON_KEYS_ROOT: "pkcs11" });
    const { client } = keyd;
    const sealed = await client.seal("test", "acc-one", secret);
    await keyd.end();
    renameSync(token.tokensFolder, `${token.tokensFolder}-away`);
    await keyd.start();
    const tried = client.open("test", "acc-one", sealed);
    await expect(tried).rejects.toMatchObject({ reason: "unavailable" });
    expect((await client.health()).state).toBe("unavailable");
    renameSync(`${token.tokensFolder}-away`, token.tokensFolder);
    expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
  });

  test("a wrong PIN is given once and not again, so that the token does not lock", async () => {
    const token = newToken();
    const keyd = await startedOn(token, { CORDON_KEYS_ROOT: "pkcs11" });
    const { client } = keyd;
    const sealed = await client.seal("test", "acc-one", secret);
    await keyd.end();
    const pin = readFileSync(token.pinFile, "latin1");
    writeFileSync(token.pinFile, "a wrong pin\n");
    await keyd.start();
    for (let round = 0; round < 5; round += 1) {
      const tried = client.open("test", "acc-one", sealed);
      await expect(tried).rejects.toMatchObject({ reason: "unavailable" });
    }
    writeFileSync(token.pinFile, pin);
    expect((await client.health()).stateReason).toContain("CKR_PIN_INCORRECT");
    await client.unseal(Buffer.alloc(0));
    expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
  });

  test("a session that the device has closed is opened again without an error", async () => {
    const token = newToken();
    const env = token.environment;
    process.env.SOFTHSM2_CONF = env.SOFTHSM2_CONF;
    const pin = async () => Buffer.from((await readFile(token.pinFile, "latin1")).trim());
    const settings = { module: softHsmModule ?? "", label: token.label, pin };
    const root = await openPkcs11Root(settings, { keyId: undefined });
    await tryOutRoot(root);
    const wrapped = await root.wrap(secret, aad);
    const library = await loadPkcs11(softHsmModule ?? "");
    const slots = Buffer.alloc(64);
    await library.call("C_GetSlotList", 1, slots, [8]);
    for (let round = 0; round < 3; round += 1) {
      await library.call("C_CloseAllSessions", Number(slots.readBigUInt64LE()));
      expect(await root.unwrap(wrapped, aad)).toEqual(secret);
    }
    await library.call("C_Finalize", null);
    expect(await root.unwrap(wrapped, aad)).toEqual(secret);
    const changed = Buffer.from(wrapped);
    changed[20] = (changed[20] ?? 0) ^ 1;
    expect(await root.unwrap(changed, aad)).toBeUndefined();
    expect(await root.unwrap(wrapped, Buffer.from("other"))).toBeUndefined();
    root.close();
    // One that was brought in from outside could be known elsewhere: it is not taken.
    const keyId = await importedKey(token);
    const foreign = openPkcs11Root(settings, { keyId }).then((one) => one.health());
    await expect(foreign).rejects.toThrow(/not in the token|CKA_/);
  });
});

const quiet = (token: SoftToken) => ({
  env: { ...process.env, ...token.environment },
  stdio: "pipe" as const,
});

function loginOf(token: SoftToken): readonly string[] {
  const pin = readFileSync(token.pinFile, "latin1").trim();
  const module = ["--module", softHsmModule ?? "", "--token-label", token.label];
  return [...module, "--login", "--pin", pin];
}

async function importedKey(token: SoftToken): Promise<string> {
  const id = randomBytes(16).toString("hex");
  const file = join(token.folder, "key.bin");
  writeFileSync(file, randomBytes(32));
  const object = ["--write-object", file, "--type", "secrkey", "--key-type", "AES:32", "--id", id];
  const usage = ["--usage-decrypt", "--sensitive", "--private"];
  execFileSync("pkcs11-tool", [...loginOf(token), ...object, ...usage], quiet(token));
  return id;
}
