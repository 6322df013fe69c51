/** The unmodified boto3 of Python against a whole Cordon; skipped by name where there is none. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AccessKey, accessKeyOf, authorityFile } from "./kms-client.ts";
import { command, type Stack, startStack } from "./stack.ts";

const PYTHONS = ["/usr/bin/python3", "python3"];
const python = PYTHONS.find(
  (name) => spawnSync(name, ["-c", "import boto3"], { stdio: "ignore" }).status === 0,
);

const PROGRAM = `
import boto3, botocore, sys
kms = boto3.client("kms", endpoint_url=sys.argv[1], region_name="local")
key = kms.create_key(Description="from python", Tags=[{"TagKey": "a", "TagValue": "1"}])
key_id = key["KeyMetadata"]["KeyId"]
kms.create_alias(AliasName="alias/python", TargetKeyId=key_id)
context = {"table": "orders"}
blob = kms.encrypt(KeyId="alias/python", Plaintext=b"hello", EncryptionContext=context)
opened = kms.decrypt(CiphertextBlob=blob["CiphertextBlob"], EncryptionContext=context)
assert opened["Plaintext"] == b"hello", opened
data = kms.generate_data_key(KeyId=key_id, KeySpec="AES_256")
assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"])["Plaintext"] == data["Plaintext"]
sign = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
how = {"KeyId": sign, "Message": b"m", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
signature = kms.sign(**how)["Signature"]
assert kms.verify(Signature=signature, **how)["SignatureValid"]
pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 1})
assert len([one for page in pages for one in page["Keys"]]) == 2
for run, name in [
    (lambda: kms.decrypt(CiphertextBlob=blob["CiphertextBlob"]), "InvalidCiphertextException"),
    (lambda: kms.describe_key(KeyId="key-0123456789"), "NotFoundException"),
    (lambda: kms.verify(Signature=b"x" * 256, **how), "KMSInvalidSignatureException"),
]:
    try:
        run()
        raise SystemExit("no " + name)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == name, error.response
print("done")
`;

describe.skipIf(python === undefined)("boto3 (needs python3-boto3)", () => {
  let stack: Stack;
  let key: AccessKey;
  beforeAll(async () => {
    stack = await startStack();
    key = await accessKeyOf(stack);
  });
  afterAll(() => stack?.stop());

  test("makes keys, encrypts, signs and pages, and knows our refusals by their names", async () => {
    const url = `https://127.0.0.1:${stack.consolePort}`;
    const { code, text } = await command([python ?? "", "-c", PROGRAM, url], {
      PATH: process.env.PATH ?? "",
      HOME: stack.dataFolder,
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secret,
      AWS_CA_BUNDLE: authorityFile(stack),
      AWS_EC2_METADATA_DISABLED: "true",
    });
    expect(text).toContain("done");
    expect(code).toBe(0);
  });
});
