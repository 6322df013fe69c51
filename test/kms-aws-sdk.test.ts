/** The unmodified AWS SDK for JavaScript against a whole Cordon, by endpoint override only. */
import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  ListKeysCommand,
} from "@aws-sdk/client-kms";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accessKeyOf, exceptionName, kmsClient } from "./kms-client.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
let kms: KMSClient;

beforeAll(async () => {
  stack = await startStack();
  kms = kmsClient(stack, await accessKeyOf(stack));
});
afterAll(() => stack?.stop());

async function newKey(): Promise<string> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ Description: "test" }));
  return KeyMetadata?.KeyId ?? "";
}

test("a key is made, described and listed, encrypts and decrypts", async () => {
  const KeyId = await newKey();
  const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
  expect(KeyMetadata).toMatchObject({ KeyId, KeyState: "Enabled", KeySpec: "SYMMETRIC_DEFAULT" });
  const { Keys } = await kms.send(new ListKeysCommand({}));
  expect(Keys?.map((one) => one.KeyId)).toContain(KeyId);
  const EncryptionContext = { table: "orders" };
  const Plaintext = Buffer.from("a secret");
  const made = await kms.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
  const { CiphertextBlob } = made;
  const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
  expect(Buffer.from(opened.Plaintext ?? []).toString()).toBe("a secret");
  expect(opened.KeyId).toBe(KeyMetadata?.Arn);
  expect(await exceptionName(kms.send(new DecryptCommand({ CiphertextBlob })))).toBe(
    "InvalidCiphertextException",
  );
});

test("a data key comes in clear and under the key", async () => {
  const KeyId = await newKey();
  const made = await kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" }));
  const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
  expect(opened.Plaintext).toEqual(made.Plaintext);
  expect(made.Plaintext?.length).toBe(32);
});
