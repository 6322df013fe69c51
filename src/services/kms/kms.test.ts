/** Promises of keys and their use, over the operation interface with a real keyd. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, type KmsKit, startKms } from "../../../test/kms-kit.ts";
import { KEY_SPECS } from "../../engines/keys/specs.ts";
import { KEY_SPEC_NAMES } from "./resources.ts";

let kit: KmsKit;
beforeAll(async () => {
  kit = await startKms();
});
afterAll(() => kit?.stop());

const encryptionContext = { table: "orders" };

describe("keys", () => {
  test("every spec that keyd knows can be named", () => {
    expect([...KEY_SPEC_NAMES].sort()).toEqual(Object.keys(KEY_SPECS).sort());
  });

  test("usage is fixed at creation, and must be said where a spec has several", async () => {
    const unsaid = await kit.post("/keys", { spec: "RSA_2048" });
    expect(unsaid.error?.reason).toBe("kms.keyUsageInvalid");
    const signs = await kit.newKey({ spec: "ECC_NIST_P256", usage: "SIGN_VERIFY" });
    const wrong = await kit.post(`/keys/${signs}:encrypt`, { plaintext: base64("x") });
    expect(wrong.error?.reason).toBe("kms.keyUsageInvalid");
  });

  test("a disabled key does nothing, and an enabled one again everything", async () => {
    const keyId = await kit.newKey();
    const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
    await kit.post(`/keys/${keyId}:disable`);
    const { ciphertext } = result;
    const refused = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext });
    expect(refused.error?.reason).toBe("kms.keyDisabled");
    await kit.post(`/keys/${keyId}:enable`);
    expect((await kit.post(`/keys/${keyId}:decrypt`, { ciphertext })).code).toBe(200);
  });

  test("what an old version encrypted is decrypted after a rotation", async () => {
    const keyId = await kit.newKey();
    const first = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
    expect((await kit.post(`/keys/${keyId}:rotate`)).result.currentVersion).toBe(2);
    const second = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
    expect([first.result.version, second.result.version]).toEqual([1, 2]);
    for (const { result } of [first, second]) {
      const { ciphertext } = result;
      const opened = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext });
      expect(opened.result.plaintext).toBe(base64("x"));
    }
  });
});

describe("encryption", () => {
  test("the record has no plaintext, and the context as a hash", async () => {
    const keyId = await kit.newKey();
    const plaintext = base64("seldom words of a secret");
    const made = await kit.post(`/keys/${keyId}:encrypt`, { plaintext, encryptionContext });
    await kit.post(`/keys/${keyId}:decrypt`, {
      ciphertext: made.result.ciphertext,
      encryptionContext,
    });
    await kit.operations.recorded();
    const entries = await kit.operations.api(
      "GET",
      "/v1/audit/entries?pageSize=100&sorts.1.name=time&sorts.1.direction=desc",
    );
    const text = JSON.stringify(entries.result);
    expect(text).toContain("kms.encrypt");
    expect(text).not.toContain(plaintext);
    expect(text).not.toContain('"orders"');
    expect(text).toMatch(/"encryptionContext":"sha256:[0-9a-f]{64}"/);
  });

  test("another context, key or byte does not open it, and nothing says which", async () => {
    const keyId = await kit.newKey();
    const plaintext = base64("x");
    const made = await kit.post(`/keys/${keyId}:encrypt`, { plaintext, encryptionContext });
    const { ciphertext } = made.result;
    const other = Buffer.from(ciphertext, "base64");
    other.writeUInt8(other.readUInt8(other.length - 1) ^ 1, other.length - 1);
    const tries = [
      { ciphertext },
      { ciphertext, encryptionContext: { table: "users" } },
      { ciphertext: base64(other), encryptionContext },
      { ciphertext: base64(other.subarray(0, other.length - 12)), encryptionContext },
    ];
    for (const body of tries) {
      const { error } = await kit.post(`/keys/${keyId}:decrypt`, body);
      expect(error?.reason).toBe("kms.ciphertextInvalid");
    }
  });

  test("a batch encrypts and decrypts, and one bad item fails alone", async () => {
    const keyId = await kit.newKey();
    const plaintexts = ["a", "b", "c"].map(base64);
    const made = await kit.post(`/keys/${keyId}:encryptBatch`, { plaintexts, encryptionContext });
    const ciphertexts: string[] = made.result.ciphertexts;
    const bad = Buffer.from(ciphertexts[1] ?? "", "base64");
    bad.writeUInt8(bad.readUInt8(40) ^ 1, 40);
    ciphertexts[1] = base64(bad);
    const opened = await kit.post(`/keys/${keyId}:decryptBatch`, {
      ciphertexts,
      encryptionContext,
    });
    expect(opened.result.items).toEqual([
      { plaintext: base64("a") },
      { reason: "kms.ciphertextInvalid" },
      { plaintext: base64("c") },
    ]);
  });
});

describe("changes at once", () => {
  test("many keys made and rotated together are all there, and none is taken for an old state", async () => {
    const made = await Promise.all(Array.from({ length: 24 }, () => kit.post("/keys")));
    expect(made.map(({ code }) => code)).toEqual(made.map(() => 200));
    const rotated = await Promise.all(
      made.flatMap(({ result }) => [
        kit.post(`/keys/${result.keyId}:rotate`),
        kit.post(`/keys/${result.keyId}:encrypt`, { plaintext: base64("x") }),
      ]),
    );
    expect(rotated.map(({ code }) => code)).toEqual(rotated.map(() => 200));
  });
});

describe("older states", () => {
  test("a row put back to what it was is refused, and so is a whole older database", async () => {
    const keyId = await kit.newKey();
    const { database } = kit.operations;
    const old = await database.transaction(
      "system",
      (sql) => sql<{ state: string; seal: string }>`
        select state, seal from kms_key where key_id = ${keyId}`,
    );
    await kit.post(`/keys/${keyId}:disable`);
    const [row] = old;
    const put = (state = "", seal = "") =>
      database.transaction(
        "system",
        (sql) => sql`update kms_key set state = ${state}, seal = ${seal}
          where key_id = ${keyId}`,
      );
    const [now] = await database.transaction(
      "system",
      (sql) => sql<{ state: string; seal: string }>`
        select state, seal from kms_key where key_id = ${keyId}`,
    );
    await put(row?.state, row?.seal);
    kit.kms.directory.changed();
    const use = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
    expect(use.error?.reason).toBe("kms.rolledBack");
    expect((await kit.post("/keys")).error?.reason).toBe("kms.rolledBack");
    await put("enabled", now?.seal);
    kit.kms.directory.changed();
    const edited = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
    expect(edited.error?.reason).toBe("kms.rolledBack");
    await put(now?.state, now?.seal);
    kit.kms.directory.changed();
    expect((await kit.post(`/keys/${keyId}:enable`)).code).toBe(200);
  });

  test("when keyd is away a use is refused and nothing is changed", async () => {
    const keyId = await kit.newKey();
    await kit.keyd.end("SIGKILL");
    const refused = await kit.post("/keys");
    expect(refused.error?.reason).toBe("kms.keydUnavailable");
    await kit.keyd.start();
    const use = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
    expect(use.code).toBe(200);
  });
});
