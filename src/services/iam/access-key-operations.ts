/** Access keys: their shape and the operations on them, which the contract spreads into its own. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { SourceCidrs, UserId } from "./resources.ts";

export const AccessKeyId = idSchema("ak");

export const AccessKey = Type.Object({
  accessKeyId: AccessKeyId,
  userId: UserId,
  enabled: Type.Boolean(),
  sourceCidrs: SourceCidrs,
  expireTime: Type.Union([Time, Type.Null()]),
  lastUseTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type AccessKey = Static<typeof AccessKey>;

/** Keys that sign requests. The secret is answered once, by the creation. */
export const accessKeyOperations = {
  listAccessKeys: operation({
    name: "iam.listAccessKeys",
    summary: "List access keys",
    method: "GET",
    path: "/accessKeys",
    action: "iam:ListAccessKeys",
    resource: "accessKey/*",
    input: listInput({ userId: Type.Optional(UserId) }),
    output: listOutput("accessKeys", AccessKey),
  }),
  createAccessKey: operation({
    name: "iam.createAccessKey",
    summary: "Create an access key to sign requests with; its secret is shown once",
    method: "POST",
    path: "/accessKeys",
    action: "iam:CreateAccessKey",
    resource: "user/{userId}",
    input: input({
      userId: UserId,
      ttlSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 31_622_400 })),
      sourceCidrs: Type.Optional(SourceCidrs),
    }),
    output: Type.Object({ accessKey: AccessKey, secret: Type.String() }),
    secretOutput: ["secret"],
    problems: [
      "iam.userNotFound",
      "iam.accessKeyLimit",
      "iam.cidrInvalid",
      "iam.rootSealed",
      "iam.underBoundary",
    ],
    freshMfa: true,
  }),
  updateAccessKey: operation({
    name: "iam.updateAccessKey",
    summary: "Enable or disable an access key, or set the networks it works from",
    method: "PATCH",
    path: "/accessKeys/{accessKeyId}",
    action: "iam:UpdateAccessKey",
    resource: "accessKey/{accessKeyId}",
    input: input({
      accessKeyId: AccessKeyId,
      enabled: Type.Optional(Type.Boolean()),
      sourceCidrs: Type.Optional(SourceCidrs),
    }),
    output: AccessKey,
    problems: ["iam.accessKeyNotFound", "iam.cidrInvalid"],
  }),
  deleteAccessKey: operation({
    name: "iam.deleteAccessKey",
    summary: "Delete an access key; it stops working at once",
    method: "DELETE",
    path: "/accessKeys/{accessKeyId}",
    action: "iam:DeleteAccessKey",
    resource: "accessKey/{accessKeyId}",
    input: input({ accessKeyId: AccessKeyId }),
    output: Empty,
    problems: ["iam.accessKeyNotFound"],
  }),
};
