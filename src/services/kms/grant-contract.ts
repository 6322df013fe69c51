/** Operations on aliases, key policies and grants. */
import Type from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
} from "../../kernel/operation.ts";
import { PolicyDocument } from "../iam/contract.ts";
import {
  Alias,
  AliasName,
  GRANT_OPERATIONS,
  Grant,
  GrantConstraints,
  KeyId,
  Principal,
} from "./resources.ts";

const KEY = "key/{keyId}";
const STATE = ["kms.keyNotFound", "kms.keyStateInvalid", "kms.rolledBack", "kms.keydUnavailable"];
const GrantId = idSchema("grt");

export const aliasOperations = {
  listAliases: operation({
    name: "kms.listAliases",
    summary: "List aliases",
    method: "GET",
    path: "/aliases",
    action: "kms:ListAliases",
    resource: "alias/*",
    input: listInput({ keyId: Type.Optional(KeyId) }),
    output: listOutput("aliases", Alias),
  }),
  createAlias: operation({
    name: "kms.createAlias",
    summary: "Give a key an alias",
    method: "POST",
    path: "/aliases",
    action: "kms:CreateAlias",
    resource: "alias/{aliasName}",
    also: [{ action: "kms:CreateAlias", resource: KEY }],
    input: input({ aliasName: AliasName, keyId: KeyId }),
    output: Alias,
    problems: [...STATE, "kms.aliasExists", "kms.limitReached"],
  }),
  updateAlias: operation({
    name: "kms.updateAlias",
    summary: "Let an alias name another key",
    method: "PATCH",
    path: "/aliases/{aliasName}",
    action: "kms:UpdateAlias",
    resource: "alias/{aliasName}",
    also: [{ action: "kms:UpdateAlias", resource: KEY }],
    input: input({ aliasName: AliasName, keyId: KeyId }),
    output: Alias,
    problems: [...STATE, "kms.aliasNotFound", "kms.aliasUnfit", "kms.limitReached"],
  }),
  deleteAlias: operation({
    name: "kms.deleteAlias",
    summary: "Delete an alias; the key stays",
    method: "DELETE",
    path: "/aliases/{aliasName}",
    action: "kms:DeleteAlias",
    resource: "alias/{aliasName}",
    input: input({ aliasName: AliasName }),
    output: Empty,
    problems: ["kms.aliasNotFound", "kms.rolledBack", "kms.keydUnavailable"],
    dangerous: true,
  }),
};

const KeyPolicy = Type.Object({
  keyId: KeyId,
  document: PolicyDocument,
  /** The policy as another API's client wrote it. */
  sourceText: Type.Union([Type.String(), Type.Null()]),
});

export const policyOperations = {
  getKeyPolicy: operation({
    name: "kms.getKeyPolicy",
    summary: "Get the policy of a key",
    method: "GET",
    path: "/keys/{keyId}/policy",
    action: "kms:GetKeyPolicy",
    resource: KEY,
    input: input({ keyId: KeyId }),
    output: KeyPolicy,
    problems: ["kms.keyNotFound"],
  }),
  setKeyPolicy: operation({
    name: "kms.setKeyPolicy",
    summary: "Replace the policy of a key",
    method: "PUT",
    path: "/keys/{keyId}/policy",
    action: "kms:PutKeyPolicy",
    resource: KEY,
    input: input({
      keyId: KeyId,
      document: PolicyDocument,
      sourceText: Type.Optional(Type.String({ maxLength: 32_768 })),
      /** Says that you know you will no longer be able to change it. */
      confirmLockOut: Type.Optional(Type.Boolean()),
    }),
    output: KeyPolicy,
    problems: [...STATE, "kms.policyInvalid", "kms.policyLocksOut"],
    freshMfa: true,
  }),
};

export const grantOperations = {
  listGrants: operation({
    name: "kms.listGrants",
    summary: "List grants",
    method: "GET",
    path: "/grants",
    action: "kms:ListGrants",
    resource: KEY,
    input: listInput({ keyId: Type.Optional(KeyId) }),
    output: listOutput("grants", Grant),
    problems: ["kms.keyNotFound"],
  }),
  listRetirableGrants: operation({
    name: "kms.listRetirableGrants",
    summary: "List grants that a principal may retire",
    method: "GET",
    path: "/retirableGrants",
    action: "kms:ListRetirableGrants",
    resource: "grant/*",
    input: listInput({ retiring: Principal }),
    output: listOutput("grants", Grant),
  }),
  createGrant: operation({
    name: "kms.createGrant",
    summary: "Let a user or role do some operations with a key",
    method: "POST",
    path: "/keys/{keyId}/grants",
    action: "kms:CreateGrant",
    resource: KEY,
    input: input({
      keyId: KeyId,
      name: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9:/_-]{1,256}$" })),
      grantee: Principal,
      retiring: Type.Optional(Principal),
      operations: Type.Array(Type.Enum([...GRANT_OPERATIONS]), {
        minItems: 1,
        maxItems: GRANT_OPERATIONS.length,
        uniqueItems: true,
      }),
      constraints: Type.Optional(GrantConstraints),
      dryRun: Type.Optional(Type.Boolean()),
    }),
    output: Type.Object({ grant: Grant, grantToken: Type.String() }),
    problems: [...STATE, "kms.grantInvalid", "kms.limitReached", "kms.dryRun"],
    secretOutput: ["grantToken"],
    hashedInput: ["constraints"],
  }),
  revokeGrant: operation({
    name: "kms.revokeGrant",
    summary: "Revoke a grant of a key",
    method: "DELETE",
    path: "/keys/{keyId}/grants/{grantId}",
    action: "kms:RevokeGrant",
    resource: KEY,
    input: input({ keyId: KeyId, grantId: GrantId, dryRun: Type.Optional(Type.Boolean()) }),
    output: Empty,
    problems: ["kms.grantNotFound", "kms.dryRun", "kms.rolledBack", "kms.keydUnavailable"],
  }),
  retireGrant: operation({
    name: "kms.retireGrant",
    summary: "Give a grant back, as its grantee or whom it names for that",
    method: "POST",
    path: "/grants/{grantId}:retire",
    action: "kms:RetireGrant",
    resource: "grant/{grantId}",
    input: input({ grantId: GrantId, dryRun: Type.Optional(Type.Boolean()) }),
    output: Empty,
    problems: ["kms.grantNotFound", "kms.dryRun", "kms.rolledBack", "kms.keydUnavailable"],
  }),
};
