/** Operations that bring key material in. */
import Type from "typebox";
import { input, operation, Time } from "../../kernel/operation.ts";
import { base64Bytes, Key, KeyId, KeyVersion, Version } from "./resources.ts";
import { limits } from "./use-contract.ts";

const KEY = "key/{keyId}";
const STATE = [
  "kms.keyNotFound",
  "kms.keyDisabled",
  "kms.keyStateInvalid",
  "kms.keyUsageInvalid",
  "kms.rolledBack",
  "kms.keydUnavailable",
];

export const WRAPPING_ALGORITHMS = [
  "RSAES_OAEP_SHA_256",
  "RSAES_OAEP_SHA_1",
  "RSA_AES_KEY_WRAP_SHA_256",
  "RSA_AES_KEY_WRAP_SHA_1",
] as const;

export const importOperations = {
  getImportParameters: operation({
    name: "kms.getImportParameters",
    summary: "Get a wrapping key and a token, good once and for a day, to bring material in",
    method: "POST",
    path: "/keys/{keyId}:importParameters",
    action: "kms:GetParametersForImport",
    resource: KEY,
    input: input({
      keyId: KeyId,
      wrappingAlgorithm: Type.Enum([...WRAPPING_ALGORITHMS]),
      wrappingKeySpec: Type.Enum(["RSA_2048", "RSA_3072", "RSA_4096"]),
    }),
    output: Type.Object({
      keyId: KeyId,
      importToken: Type.String(),
      publicKey: Type.String(),
      expireTime: Time,
    }),
    problems: STATE,
    secretOutput: ["importToken"],
    limits: { perMinute: 600 },
  }),
  importKeyMaterial: operation({
    name: "kms.importKeyMaterial",
    summary: "Bring in material that was wrapped for a key",
    method: "POST",
    path: "/keys/{keyId}:importMaterial",
    action: "kms:ImportKeyMaterial",
    resource: KEY,
    input: input({
      keyId: KeyId,
      importToken: base64Bytes({ max: limits.importTokenBytesMax }),
      encryptedMaterial: base64Bytes({ max: limits.materialBytesMax }),
      /** When it is to be gone again; never when absent. */
      expireTime: Type.Optional(Time),
      /** `new`: a version that the next rotation makes the current one. */
      importType: Type.Optional(Type.Enum(["existing", "new"])),
      materialDescription: Type.Optional(Type.String({ maxLength: 256, pattern: "^[^\\p{C}]*$" })),
    }),
    output: KeyVersion,
    problems: [
      ...STATE,
      "kms.materialInvalid",
      "kms.materialDifferent",
      "kms.importTokenInvalid",
      "kms.importTokenExpired",
      "kms.expireTimeInvalid",
      "kms.limitReached",
    ],
    secretInput: ["importToken", "encryptedMaterial"],
    limits: { perMinute: 600 },
  }),
  importPublicKey: operation({
    name: "kms.importPublicKey",
    summary: "Bring in another's public key, to verify and to encrypt for him",
    method: "POST",
    path: "/keys/{keyId}:importPublicKey",
    action: "kms:ImportKeyMaterial",
    resource: KEY,
    input: input({ keyId: KeyId, publicKey: base64Bytes({ max: limits.publicKeyBytesMax }) }),
    output: KeyVersion,
    problems: [...STATE, "kms.materialInvalid"],
  }),
  deleteKeyMaterial: operation({
    name: "kms.deleteKeyMaterial",
    summary: "Delete material that was brought in; the same can be brought in again",
    method: "POST",
    path: "/keys/{keyId}:deleteMaterial",
    action: "kms:DeleteImportedKeyMaterial",
    resource: KEY,
    input: input({ keyId: KeyId, version: Type.Optional(Version) }),
    output: Key,
    problems: [...STATE, "kms.keyVersionNotFound"],
    dangerous: true,
  }),
};
