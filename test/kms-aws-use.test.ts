/** Using and importing keys by the unmodified AWS SDK for JavaScript. */
import {
  constants,
  createCipheriv,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
  verify,
} from "node:crypto";
import * as sdk from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessKeyOf, exceptionName, kmsClient } from "./kms-client.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
let kms: sdk.KMSClient;

beforeAll(async () => {
  stack = await startStack();
  kms = kmsClient(stack, await accessKeyOf(stack));
});
afterAll(() => stack?.stop());

async function newKey(given: sdk.CreateKeyCommandInput = {}): Promise<string> {
  const { KeyMetadata } = await kms.send(new sdk.CreateKeyCommand(given));
  return KeyMetadata?.KeyId ?? "";
}

describe("use", () => {
  test("a context is needed again, a dry run does nothing, and re-encryption moves", async () => {
    const [KeyId, other] = [await newKey(), await newKey()];
    const EncryptionContext = { table: "orders" };
    const Plaintext = Buffer.from("a secret");
    const made = await kms.send(new sdk.EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
    const { CiphertextBlob } = made;
    const opened = await kms.send(new sdk.DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Buffer.from(opened.Plaintext ?? []).toString()).toBe("a secret");
    const without = kms.send(new sdk.DecryptCommand({ CiphertextBlob }));
    expect(await exceptionName(without)).toBe("InvalidCiphertextException");
    const wrong = { CiphertextBlob, EncryptionContext, KeyId: other };
    expect(await exceptionName(kms.send(new sdk.DecryptCommand(wrong)))).toBe(
      "IncorrectKeyException",
    );
    const dry = kms.send(new sdk.EncryptCommand({ KeyId, Plaintext, DryRun: true }));
    expect(await exceptionName(dry)).toBe("DryRunOperationException");
    const moved = await kms.send(
      new sdk.ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext: EncryptionContext,
        DestinationKeyId: other,
      }),
    );
    const again = await kms.send(new sdk.DecryptCommand({ CiphertextBlob: moved.CiphertextBlob }));
    expect(Buffer.from(again.Plaintext ?? []).toString()).toBe("a secret");
    expect(again.KeyId).toContain(other);
  });

  test("data keys and pairs come in clear, under the key, or both; random is as long as asked", async () => {
    const KeyId = await newKey();
    const made = await kms.send(new sdk.GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" }));
    const opened = await kms.send(new sdk.DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
    expect(opened.Plaintext).toEqual(made.Plaintext);
    const bare = await kms.send(
      new sdk.GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 16 }),
    );
    expect(Object.hasOwn(bare, "Plaintext")).toBe(false);
    const pair = await kms.send(
      new sdk.GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: "ECC_NIST_P256" }),
    );
    const blob = { CiphertextBlob: pair.PrivateKeyCiphertextBlob };
    const privateKey = await kms.send(new sdk.DecryptCommand(blob));
    expect(privateKey.Plaintext).toEqual(pair.PrivateKeyPlaintext);
    const hidden = await kms.send(
      new sdk.GenerateDataKeyPairWithoutPlaintextCommand({ KeyId, KeyPairSpec: "RSA_2048" }),
    );
    expect(hidden.PublicKey?.length).toBeGreaterThan(200);
    const random = await kms.send(new sdk.GenerateRandomCommand({ NumberOfBytes: 24 }));
    expect(random.Plaintext?.length).toBe(24);
  });

  test("signatures and codes verify, and wrong ones are typed refusals", async () => {
    const KeyId = await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
    const Message = Buffer.from("message");
    const SigningAlgorithm = "ECDSA_SHA_256";
    const signing = { KeyId, Message, SigningAlgorithm } as const;
    const { Signature } = await kms.send(new sdk.SignCommand(signing));
    const checked = await kms.send(new sdk.VerifyCommand({ ...signing, Signature }));
    expect(checked.SignatureValid).toBe(true);
    const { PublicKey } = await kms.send(new sdk.GetPublicKeyCommand({ KeyId }));
    const spki = createPublicKey({
      key: Buffer.from(PublicKey ?? []),
      type: "spki",
      format: "der",
    });
    expect(verify("sha256", Message, spki, Signature ?? new Uint8Array())).toBe(true);
    const other = { ...signing, Message: Buffer.from("other"), Signature };
    expect(await exceptionName(kms.send(new sdk.VerifyCommand(other)))).toBe(
      "KMSInvalidSignatureException",
    );
    const mac = await newKey({ KeySpec: "HMAC_256", KeyUsage: "GENERATE_VERIFY_MAC" });
    const coding = { KeyId: mac, Message, MacAlgorithm: "HMAC_SHA_256" } as const;
    const { Mac } = await kms.send(new sdk.GenerateMacCommand(coding));
    const valid = await kms.send(new sdk.VerifyMacCommand({ ...coding, Mac }));
    expect(valid.MacValid).toBe(true);
    const cut = { ...coding, Mac: Mac?.slice(0, 16) };
    expect(await exceptionName(kms.send(new sdk.VerifyMacCommand(cut)))).toBe(
      "KMSInvalidMacException",
    );
  });

  test("two parties agree on a secret, by ECDH and by ML-KEM", async () => {
    const given = { KeySpec: "ECC_NIST_P256", KeyUsage: "KEY_AGREEMENT" } as const;
    const [a, b] = [await newKey(given), await newKey(given)];
    const half = async (KeyId: string) =>
      (await kms.send(new sdk.GetPublicKeyCommand({ KeyId }))).PublicKey;
    const agree = async (KeyId: string, PublicKey: Uint8Array | undefined) => {
      const command = { KeyId, PublicKey, KeyAgreementAlgorithm: "ECDH" } as const;
      return (await kms.send(new sdk.DeriveSharedSecretCommand(command))).SharedSecret;
    };
    expect(await agree(a, await half(b))).toEqual(await agree(b, await half(a)));
    const KeyId = await newKey({ KeySpec: "ML_KEM_768" });
    const EncapsulationAlgorithm = "ML_KEM";
    const made = await kms.send(new sdk.EncapsulateCommand({ KeyId, EncapsulationAlgorithm }));
    const { SharedSecretCiphertextBlob } = made;
    const command = { KeyId, EncapsulationAlgorithm, SharedSecretCiphertextBlob } as const;
    const opened = await kms.send(new sdk.DecapsulateCommand(command));
    expect(opened.SharedSecret).toEqual(made.SharedSecret);
  });
});

