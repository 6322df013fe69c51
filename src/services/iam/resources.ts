/** Shapes of what this service keeps: users, keys, policies and sessions. */
import Type, { type Static } from "typebox";
import { type Contract, idSchema, Name, Text, Time } from "../../kernel/operation.ts";
import { AccountId, AccountName, UserName } from "../account/contract.ts";

export const UserId = idSchema("user");
export const PolicyId = idSchema("pol");
export const BearerKeyId = idSchema("bk");

export const User = Type.Object({
  userId: UserId,
  name: UserName,
  enabled: Type.Boolean(),
  policyIds: Type.Array(PolicyId),
  lastSignInTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type User = Static<typeof User>;

export const BearerKey = Type.Object({
  bearerKeyId: BearerKeyId,
  userId: UserId,
  name: Name,
  expireTime: Type.Union([Time, Type.Null()]),
  lastUseTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type BearerKey = Static<typeof BearerKey>;

/** A policy document as it was written; checked and compiled by the policy engine. */
export const PolicyDocument = Type.Object(
  {
    version: Type.Enum(["1", "3"]),
    statement: Type.Array(Type.Record(Type.String({ maxLength: 64 }), Type.Unknown()), {
      minItems: 1,
      maxItems: 50,
    }),
  },
  { additionalProperties: false },
);
export type PolicyDocument = Static<typeof PolicyDocument>;

export const Policy = Type.Object({
  policyId: PolicyId,
  name: Name,
  description: Text,
  /** True for those that Cordon brings; they cannot be changed. */
  managed: Type.Boolean(),
  document: PolicyDocument,
  attachedUserCount: Type.Integer(),
  updateTime: Time,
  createTime: Time,
});
export type Policy = Static<typeof Policy>;

export const Session = Type.Object({
  sessionId: idSchema("ses"),
  userId: UserId,
  sourceIp: Type.String(),
  userAgent: Type.String(),
  createTime: Time,
  lastUseTime: Time,
  expireTime: Time,
  current: Type.Boolean(),
});
export type Session = Static<typeof Session>;

export const Caller = Type.Object({
  accountId: AccountId,
  accountName: AccountName,
  operator: Type.Boolean(),
  principalType: Type.Enum(["user", "service"]),
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
    columns: ["name", "userId", "enabled", "policyIds", "lastSignInTime", "createTime"],
    list: "listUsers",
    get: "getUser",
    create: "createUser",
    update: "updateUser",
    delete: "deleteUser",
  },
  {
    name: "policy",
    idField: "policyId",
    idPrefix: "pol",
    titleField: "name",
    columns: ["name", "policyId", "managed", "attachedUserCount", "updateTime"],
    list: "listPolicies",
    get: "getPolicy",
    create: "createPolicy",
    update: "updatePolicy",
    delete: "deletePolicy",
  },
  {
    name: "bearerKey",
    idField: "bearerKeyId",
    idPrefix: "bk",
    titleField: "name",
    columns: ["name", "bearerKeyId", "userId", "lastUseTime", "expireTime", "createTime"],
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
    columns: ["sessionId", "userId", "sourceIp", "userAgent", "lastUseTime", "expireTime"],
    list: "listSessions",
    delete: "revokeSession",
  },
] satisfies Contract["resources"];
