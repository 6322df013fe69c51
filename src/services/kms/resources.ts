/** What the service has: keys, their versions, aliases and grants. Schemas and their types. */
import Type, { type Static } from "typebox";
import type { KeySpec, KeyUsage } from "../../engines/keys/specs.ts";
import { idSchema, Time } from "../../kernel/operation.ts";

export const KEY_SPEC_NAMES = [
  "SYMMETRIC_DEFAULT",
  "SM4",
  "RSA_2048",
  "RSA_3072",
  "RSA_4096",
  "ECC_NIST_P256",
  "ECC_NIST_P384",
  "ECC_NIST_P521",
  "ECC_SECG_P256K1",
  "ECC_NIST_EDWARDS25519",
  "SM2",
  "HMAC_224",
  "HMAC_256",
  "HMAC_384",
  "HMAC_512",
  "HMAC_SM3",
  "ML_DSA_44",
  "ML_DSA_65",
  "ML_DSA_87",
  "ML_KEM_512",
  "ML_KEM_768",
  "ML_KEM_1024",
] as const satisfies readonly KeySpec[];

export const KEY_USAGE_NAMES = [
  "ENCRYPT_DECRYPT",
  "SIGN_VERIFY",
  "GENERATE_VERIFY_MAC",
  "KEY_AGREEMENT",
  "ENCAPSULATE_DECAPSULATE",
] as const satisfies readonly KeyUsage[];

/** `mrk-` for keys that have, or may have, replicas in other regions. */
export const KeyId = Type.String({
  pattern: "^(?:key|mrk)-[0-9a-z]{10}$",
  description: "Id of the form key-xxxxxxxxxx, or mrk-xxxxxxxxxx for a multi-region key",
});
export const KeySpecName = Type.Enum([...KEY_SPEC_NAMES]);
export const KeyUsageName = Type.Enum([...KEY_USAGE_NAMES]);
export const Region = Type.String({ pattern: "^[a-z][a-z0-9-]{0,31}$" });
export const Version = Type.Integer({ minimum: 1, maximum: 1_000_000 });
export const AlgorithmName = Type.String({ pattern: "^[A-Z0-9_]{1,40}$" });
/** At most 50 names and values. */
export const KeyTags = Type.Record(
  Type.String({ pattern: "^[^\\p{C}]{1,128}$" }),
  Type.String({ maxLength: 256, pattern: "^[^\\p{C}]*$" }),
  { maxProperties: 50 },
);
/** Names and values that decryption must repeat; up to 8 KiB together. */
export const Context = Type.Record(
  Type.String({ minLength: 1, maxLength: 8_192 }),
  Type.String({ maxLength: 8_192 }),
  { maxProperties: 1_024 },
);

export const KEY_STATES = [
  "enabled",
  "disabled",
  "pendingImport",
  "pendingDeletion",
  "pendingReplicaDeletion",
] as const;
export type KeyState = (typeof KEY_STATES)[number];

export const VERSION_STATES = [
  "enabled",
  "disabled",
  "pendingImport",
  "pendingDeletion",
  "destroyed",
] as const;
export type VersionState = (typeof VERSION_STATES)[number];

export const Key = Type.Object({
  keyId: KeyId,
  description: Type.String(),
  spec: KeySpecName,
  usage: KeyUsageName,
  /** Algorithms it works with; the first is the default. */
  algorithms: Type.Array(Type.String()),
  /** CORDON: made here. EXTERNAL: brought in. */
  origin: Type.Enum(["CORDON", "EXTERNAL"]),
  state: Type.Enum([...KEY_STATES]),
  /** The version that encrypts and signs. */
  currentVersion: Type.Union([Version, Type.Null()]),
  aliases: Type.Array(Type.String()),
  tags: KeyTags,
  region: Region,
  multiRegion: Type.Enum(["none", "primary", "replica"]),
  /** Of a multi-region key: what all its replicas share, and where they are. */
  sharedKeyId: KeyId,
  primaryRegion: Region,
  replicaRegions: Type.Array(Region),
  rotationPeriodDays: Type.Union([Type.Integer(), Type.Null()]),
  nextRotationTime: Type.Union([Time, Type.Null()]),
  materialExpireTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
  deleteTime: Type.Union([Time, Type.Null()]),
  lastUseTime: Type.Union([Time, Type.Null()]),
  lastUseOperation: Type.Union([Type.String(), Type.Null()]),
});
export type Key = Static<typeof Key>;

export const KeyVersion = Type.Object({
  keyId: KeyId,
  version: Version,
  state: Type.Enum([...VERSION_STATES]),
  current: Type.Boolean(),
  origin: Type.Enum(["CORDON", "EXTERNAL"]),
  /** Why it was made. */
  rotation: Type.Union([Type.Enum(["automatic", "onDemand"]), Type.Null()]),
  materialDescription: Type.String(),
  /** Mark of the material; equal for equal material of the account only. */
  materialId: Type.String(),
  expireTime: Type.Union([Time, Type.Null()]),
  deleteTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type KeyVersion = Static<typeof KeyVersion>;

export const AliasName = Type.String({
  pattern: "^(?!aws/)(?!cordon/)[A-Za-z0-9/_-]{1,250}$",
  description: "1 to 250 letters, digits, slashes, dashes or underscores",
});
export const Alias = Type.Object({
  aliasName: Type.String(),
  keyId: KeyId,
  createTime: Time,
  updateTime: Time,
});
export type Alias = Static<typeof Alias>;

export const GRANT_OPERATIONS = [
  "Encrypt",
  "Decrypt",
  "GenerateDataKey",
  "GenerateDataKeyWithoutPlaintext",
  "GenerateDataKeyPair",
  "GenerateDataKeyPairWithoutPlaintext",
  "ReEncryptFrom",
  "ReEncryptTo",
  "Sign",
  "Verify",
  "GenerateMac",
  "VerifyMac",
  "DeriveSharedSecret",
  "Encapsulate",
  "Decapsulate",
  "GetPublicKey",
  "DescribeKey",
  "CreateGrant",
  "RetireGrant",
] as const;

/** A user or role of the account. */
export const Principal = Type.String({ pattern: "^(?:user|role)-[0-9a-z]{10}$" });
/** What the encryption context must be for the grant to hold. */
export const GrantConstraints = Type.Object(
  {
    /** Exactly these names and values. */
    equals: Type.Optional(Context),
    /** At least these. */
    subset: Type.Optional(Context),
  },
  { additionalProperties: false },
);

export const Grant = Type.Object({
  grantId: idSchema("grt"),
  keyId: KeyId,
  name: Type.String(),
  grantee: Principal,
  retiring: Type.Union([Principal, Type.Null()]),
  operations: Type.Array(Type.Enum([...GRANT_OPERATIONS])),
  constraints: GrantConstraints,
  issuer: Type.String(),
  createTime: Time,
});
export type Grant = Static<typeof Grant>;

export const KeyDescription = Type.String({ maxLength: 8_192, pattern: "^[^\\p{C}]*$" });
/** Bytes as base64. The number of characters, not of bytes, is what the schema bounds. */
export function base64Bytes({ min = 1, max }: { min?: number; max: number }) {
  return Type.String({
    pattern: "^[A-Za-z0-9+/]*={0,2}$",
    minLength: Math.ceil(min / 3) * 4,
    maxLength: Math.ceil(max / 3) * 4,
    description: `Base64 of ${min} to ${max} bytes`,
  });
}
