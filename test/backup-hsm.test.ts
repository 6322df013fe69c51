/** A backup whose root of trust is a device: an empty node is restored with that device alone. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  makeSoftToken,
  type SoftToken,
  softHsmModule,
} from "../src/daemons/keyd/pkcs11/soft-token.ts";
import { cordon, elsewhere, type Outcome } from "./backup-state.ts";
import { apiReply, rawApi, type Stack, startStack } from "./stack.ts";

const TEST_MAX_MS = 240_000;
const CONTEXT = { table: "orders" };
const file = (name: string) => join(folder, name);

let folder = "";
let token: SoftToken;
let stack: Stack;
let rootKeyId = "";
let keyId = "";
let before = "";
let after = "";

function expectDone(outcome: Outcome): string {
  expect(outcome.code, outcome.text).toBe(0);
  return outcome.text;
}

async function encrypted(text: string): Promise<string> {
  const plaintext = Buffer.from(text).toString("base64");
  const body = { plaintext, encryptionContext: CONTEXT };
  return (await stack.api("POST", `/v1/kms/keys/${keyId}:encrypt`, body)).result.ciphertext;
}

/** An empty node that has the device, and knows the id of the root in it. */
async function emptyNode(name: string) {
  const dataFolder = file(name);
  const own = await elsewhere(stack.env, dataFolder);
  const port = Number(own.CORDON_CONSOLE_PORT);
  const device = { CORDON_KEYS_ROOT: "pkcs11", CORDON_PKCS11_KEY_ID: rootKeyId };
  const env = { ...own, ...token.environment, ...device };
  return {
    dataFolder,
    run: (args: string[], input = "") => cordon(env, args, input),
    async decrypt(ciphertext: string) {
      const path = `/v1/kms/keys/${keyId}:decrypt`;
      const body = { ciphertext, encryptionContext: CONTEXT };
      const answer = await rawApi(port, { method: "POST", path, body, key: stack.key });
      const { result, error } = apiReply(answer);
      return error?.reason ?? Buffer.from(result.plaintext, "base64").toString();
    },
  };
}

describe.skipIf(softHsmModule === undefined)("with a PKCS #11 token (SoftHSM 2)", () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cordon-hsm-"));
    token = makeSoftToken();
    stack = await startStack({ env: { ...token.environment, CORDON_KEYS_ROOT: "pkcs11" } });
    keyId = (await stack.api("POST", "/v1/kms/keys", {})).result.keyId;
    const status = expectDone(await stack.run("keys", "status"));
    [rootKeyId = ""] = /[0-9a-f]{32}/.exec(status) ?? [];
    before = await encrypted("before");
    expectDone(await stack.run("backup", "create", file("older.age")));
    await stack.api("POST", `/v1/kms/keys/${keyId}:rotate`, {});
    after = await encrypted("after");
    const made = await stack.run("backup", "create", file("newer.age"));
    expect(expectDone(made)).toMatch(/It opens with .*root/);
    // The device counts each change of keys: from here on both backups are older than it knows.
    await stack.api("POST", "/v1/kms/keys", {});
    await stack.run("down");
  }, TEST_MAX_MS);
  afterAll(async () => {
    await stack?.stop();
    token?.remove();
    rmSync(folder, { recursive: true, force: true });
  }, TEST_MAX_MS);

  test(
    "a backup opens with the device alone, and what its keys encrypted opens again",
    async () => {
      const node = await emptyNode("newer");
      expectDone(await node.run(["backup", "restore", file("newer.age")]));
      expectDone(await node.run(["up", "--detach"]));
      try {
        expect(await node.decrypt(before)).toBe("kms.rolledBack");
        expectDone(await node.run(["keys", "accept-restored"], "accept\n"));
        expect(await node.decrypt(before)).toBe("before");
        expect(await node.decrypt(after)).toBe("after");
      } finally {
        await node.run(["down"]);
      }
      expect((await node.run(["audit", "verify"])).text).toContain("The log is whole");
    },
    TEST_MAX_MS,
  );

  test(
    "an older one uses no key until that is accepted, and the acceptance is kept",
    async () => {
      const node = await emptyNode("older");
      expectDone(await node.run(["backup", "restore", file("older.age")]));
      expectDone(await node.run(["up", "--detach"]));
      try {
        expect((await node.run(["keys", "status"])).text).toMatch(/^state +rolledBack/);
        expect(await node.decrypt(before)).toMatch(/^kms\./);
        const no = await node.run(["keys", "accept-restored"], "yes\n");
        expect(no.code).not.toBe(0);
        expect(await node.decrypt(before)).toMatch(/^kms\./);
        expectDone(await node.run(["keys", "accept-restored"], "accept\n"));
        expect(await node.decrypt(before)).toBe("before");
        expect(await node.decrypt(after)).toMatch(/^kms\./);
        const kept = readFileSync(join(node.dataFolder, "keys", "restorations.log"), "utf8");
        expect(kept.trim().split("\n")).toHaveLength(1);
      } finally {
        await node.run(["down"]);
      }
    },
    TEST_MAX_MS,
  );

  test("with another token nothing is restored, and nothing is left behind", async () => {
    const other = makeSoftToken("cordon-other");
    try {
      const env = { ...(await elsewhere(stack.env, file("other"))), ...other.environment };
      const refused = await cordon({ ...env, CORDON_PKCS11_KEY_ID: rootKeyId }, [
        ...["backup", "restore", file("newer.age")],
      ]);
      expect(refused.code).not.toBe(0);
      expect(readdirSync(join(file("other"), "keys"))).toEqual([]);
    } finally {
      other.remove();
    }
  }, 120_000);
});
