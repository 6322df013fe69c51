/**
 * kill -9 of the server and of keyd while keys are made, rotated, imported and scheduled for
 * deletion: what was acknowledged is there afterwards, and everything is readable.
 */
import { generateKeyPairSync, randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, type Stack, signInForKey, startStack, until } from "./stack.ts";

/** 1,000 rounds by hand (`CORDON_KMS_CRASH_ROUNDS=1000`); fewer in the ordinary run. */
const ROUNDS = Number(process.env.CORDON_KMS_CRASH_ROUNDS ?? "3");
const LANES = 4;
/** What is killed every few seconds waits before each start, and the machine may be busy. */
const ANSWER_MAX_MS = 180_000;
/** An account holds 10,000 keys. */
const ROUNDS_OF_ACCOUNT = 100;

type Acknowledged = {
  readonly keyId: string;
  version: number;
  state: string;
  readonly ciphertexts: string[];
};

let stack: Stack;
/** Of the account that the keys of these rounds belong to. */
let owner = "";
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

const plaintext = Buffer.from("kept").toString("base64");
const publicKey = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .publicKey.export({ type: "spki", format: "der" })
  .toString("base64");

/** The result of a call; undefined when it was not acknowledged. */
async function call(path: string, body: object = {}) {
  try {
    const { code, result } = await stack.api("POST", `/v1/kms${path}`, body, owner);
    return code === 200 ? result : undefined;
  } catch {
    return undefined;
  }
}

async function newOwner(accountName: string): Promise<string> {
  const user = { userName: "admin", password: PASSWORD };
  await stack.api("POST", "/v1/account/accounts", { name: accountName, ...user });
  return signInForKey(stack.consolePort, { accountName, ...user });
}

async function work(keys: Acknowledged[], ended: () => boolean): Promise<void> {
  while (!ended()) {
    const made = await call("/keys");
    if (made === undefined) continue;
    const key: Acknowledged = { keyId: made.keyId, version: 1, state: "enabled", ciphertexts: [] };
    keys.push(key);
    for (const step of ["encrypt", "rotate", "encrypt"]) {
      const done = await call(
        `/keys/${key.keyId}:${step}`,
        step === "encrypt" ? { plaintext } : {},
      );
      if (done === undefined) continue;
      if (step === "encrypt") key.ciphertexts.push(done.ciphertext);
      else key.version = done.currentVersion;
    }
    const given = { spec: "ECC_NIST_P256", usage: "SIGN_VERIFY", origin: "EXTERNAL" };
    const outer = await call("/keys", given);
    if (outer === undefined) continue;
    const other: Acknowledged = {
      ...{ keyId: outer.keyId, version: 0, state: "pendingImport", ciphertexts: [] },
    };
    keys.push(other);
    const imported = await call(`/keys/${other.keyId}:importPublicKey`, { publicKey });
    if (imported !== undefined) Object.assign(other, { version: 1, state: "enabled" });
    const planned = await call(`/keys/${other.keyId}:scheduleDeletion`, { pendingDays: 7 });
    if (planned !== undefined) other.state = "pendingDeletion";
  }
}

/** A step that was not acknowledged may have happened or not; one that was, must have. */
const STATES: Readonly<Record<string, readonly string[]>> = {
  enabled: ["enabled", "pendingDeletion"],
  pendingImport: ["pendingImport", "enabled", "pendingDeletion"],
  pendingDeletion: ["pendingDeletion"],
};

async function check(keys: readonly Acknowledged[]): Promise<void> {
  for (const { keyId, version, state, ciphertexts } of keys) {
    const { code, result } = await stack.api("GET", `/v1/kms/keys/${keyId}`, undefined, owner);
    expect(code).toBe(200);
    expect(STATES[state]).toContain(result.state);
    expect(result.currentVersion ?? 0).toBeGreaterThanOrEqual(version);
    for (const ciphertext of ciphertexts) {
      const opened = await call(`/keys/${keyId}:decrypt`, { ciphertext });
      expect(opened?.plaintext).toBe(plaintext);
    }
  }
}

test(`after ${ROUNDS} kills nothing acknowledged is lost and nothing is unreadable`, {
  timeout: 120_000 + ROUNDS * 20_000,
}, async () => {
  let acknowledged = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round % ROUNDS_OF_ACCOUNT === 0) owner = await newOwner(`crash-${round}`);
    const keys: Acknowledged[] = [];
    let isOver = false;
    const lanes = Array.from({ length: LANES }, () => work(keys, () => isOver));
    const victim = round % 2 === 0 ? "server" : "keyd";
    const pid = await stack.pid(victim);
    await until("some keys", async () => keys.length > 2, 60_000);
    await sleep(randomInt(50, 600));
    process.kill(pid, "SIGKILL");
    isOver = true;
    await Promise.all(lanes);
    await until("an answer", async () => (await call("/keys")) !== undefined, ANSWER_MAX_MS);
    await check(keys);
    acknowledged += keys.length;
  }
  console.log(`kms crash: ${ROUNDS} rounds, ${acknowledged} keys whose making was acknowledged`);
});
