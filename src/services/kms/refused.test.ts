/** Promises of what is refused: uses that cannot be recorded, forms and tokens that are not good. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { base64, type KmsKit, startKms, wrapMaterial } from "../../../test/kms-kit.ts";

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
