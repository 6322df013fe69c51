/** Shapes of what this service keeps: users, keys, policies and sessions. */
import Type, { type Static } from "typebox";
import { type Contract, idSchema, Name, Text, Time } from "../../kernel/operation.ts";
import { AccountId, AccountName, UserName } from "../account/contract.ts";

export const UserId = idSchema("user");
export const PolicyId = idSchema("pol");
export const BearerKeyId = idSchema("bk");

export const GroupId = idSchema("grp");
export const RoleId = idSchema("role");
export const PolicyIds = Type.Array(PolicyId, { maxItems: 10, uniqueItems: true });
export const BoundaryPolicyId = Type.Union([PolicyId, Type.Null()]);

/** Tags: short names and values, for conditions of policies. */
export const Tags = Type.Record(
  Type.String({ pattern: "^[A-Za-z0-9._:@-]{1,64}$" }),
  Type.String({ maxLength: 256 }),
  { maxProperties: 50 },
);

/** Networks that a credential may be used from, as CIDR; empty = from anywhere. */
export const SourceCidrs = Type.Array(
  Type.String({ maxLength: 43, pattern: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$" }),
  { maxItems: 20, uniqueItems: true },
);

export const User = Type.Object({
  userId: UserId,
  name: UserName,
  description: Text,
  /** A service is a program: it has keys, and no password, factors or console session. */
  kind: Type.Enum(["person", "service"]),
  enabled: Type.Boolean(),
  policyIds: Type.Array(PolicyId),
  groupIds: Type.Array(GroupId),
  /** A ceiling: what it does not allow the user may not do, whatever else allows it. */
  boundaryPolicyId: BoundaryPolicyId,
  tags: Tags,
  /** True when the user has a passkey or an authenticator app. */
  mfaEnrolled: Type.Boolean(),
  /** The provider that he signs in by; null = with a password. */
  oidcProviderId: Type.Union([idSchema("oidc"), Type.Null()]),
  /** Kept by a directory over SCIM. */
  directory: Type.Boolean(),
  /** The account's first administrator. */
  root: Type.Boolean(),
  /** A sealed root user cannot be used until it is opened. */
  sealed: Type.Boolean(),
  lastSignInTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type User = Static<typeof User>;

export const Group = Type.Object({
  groupId: GroupId,
  name: Name,
  description: Text,
  policyIds: Type.Array(PolicyId),
  userIds: Type.Array(UserId),
  createTime: Time,
});
export type Group = Static<typeof Group>;

export const BearerKey = Type.Object({
  bearerKeyId: BearerKeyId,
  userId: UserId,
  name: Name,
  sourceCidrs: SourceCidrs,
  expireTime: Type.Union([Time, Type.Null()]),
  lastUseTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type BearerKey = Static<typeof BearerKey>;

/** A policy document as it was written; checked and compiled by the policy engine. */
export const PolicyDocument = Type.Object(
  {
    /** "1" or "3" with statements; "cedar" with text. */
    version: Type.Enum(["1", "3", "cedar"]),
    statement: Type.Optional(
      Type.Array(Type.Record(Type.String({ maxLength: 64 }), Type.Unknown()), {
        minItems: 1,
        maxItems: 50,
      }),
    ),
    text: Type.Optional(Type.String({ minLength: 1, maxLength: 20_000 })),
  },
  { additionalProperties: false },
);
export type PolicyDocument = Static<typeof PolicyDocument>;

export const Role = Type.Object({
  roleId: RoleId,
  name: Name,
  description: Text,
  /** Who may assume it: statements with a principal and conditions. */
  trust: PolicyDocument,
  policyIds: Type.Array(PolicyId),
  boundaryPolicyId: BoundaryPolicyId,
  sessionSecondsMax: Type.Integer(),
  revokeBeforeTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type Role = Static<typeof Role>;

export const Policy = Type.Object({
  policyId: PolicyId,
  name: Name,
  description: Text,
  /** True for those that Cordon brings; they cannot be changed. */
  managed: Type.Boolean(),
  document: PolicyDocument,
  /** Grows with each change of the document. */
  version: Type.Integer(),
  /** Users, groups and roles that have it, and those it is a boundary of. */
  attachedCount: Type.Integer(),
  updateTime: Time,
  createTime: Time,
});
export type Policy = Static<typeof Policy>;

export const PolicyVersion = Type.Object({
  policyId: PolicyId,
  version: Type.Integer(),
  document: PolicyDocument,
  current: Type.Boolean(),
  createdBy: Type.String(),
  createTime: Time,
});
export type PolicyVersion = Static<typeof PolicyVersion>;

export const ResourcePolicy = Type.Object({
  resource: Type.String(),
  document: PolicyDocument,
  updateTime: Time,
});
export type ResourcePolicy = Static<typeof ResourcePolicy>;

export const Session = Type.Object({
  sessionId: idSchema("ses"),
  userId: UserId,
  sourceIp: Type.String(),
  userAgent: Type.String(),
  /** How it was begun: password, passkey, totp, backupCode or oidc. */
  method: Type.String(),
  mfaTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
  lastUseTime: Time,
  expireTime: Time,
  current: Type.Boolean(),
});
export type Session = Static<typeof Session>;

/** An account's rules for signing in. */
export const SecuritySettings = Type.Object(
  {
    passwordLengthMin: Type.Integer({ minimum: 12, maximum: 128 }),
    /** How many of lower case, upper case, digits and others a password must have. */
    passwordClassesMin: Type.Integer({ minimum: 1, maximum: 4 }),
    /** How many former passwords cannot be used again. */
    passwordHistory: Type.Integer({ minimum: 0, maximum: 24 }),
    /** Everybody who signs in to the console must have a second factor. */
    requireMfa: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type SecuritySettings = Static<typeof SecuritySettings>;

export const Caller = Type.Object({
  accountId: AccountId,
  accountName: AccountName,
  operator: Type.Boolean(),
  principalType: Type.Enum(["user", "role", "service"]),
  principalId: Type.String(),
  principalName: Type.String(),
});
export type Caller = Static<typeof Caller>;

/** What the console and the command line show of each resource. */
export const iamResources = [
  {
    name: "user",
    idField: "userId",
    idPrefix: "user",
    titleField: "name",
    columns: [
      "name",
      "userId",
      "kind",
      "enabled",
      "policyIds",
      "groupIds",
      "mfaEnrolled",
      "lastSignInTime",
    ],
    list: "listUsers",
    get: "getUser",
    create: "createUser",
    update: "updateUser",
    delete: "deleteUser",
  },
  {
    name: "group",
    idField: "groupId",
    idPrefix: "grp",
    titleField: "name",
    columns: ["name", "groupId", "userIds", "policyIds", "description", "createTime"],
    list: "listGroups",
    get: "getGroup",
    create: "createGroup",
    update: "updateGroup",
    delete: "deleteGroup",
  },
  {
    name: "role",
    idField: "roleId",
    idPrefix: "role",
    titleField: "name",
    columns: ["name", "roleId", "policyIds", "sessionSecondsMax", "description", "createTime"],
    list: "listRoles",
    get: "getRole",
    create: "createRole",
    update: "updateRole",
    delete: "deleteRole",
  },
  {
    name: "policy",
    idField: "policyId",
    idPrefix: "pol",
    titleField: "name",
    columns: ["name", "policyId", "managed", "version", "attachedCount", "updateTime"],
    list: "listPolicies",
    get: "getPolicy",
    create: "createPolicy",
    update: "updatePolicy",
    delete: "deletePolicy",
  },
  {
    name: "resourcePolicy",
    idField: "resource",
    idPrefix: "",
    titleField: "resource",
    columns: ["resource", "document", "updateTime"],
    list: "listResourcePolicies",
    create: "setResourcePolicy",
    delete: "deleteResourcePolicy",
  },
  {
    name: "bearerKey",
    idField: "bearerKeyId",
    idPrefix: "bk",
    titleField: "name",
    columns: [
      "name",
      "bearerKeyId",
      "userId",
      "sourceCidrs",
      "lastUseTime",
      "expireTime",
      "createTime",
    ],
    list: "listBearerKeys",
    create: "createBearerKey",
    delete: "deleteBearerKey",
  },
  {
    name: "accessKey",
    idField: "accessKeyId",
    idPrefix: "ak",
    titleField: "accessKeyId",
    columns: ["accessKeyId", "userId", "enabled", "sourceCidrs", "lastUseTime", "expireTime"],
    list: "listAccessKeys",
    create: "createAccessKey",
    update: "updateAccessKey",
    delete: "deleteAccessKey",
  },
  {
    name: "session",
    idField: "sessionId",
    idPrefix: "ses",
    titleField: "sessionId",
    columns: [
      "sessionId",
      "userId",
      "method",
      "sourceIp",
      "userAgent",
      "lastUseTime",
      "expireTime",
    ],
    list: "listSessions",
    delete: "revokeSession",
  },
] satisfies Contract["resources"];
