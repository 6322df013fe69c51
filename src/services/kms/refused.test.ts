/** Promises of what is refused: uses that cannot be recorded, forms and tokens not good. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, type KmsKit, startKms, wrapMaterial } from "../../../test/kms-kit.ts";

/** Long enough for a slow machine to make the token in, and then waited for. */
const TOKEN_LIFE_MS = 4_000;

let kit: KmsKit;
beforeAll(async () => {
  kit = await startKms();
});
afterAll(() => kit?.stop());

test("a use that cannot be recorded is refused, and gives nothing away", async () => {
  const keyId = await kit.newKey();
  const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
  const { ciphertext } = result;
  kit.operations.refuseRecords(true);
  try {
    for (const [verb, body] of [
      ["encrypt", { plaintext: base64("x") }],
      ["decrypt", { ciphertext }],
      ["generateDataKey", {}],
      ["rotate", {}],
    ] as const) {
      const refused = await kit.post(`/keys/${keyId}:${verb}`, body);
      expect(refused.error?.reason).toBe("kernel.auditUnavailable");
      expect(refused.result).toBeUndefined();
    }
  } finally {
    kit.operations.refuseRecords(false);
  }
  expect((await kit.get(`/keys/${keyId}`)).result.currentVersion).toBe(1);
  expect((await kit.post(`/keys/${keyId}:decrypt`, { ciphertext })).code).toBe(200);
});

test("PKCS #1 v1.5 is refused for encryption and decryption, whatever the bytes are", async () => {
  const keyId = await kit.newKey({ spec: "RSA_2048", usage: "ENCRYPT_DECRYPT" });
  const algorithm = "RSAES_PKCS1_V1_5";
  const plaintext = base64("x");
  const made = await kit.post(`/keys/${keyId}:encrypt`, { plaintext, algorithm });
  expect(made.code).toBe(400);
  for (const bytes of [Buffer.alloc(256, 1), Buffer.alloc(256, 200)]) {
    const body = { ciphertext: base64(bytes), algorithm };
    expect((await kit.post(`/keys/${keyId}:decrypt`, body)).code).toBe(400);
  }
});

test("a ciphertext of another format version, or cut anywhere, is no ciphertext", async () => {
  const keyId = await kit.newKey();
  const { result } = await kit.post(`/keys/${keyId}:encrypt`, { plaintext: base64("x") });
  const bytes = Buffer.from(result.ciphertext, "base64");
  const foreign = Buffer.from(bytes);
  foreign.writeUInt8(foreign.readUInt8(0) + 1, 0);
  const cut = [1, 8, 20, bytes.length - 16, bytes.length - 1].map((end) => bytes.subarray(0, end));
  for (const one of [foreign, ...cut]) {
    const refused = await kit.post(`/keys/${keyId}:decrypt`, { ciphertext: base64(one) });
    expect(refused.error?.reason).toBe("kms.ciphertextInvalid");
  }
});

describe("import tokens", () => {
  const material = Buffer.alloc(32, 5);
  const send = async (keyId: string, change: (token: Buffer) => Buffer) => {
    const { importToken, encryptedMaterial } = await wrapMaterial(kit, keyId, material);
    const token = base64(change(Buffer.from(importToken, "base64")));
    const body = { importToken: token, encryptedMaterial };
    return (await kit.post(`/keys/${keyId}:importMaterial`, body)).error?.reason;
  };

  test("one whose time is over is refused, and one whose time was written later as well", async () => {
    const keyId = await kit.newKey({ origin: "EXTERNAL" });
    const timed = (time: number) => (token: Buffer) => {
      token.writeUIntBE(time, 1, 6);
      return token;
    };
    expect(await send(keyId, timed(Date.now() - 1))).toBe("kms.importTokenExpired");
    const { result } = await kit.get(`/keys/${keyId}`);
    const [row] = await kit.operations.database.transaction(
      "system",
      (sql) => sql<{ accountId: string; materialId: string }>`
        select account_id, material_id from kms_key where key_id = ${keyId}`,
    );
    expect(result.state).toBe("pendingImport");
    // keyd's own time is inside what it sealed: a token of its that ended does not live longer
    // by what stands before it.
    const expireTimeMs = Date.now() + TOKEN_LIFE_MS;
    const ended = await kit.kms.keyd.importParameters({
      account: row?.accountId ?? "",
      key: row?.materialId ?? "",
      wrappingKeySpec: "RSA_2048",
      expireTimeMs,
    });
    await sleep(expireTimeMs - Date.now() + 1);
    const reason = await send(keyId, (token) =>
      Buffer.concat([timed(Date.now() + 60_000)(token).subarray(0, 7), ended.token]),
    );
    expect(reason).toMatch(/^kms\.importToken(?:Expired|Invalid)$/);
  });

  test("one is good for its key only, and only once", async () => {
    const [keyId, other] = [
      await kit.newKey({ origin: "EXTERNAL" }),
      await kit.newKey({ origin: "EXTERNAL" }),
    ];
    const wrapped = await wrapMaterial(kit, keyId, material);
    const foreign = await kit.post(`/keys/${other}:importMaterial`, wrapped);
    expect(foreign.error?.reason).toBe("kms.importTokenInvalid");
    const own = await wrapMaterial(kit, keyId, material);
    expect((await kit.post(`/keys/${keyId}:importMaterial`, own)).code).toBe(200);
    const again = await kit.post(`/keys/${keyId}:importMaterial`, own);
    expect(again.error?.reason).toBe("kms.importTokenInvalid");
  });
});
