/** The unmodified AWS SDK for JavaScript against a whole Cordon, by endpoint override only. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as sdk from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { awsCommands } from "../src/services/kms/aws/commands.ts";
import { type AccessKey, accessKeyOf, exceptionName, kmsClient } from "./kms-client.ts";
import { type Stack, startStack } from "./stack.ts";

let stack: Stack;
let kms: sdk.KMSClient;
let key: AccessKey;
let accountId: string;
let userId: string;

beforeAll(async () => {
  stack = await startStack();
  key = await accessKeyOf(stack);
  kms = kmsClient(stack, key);
  const users = await stack.api("GET", "/v1/iam/users");
  userId = users.result.users[0].userId;
  const described = await kms.send(new sdk.CreateKeyCommand({}));
  accountId = described.KeyMetadata?.AWSAccountId ?? "";
});
afterAll(() => stack?.stop());

async function newKey(given: sdk.CreateKeyCommandInput = {}): Promise<string> {
  const { KeyMetadata } = await kms.send(new sdk.CreateKeyCommand(given));
  return KeyMetadata?.KeyId ?? "";
}

describe("commands", () => {
  test("every command of the SDK is in our table, and the documentation names each", () => {
    const names = Object.keys(sdk)
      .filter((name) => /^[A-Z].*Command$/.test(name))
      .map((name) => name.slice(0, -"Command".length));
    expect([...awsCommands.keys()].sort()).toEqual(names.sort());
    const real = [...awsCommands.values()].filter((one) => !("unsupported" in one));
    expect(real.length).toBeGreaterThanOrEqual(50);
    const text = readFileSync(join(programFolder, "docs", "keys.md"), "utf8");
    for (const [name, one] of awsCommands) {
      expect(text).toContain(`| ${name} | ${"unsupported" in one ? "refused" : "works"} |`);
    }
  });

  test("what is not done is a typed refusal", async () => {
    const command = new sdk.CreateCustomKeyStoreCommand({ CustomKeyStoreName: "x" });
    const failed = await kms.send(command).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(sdk.UnsupportedOperationException);
  });
});

describe("keys", () => {
  test("a key is made, described, listed, tagged, disabled and waits for deletion", async () => {
    const Tags = [{ TagKey: "team", TagValue: "shop" }];
    const KeyId = await newKey({ Description: "first", Tags });
    await kms.send(new sdk.UpdateKeyDescriptionCommand({ KeyId, Description: "second" }));
    await kms.send(new sdk.TagResourceCommand({ KeyId, Tags: [{ TagKey: "b", TagValue: "2" }] }));
    await kms.send(new sdk.UntagResourceCommand({ KeyId, TagKeys: ["team"] }));
    const tags = await kms.send(new sdk.ListResourceTagsCommand({ KeyId }));
    expect(tags.Tags).toEqual([{ TagKey: "b", TagValue: "2" }]);
    const { KeyMetadata } = await kms.send(new sdk.DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ Description: "second", KeyState: "Enabled" });
    expect(KeyMetadata?.Arn).toBe(`arn:aws:kms:local:${accountId}:key/${KeyId}`);
    const byArn = await kms.send(new sdk.DescribeKeyCommand({ KeyId: KeyMetadata?.Arn }));
    expect(byArn.KeyMetadata?.KeyId).toBe(KeyId);
    const { Keys } = await kms.send(new sdk.ListKeysCommand({}));
    expect(Keys?.map((one) => one.KeyId)).toContain(KeyId);
    await kms.send(new sdk.DisableKeyCommand({ KeyId }));
    const Plaintext = Buffer.from("x");
    const encrypt = () => exceptionName(kms.send(new sdk.EncryptCommand({ KeyId, Plaintext })));
    expect(await encrypt()).toBe("DisabledException");
    await kms.send(new sdk.EnableKeyCommand({ KeyId }));
    expect(await encrypt()).toBe("");
    const deletion = { KeyId, PendingWindowInDays: 7 };
    const planned = await kms.send(new sdk.ScheduleKeyDeletionCommand(deletion));
    expect(planned.KeyState).toBe("PendingDeletion");
    expect(await encrypt()).toBe("KMSInvalidStateException");
    await kms.send(new sdk.CancelKeyDeletionCommand({ KeyId }));
    expect(await encrypt()).toBe("DisabledException");
    expect(await exceptionName(kms.send(new sdk.ScheduleKeyDeletionCommand({ KeyId: "x" })))).toBe(
      "NotFoundException",
    );
    const short = { KeyId, PendingWindowInDays: 6 };
    expect(await exceptionName(kms.send(new sdk.ScheduleKeyDeletionCommand(short)))).toBe(
      "ValidationException",
    );
  });

  test("rotation keeps old ciphertexts readable and is listed", async () => {
    const KeyId = await newKey();
    await kms.send(new sdk.EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 100 }));
    const status = await kms.send(new sdk.GetKeyRotationStatusCommand({ KeyId }));
    expect(status).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 100 });
    const made = await kms.send(new sdk.EncryptCommand({ KeyId, Plaintext: Buffer.from("x") }));
    await kms.send(new sdk.RotateKeyOnDemandCommand({ KeyId }));
    const { CiphertextBlob } = made;
    const opened = await kms.send(new sdk.DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext ?? []).toString()).toBe("x");
    const { Rotations } = await kms.send(new sdk.ListKeyRotationsCommand({ KeyId }));
    expect(Rotations).toMatchObject([{ RotationType: "ON_DEMAND", KeyMaterialState: "CURRENT" }]);
    await kms.send(new sdk.DisableKeyRotationCommand({ KeyId }));
    const use = await kms.send(new sdk.GetKeyLastUsageCommand({ KeyId }));
    expect(use.KeyCreationDate).toBeInstanceOf(Date);
  });

  test("a multi-region key is used in another region under the same id", async () => {
    const KeyId = await newKey({ MultiRegion: true });
    const replica = { KeyId, ReplicaRegion: "far" };
    const { ReplicaKeyMetadata } = await kms.send(new sdk.ReplicateKeyCommand(replica));
    expect(ReplicaKeyMetadata?.Arn).toBe(`arn:aws:kms:far:${accountId}:key/${KeyId}`);
    const far = kmsClient(stack, key, "far");
    const { CiphertextBlob } = await kms.send(
      new sdk.EncryptCommand({ KeyId, Plaintext: Buffer.from("x") }),
    );
    const opened = await far.send(new sdk.DecryptCommand({ CiphertextBlob, KeyId }));
    expect(opened.KeyId).toBe(ReplicaKeyMetadata?.Arn);
    const primary = { KeyId, PrimaryRegion: "far" };
    await kms.send(new sdk.UpdatePrimaryRegionCommand(primary));
    const { KeyMetadata } = await far.send(new sdk.DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType).toBe("PRIMARY");
  });

  test("an alias names a key, moves and goes", async () => {
    const [first, second] = [await newKey(), await newKey()];
    const AliasName = "alias/app/main";
    await kms.send(new sdk.CreateAliasCommand({ AliasName, TargetKeyId: first }));
    const again = kms.send(new sdk.CreateAliasCommand({ AliasName, TargetKeyId: second }));
    expect(await exceptionName(again)).toBe("AlreadyExistsException");
    const Plaintext = Buffer.from("x");
    const made = await kms.send(new sdk.EncryptCommand({ KeyId: AliasName, Plaintext }));
    expect(made.KeyId).toContain(first);
    await kms.send(new sdk.UpdateAliasCommand({ AliasName, TargetKeyId: second }));
    const moved = await kms.send(new sdk.EncryptCommand({ KeyId: AliasName, Plaintext }));
    expect(moved.KeyId).toContain(second);
    const { Aliases } = await kms.send(new sdk.ListAliasesCommand({ KeyId: second }));
    expect(Aliases).toMatchObject([{ AliasName, TargetKeyId: second }]);
    await kms.send(new sdk.DeleteAliasCommand({ AliasName }));
    const gone = kms.send(new sdk.EncryptCommand({ KeyId: AliasName, Plaintext }));
    expect(await exceptionName(gone)).toBe("NotFoundException");
    const bad = { AliasName: "alias/aws/x", TargetKeyId: first };
    expect(await exceptionName(kms.send(new sdk.CreateAliasCommand(bad)))).toBe(
      "InvalidAliasNameException",
    );
  });

  test("a policy comes back as it was put, and one that locks out is refused", async () => {
    const KeyId = await newKey();
    const { Policy } = await kms.send(new sdk.GetKeyPolicyCommand({ KeyId }));
    expect(JSON.parse(Policy ?? "").Statement[0].Principal).toEqual({
      AWS: `arn:aws:iam::${accountId}:root`,
    });
    const statement = (principal: string, action: string) => ({
      Sid: "one",
      Effect: "Allow",
      Principal: { AWS: principal },
      Action: action,
      Resource: "*",
    });
    const root = statement(`arn:aws:iam::${accountId}:root`, "kms:*");
    const text = JSON.stringify({ Version: "2012-10-17", Statement: [root] });
    await kms.send(new sdk.PutKeyPolicyCommand({ KeyId, Policy: text }));
    const back = await kms.send(new sdk.GetKeyPolicyCommand({ KeyId }));
    expect(back.Policy).toBe(text);
    const only = statement(`arn:aws:iam::${accountId}:user/${userId}`, "kms:Encrypt");
    const locked = JSON.stringify({ Version: "2012-10-17", Statement: [only] });
    for (const Policy of [locked, "{}", "no json"]) {
      expect(await exceptionName(kms.send(new sdk.PutKeyPolicyCommand({ KeyId, Policy })))).toBe(
        "MalformedPolicyDocumentException",
      );
    }
    const { PolicyNames } = await kms.send(new sdk.ListKeyPoliciesCommand({ KeyId }));
    expect(PolicyNames).toEqual(["default"]);
  });

  test("grants are made, listed, retired by token and revoked", async () => {
    const KeyId = await newKey();
    const principal = `arn:aws:iam::${accountId}:user/${userId}`;
    const given: sdk.CreateGrantCommandInput = {
      KeyId,
      GranteePrincipal: principal,
      RetiringPrincipal: principal,
      Operations: ["Encrypt", "Decrypt"],
      Constraints: { EncryptionContextSubset: { a: "1" } },
    };
    const first = await kms.send(new sdk.CreateGrantCommand(given));
    const second = await kms.send(new sdk.CreateGrantCommand({ ...given, Name: "second" }));
    const { Grants } = await kms.send(new sdk.ListGrantsCommand({ KeyId }));
    expect(Grants).toMatchObject([{ GrantId: first.GrantId }, { Name: "second" }]);
    expect(Grants?.[0]?.Constraints).toEqual({ EncryptionContextSubset: { a: "1" } });
    const mine = await kms.send(
      new sdk.ListRetirableGrantsCommand({ RetiringPrincipal: principal }),
    );
    expect(mine.Grants?.length).toBe(2);
    await kms.send(new sdk.RetireGrantCommand({ GrantToken: first.GrantToken }));
    await kms.send(new sdk.RevokeGrantCommand({ KeyId, GrantId: second.GrantId }));
    const after = await kms.send(new sdk.ListGrantsCommand({ KeyId }));
    expect(after.Grants).toEqual([]);
  });
});

describe("bad requests", () => {
  test("another secret, an unknown key and a foreign ARN", async () => {
    const bad = kmsClient(stack, { ...key, secret: `${key.secret}x` });
    expect(await exceptionName(bad.send(new sdk.ListKeysCommand({})))).toBe(
      "UnrecognizedClientException",
    );
    const unknown = kmsClient(stack, { accessKeyId: "ak-0000000000", secret: "x" });
    expect(await exceptionName(unknown.send(new sdk.ListKeysCommand({})))).toBe(
      "UnrecognizedClientException",
    );
    const name = (KeyId: string) => exceptionName(kms.send(new sdk.DescribeKeyCommand({ KeyId })));
    expect(await name("arn:aws:kms:local:000000000000:key/key-0123456789")).toBe(
      "NotFoundException",
    );
    expect(await name("key-0123456789")).toBe("NotFoundException");
    expect(await name("arn:aws:s3:::bucket")).toBe("InvalidArnException");
  });

  test("what does not fit is refused with the exception's name", async () => {
    const KeyId = await newKey();
    const Plaintext = Buffer.alloc(4_097);
    expect(await exceptionName(kms.send(new sdk.EncryptCommand({ KeyId, Plaintext })))).toBe(
      "ValidationException",
    );
    const EncryptionContext = { a: "b".repeat(8_192) };
    const large = { KeyId, Plaintext: Buffer.from("x"), EncryptionContext };
    expect(await exceptionName(kms.send(new sdk.EncryptCommand(large)))).toBe(
      "ValidationException",
    );
    const sign = {
      KeyId,
      Message: Plaintext.subarray(1),
      SigningAlgorithm: "ECDSA_SHA_256",
    } as const;
    expect(await exceptionName(kms.send(new sdk.SignCommand(sign)))).toBe(
      "InvalidKeyUsageException",
    );
    const both = { KeyId, KeySpec: "AES_256", NumberOfBytes: 32 } as const;
    expect(await exceptionName(kms.send(new sdk.GenerateDataKeyCommand(both)))).toBe(
      "ValidationException",
    );
    expect(await exceptionName(kms.send(new sdk.ListKeysCommand({ Marker: "x" })))).toBe(
      "InvalidMarkerException",
    );
  });
});