describe("import", () => {
  const parameters = (KeyId: string, WrappingAlgorithm: sdk.AlgorithmSpec) =>
    kms.send(
      new sdk.GetParametersForImportCommand({
        KeyId,
        WrappingAlgorithm,
        WrappingKeySpec: "RSA_2048",
      }),
    );
  const oaep = (spki: Uint8Array | undefined, bytes: Buffer) => {
    const key = createPublicKey({ key: Buffer.from(spki ?? []), type: "spki", format: "der" });
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    return publicEncrypt({ key, padding, oaepHash: "sha256" }, bytes);
  };

  test("material comes in, is used, is deleted, and only the same comes in again", async () => {
    const KeyId = await newKey({
      KeySpec: "HMAC_256",
      KeyUsage: "GENERATE_VERIFY_MAC",
      Origin: "EXTERNAL",
    });
    const material = randomBytes(32);
    const bring = async (bytes: Buffer) => {
      const { ImportToken, PublicKey } = await parameters(KeyId, "RSAES_OAEP_SHA_256");
      const EncryptedKeyMaterial = oaep(PublicKey, bytes);
      const ExpirationModel = "KEY_MATERIAL_DOES_NOT_EXPIRE";
      const command = { KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel } as const;
      await kms.send(new sdk.ImportKeyMaterialCommand(command));
      return command;
    };
    const used = await bring(material);
    const Message = Buffer.from("m");
    const coding = { KeyId, Message, MacAlgorithm: "HMAC_SHA_256" } as const;
    const { Mac } = await kms.send(new sdk.GenerateMacCommand(coding));
    const expected = createHmac("sha256", material).update(Message).digest();
    expect(Buffer.from(Mac ?? [])).toEqual(expected);
    expect(await exceptionName(kms.send(new sdk.ImportKeyMaterialCommand(used)))).toBe(
      "InvalidImportTokenException",
    );
    await kms.send(new sdk.DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await exceptionName(kms.send(new sdk.GenerateMacCommand(coding)))).toBe(
      "KMSInvalidStateException",
    );
    expect(await exceptionName(bring(randomBytes(32)))).toBe("IncorrectKeyMaterialException");
    expect(await exceptionName(bring(randomBytes(31)))).toBe("InvalidCiphertextException");
    await bring(material);
    expect(await exceptionName(kms.send(new sdk.GenerateMacCommand(coding)))).toBe("");
  });

  test("a private key comes in by RSA-OAEP and AES key wrap, and explicit curves do not", async () => {
    const given = {
      KeySpec: "ECC_NIST_P256",
      KeyUsage: "SIGN_VERIFY",
      Origin: "EXTERNAL",
    } as const;
    const bring = async (pkcs8: Buffer) => {
      const KeyId = await newKey(given);
      const { ImportToken, PublicKey } = await parameters(KeyId, "RSA_AES_KEY_WRAP_SHA_256");
      const aes = randomBytes(32);
      const cipher = createCipheriv("id-aes256-wrap-pad", aes, Buffer.from("a65959a6", "hex"));
      const wrapped = Buffer.concat([cipher.update(pkcs8), cipher.final()]);
      const EncryptedKeyMaterial = Buffer.concat([oaep(PublicKey, aes), wrapped]);
      const ExpirationModel = "KEY_MATERIAL_DOES_NOT_EXPIRE";
      const command = { KeyId, ImportToken, EncryptedKeyMaterial, ExpirationModel } as const;
      await kms.send(new sdk.ImportKeyMaterialCommand(command));
      return KeyId;
    };
    const pair = (paramEncoding: "named" | "explicit") => {
      const made = generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding });
      return made.privateKey.export({ type: "pkcs8", format: "der" });
    };
    const KeyId = await bring(pair("named"));
    const command = {
      KeyId,
      Message: Buffer.from("m"),
      SigningAlgorithm: "ECDSA_SHA_256",
    } as const;
    expect((await kms.send(new sdk.SignCommand(command))).Signature?.length).toBeGreaterThan(60);
    expect(await exceptionName(bring(pair("explicit")))).toBe("InvalidCiphertextException");
  });
});
