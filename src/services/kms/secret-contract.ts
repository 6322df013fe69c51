/** Secrets: small texts that programs fetch, with versions and a rotation of their own. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Text,
  Time,
} from "../../kernel/operation.ts";
import { KeyTags } from "./resources.ts";

export const limits = { valueCharsMax: 65_536 } as const;

export const SecretId = idSchema("scr");
const SecretVersionNumber = Type.Integer({ minimum: 1, maximum: 1_000_000 });
const Value = Type.String({ minLength: 1, maxLength: limits.valueCharsMax });
const RotationDays = Type.Integer({ minimum: 1, maximum: 2_560 });

/** How a value is made at each rotation; without it a rotation only reminds. */
export const Generate = Type.Object(
  {
    characters: Type.Integer({ minimum: 16, maximum: 256 }),
    alphabet: Type.Enum(["alphanumeric", "hexadecimal", "printable"]),
  },
  { additionalProperties: false },
);
export type Generate = Static<typeof Generate>;

export const Secret = Type.Object({
  secretId: SecretId,
  name: Name,
  description: Text,
  state: Type.Enum(["enabled", "disabled", "pendingDeletion"]),
  currentVersion: SecretVersionNumber,
  tags: KeyTags,
  rotationPeriodDays: Type.Union([Type.Integer(), Type.Null()]),
  nextRotationTime: Type.Union([Time, Type.Null()]),
  generate: Type.Union([Generate, Type.Null()]),
  createTime: Time,
  updateTime: Time,
  deleteTime: Type.Union([Time, Type.Null()]),
});
export type Secret = Static<typeof Secret>;

export const SecretVersion = Type.Object({
  secretId: SecretId,
  version: SecretVersionNumber,
  current: Type.Boolean(),
  state: Type.Enum(["enabled", "disabled", "expired"]),
  createTime: Time,
  expireTime: Type.Union([Time, Type.Null()]),
  lastUseTime: Type.Union([Time, Type.Null()]),
});
export type SecretVersion = Static<typeof SecretVersion>;

const SECRET = "secret/{secretId}";
const byId = input({ secretId: SecretId });
const STATE = ["kms.secretNotFound", "kms.secretStateInvalid", "kms.keydUnavailable"];

export const secretOperations = {
  listSecrets: operation({
    name: "kms.listSecrets",
    summary: "List secrets, without their values",
    method: "GET",
    path: "/secrets",
    action: "kms:ListSecrets",
    resource: "secret/*",
    input: listInput({}),
    output: listOutput("secrets", Secret),
  }),
  getSecret: operation({
    name: "kms.getSecret",
    summary: "Get one secret, without its value",
    method: "GET",
    path: "/secrets/{secretId}",
    action: "kms:DescribeSecret",
    resource: SECRET,
    input: byId,
    output: Secret,
    problems: ["kms.secretNotFound"],
  }),
  createSecret: operation({
    name: "kms.createSecret",
    summary: "Keep a secret",
    method: "POST",
    path: "/secrets",
    action: "kms:CreateSecret",
    resource: "secret/*",
    input: input({
      name: Name,
      description: Type.Optional(Text),
      /** Made here when absent; then `generate` says how. */
      value: Type.Optional(Value),
      generate: Type.Optional(Generate),
      rotationPeriodDays: Type.Optional(RotationDays),
      tags: Type.Optional(KeyTags),
    }),
    output: Secret,
    problems: ["kms.secretNameTaken", "kms.secretValueMissing", "kms.limitReached", ...STATE],
    secretInput: ["value"],
  }),
  updateSecret: operation({
    name: "kms.updateSecret",
    summary: "Change what is kept of a secret beside its value",
    method: "PATCH",
    path: "/secrets/{secretId}",
    action: "kms:UpdateSecret",
    resource: SECRET,
    input: input({
      secretId: SecretId,
      description: Type.Optional(Text),
      enabled: Type.Optional(Type.Boolean()),
      generate: Type.Optional(Type.Union([Generate, Type.Null()])),
      rotationPeriodDays: Type.Optional(Type.Union([RotationDays, Type.Null()])),
      tags: Type.Optional(KeyTags),
    }),
    output: Secret,
    problems: STATE,
  }),
  getSecretValue: operation({
    name: "kms.getSecretValue",
    summary: "Fetch the value of a secret; each retrieval is in the audit log",
    method: "POST",
    path: "/secrets/{secretId}:getValue",
    action: "kms:GetSecretValue",
    resource: SECRET,
    input: input({ secretId: SecretId, version: Type.Optional(SecretVersionNumber) }),
    output: Type.Object({
      secretId: SecretId,
      version: SecretVersionNumber,
      value: Type.String(),
      createTime: Time,
    }),
    problems: [...STATE, "kms.secretVersionNotFound"],
    secretOutput: ["value"],
  }),
  putSecretValue: operation({
    name: "kms.putSecretValue",
    summary: "Give a secret a new value, which becomes its current version",
    method: "POST",
    path: "/secrets/{secretId}:putValue",
    action: "kms:PutSecretValue",
    resource: SECRET,
    input: input({
      secretId: SecretId,
      value: Value,
      /** When the version ends by itself. */
      expireTime: Type.Optional(Time),
    }),
    output: SecretVersion,
    problems: [...STATE, "kms.expireTimeInvalid"],
    secretInput: ["value"],
  }),
  rotateSecret: operation({
    name: "kms.rotateSecret",
    summary: "Let a secret have a newly made value now",
    method: "POST",
    path: "/secrets/{secretId}:rotate",
    action: "kms:RotateSecret",
    resource: SECRET,
    input: byId,
    output: SecretVersion,
    problems: [...STATE, "kms.secretValueMissing"],
  }),
  listSecretVersions: operation({
    name: "kms.listSecretVersions",
    summary: "List the versions of a secret",
    method: "GET",
    path: "/secrets/{secretId}/versions",
    action: "kms:DescribeSecret",
    resource: SECRET,
    input: listInput({ secretId: SecretId }),
    output: listOutput("secretVersions", SecretVersion),
    problems: ["kms.secretNotFound"],
  }),
  setSecretVersionState: operation({
    name: "kms.setSecretVersionState",
    summary: "Enable or disable a version of a secret",
    method: "POST",
    path: "/secrets/{secretId}/versions/{version}:setState",
    action: "kms:UpdateSecret",
    resource: SECRET,
    input: input({
      secretId: SecretId,
      version: SecretVersionNumber,
      state: Type.Enum(["enabled", "disabled"]),
    }),
    output: Empty,
    problems: [...STATE, "kms.secretVersionNotFound"],
  }),
  scheduleSecretDeletion: operation({
    name: "kms.scheduleSecretDeletion",
    summary: "Delete a secret and all its versions after a waiting time",
    method: "POST",
    path: "/secrets/{secretId}:scheduleDeletion",
    action: "kms:DeleteSecret",
    resource: SECRET,
    input: input({
      secretId: SecretId,
      pendingDays: Type.Optional(Type.Integer({ minimum: 7, maximum: 30 })),
    }),
    output: Secret,
    problems: STATE,
    dangerous: true,
  }),
  cancelSecretDeletion: operation({
    name: "kms.cancelSecretDeletion",
    summary: "Cancel the waiting deletion of a secret",
    method: "POST",
    path: "/secrets/{secretId}:cancelDeletion",
    action: "kms:DeleteSecret",
    resource: SECRET,
    input: byId,
    output: Secret,
    problems: STATE,
  }),
};
