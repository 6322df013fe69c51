/** Directories over SCIM 2.0 (RFC 7643, RFC 7644): their credentials, and what they call. */
import Type, { type Static } from "typebox";
import {
  Empty,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../../kernel/operation.ts";
import { OidcProviderId } from "../oidc/resources.ts";
import { SourceCidrs } from "../resources.ts";

const ScimCredentialId = idSchema("scim");

export const ScimCredential = Type.Object({
  scimCredentialId: ScimCredentialId,
  name: Name,
  sourceCidrs: SourceCidrs,
  /** The people that it makes sign in at this provider. */
  oidcProviderId: Type.Union([OidcProviderId, Type.Null()]),
  expireTime: Type.Union([Time, Type.Null()]),
  lastUseTime: Type.Union([Time, Type.Null()]),
  createTime: Time,
});
export type ScimCredential = Static<typeof ScimCredential>;

export const scimResources = [
  {
    name: "scimCredential",
    idField: "scimCredentialId",
    idPrefix: "scim",
    titleField: "name",
    columns: ["name", "scimCredentialId", "oidcProviderId", "lastUseTime", "expireTime"],
    list: "listScimCredentials",
    create: "createScimCredential",
    delete: "deleteScimCredential",
  },
];

export const scimCredentialOperations = {
  listScimCredentials: operation({
    name: "iam.listScimCredentials",
    summary: "List the credentials of directories",
    method: "GET",
    path: "/scimCredentials",
    action: "iam:ListScimCredentials",
    resource: "scimCredential/*",
    input: listInput({}),
    output: listOutput("scimCredentials", ScimCredential),
  }),
  createScimCredential: operation({
    name: "iam.createScimCredential",
    summary: "Let a directory keep users and groups over SCIM; its token is shown once",
    method: "POST",
    path: "/scimCredentials",
    action: "iam:CreateScimCredential",
    resource: "scimCredential/*",
    input: input({
      name: Name,
      oidcProviderId: Type.Optional(OidcProviderId),
      ttlSeconds: Type.Optional(Type.Integer({ minimum: 3_600, maximum: 63_244_800 })),
      sourceCidrs: Type.Optional(SourceCidrs),
    }),
    output: Type.Object({
      scimCredential: ScimCredential,
      secret: Type.String(),
      /** Below the console's address: what directories call the tenant URL. */
      basePath: Type.String(),
    }),
    secretOutput: ["secret"],
    problems: [
      "iam.oidcProviderNotFound",
      "iam.cidrInvalid",
      "iam.limitReached",
      "iam.underBoundary",
    ],
    freshMfa: true,
  }),
  deleteScimCredential: operation({
    name: "iam.deleteScimCredential",
    summary: "Delete a directory's credential; it stops working at once, its users stay",
    method: "DELETE",
    path: "/scimCredentials/{scimCredentialId}",
    action: "iam:DeleteScimCredential",
    resource: "scimCredential/{scimCredentialId}",
    input: input({ scimCredentialId: ScimCredentialId }),
    output: Empty,
    problems: ["iam.scimCredentialNotFound"],
  }),
};

/** Any id: one that cannot be is answered as one that is not. */
const Id = Type.String({ minLength: 1, maxLength: 64 });
const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }));
const shown = { attributes: text(1_024), excludedAttributes: text(1_024) };
const query = {
  ...shown,
  filter: text(1_024),
  sortBy: text(128),
  sortOrder: text(16),
  startIndex: Type.Optional(Type.Integer()),
  count: Type.Optional(Type.Integer()),
};
const names = Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 }));
/** RFC 7644 §3.4.3: the same search, in a body. */
const search = input({
  ...{ ...query, attributes: names, excludedAttributes: names },
  schemas: Type.Array(Type.String({ maxLength: 256 }), { minItems: 1, maxItems: 1 }),
});
/** RFC 7644 §3.7; how many there may be is said by `ServiceProviderConfig`. */
const BulkOperation = Type.Object({
  method: Type.Enum(["POST", "PUT", "PATCH", "DELETE"]),
  path: Type.String({ pattern: "^/(?:Users|Groups)(?:/[\\w:.-]{1,80})?$", maxLength: 128 }),
  bulkId: Type.Optional(Type.String({ minLength: 1, maxLength: 64, pattern: "^[\\w.-]+$" })),
  version: text(128),
  data: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
/** A resource or a message of SCIM; its schema is checked by the library that knows it. */
const body = { schemas: Type.Array(Type.String({ maxLength: 256 }), { maxItems: 10 }) };
const anyMore = { additionalProperties: true };
/** The form of answers is SCIM's, by its schema. */
const Answer = Type.Record(Type.String(), Type.Unknown());
const problems = [
  "iam.scimNotFound",
  "iam.scimInvalid",
  "iam.scimTaken",
  "iam.scimVersion",
  "iam.limitReached",
  "iam.lastAdministrator",
] as const;
const PER_MINUTE = 3_000;

type Part = "Users" | "Groups";
const declared = <Verb extends "Get" | "List" | "Create" | "Replace" | "Update" | "Delete">(
  verb: Verb,
  part: Part,
) => ({
  wire: "scim" as const,
  action: `iam:Scim${verb}${part}`,
  resource: `scim/${part}`,
  problems,
  limits: { perMinute: PER_MINUTE },
});

export const scimOperations = {
  scimListUsers: operation({
    ...declared("List", "Users"),
    name: "iam.scimListUsers",
    summary: "SCIM: search users",
    method: "GET",
    path: "/scim/v2/Users",
    input: input(query),
    output: Answer,
  }),
  scimGetUser: operation({
    ...declared("Get", "Users"),
    name: "iam.scimGetUser",
    summary: "SCIM: read a user",
    method: "GET",
    path: "/scim/v2/Users/{scimId}",
    input: input({ scimId: Id, ...shown }),
    output: Answer,
  }),
  scimCreateUser: operation({
    ...declared("Create", "Users"),
    name: "iam.scimCreateUser",
    summary: "SCIM: create a user",
    method: "POST",
    path: "/scim/v2/Users",
    input: Type.Object(body, anyMore),
    secretInput: ["password"],
    output: Answer,
  }),
  scimReplaceUser: operation({
    ...declared("Replace", "Users"),
    name: "iam.scimReplaceUser",
    summary: "SCIM: replace a user",
    method: "PUT",
    path: "/scim/v2/Users/{scimId}",
    input: Type.Object({ scimId: Id, ...body }, anyMore),
    secretInput: ["password"],
    output: Answer,
  }),
  scimUpdateUser: operation({
    ...declared("Update", "Users"),
    name: "iam.scimUpdateUser",
    summary: "SCIM: change a user by operations",
    method: "PATCH",
    path: "/scim/v2/Users/{scimId}",
    input: Type.Object({ scimId: Id, ...body }, anyMore),
    output: Answer,
  }),
  scimDeleteUser: operation({
    ...declared("Delete", "Users"),
    name: "iam.scimDeleteUser",
    summary: "SCIM: delete a user with its sessions and keys",
    method: "DELETE",
    path: "/scim/v2/Users/{scimId}",
    input: input({ scimId: Id }),
    output: Empty,
  }),
  scimListGroups: operation({
    ...declared("List", "Groups"),
    name: "iam.scimListGroups",
    summary: "SCIM: search groups",
    method: "GET",
    path: "/scim/v2/Groups",
    input: input(query),
    output: Answer,
  }),
  scimGetGroup: operation({
    ...declared("Get", "Groups"),
    name: "iam.scimGetGroup",
    summary: "SCIM: read a group",
    method: "GET",
    path: "/scim/v2/Groups/{scimId}",
    input: input({ scimId: Id, ...shown }),
    output: Answer,
  }),
  scimCreateGroup: operation({
    ...declared("Create", "Groups"),
    name: "iam.scimCreateGroup",
    summary: "SCIM: create a group",
    method: "POST",
    path: "/scim/v2/Groups",
    input: Type.Object(body, anyMore),
    output: Answer,
  }),
  scimReplaceGroup: operation({
    ...declared("Replace", "Groups"),
    name: "iam.scimReplaceGroup",
    summary: "SCIM: replace a group",
    method: "PUT",
    path: "/scim/v2/Groups/{scimId}",
    input: Type.Object({ scimId: Id, ...body }, anyMore),
    output: Answer,
  }),
  scimUpdateGroup: operation({
    ...declared("Update", "Groups"),
    name: "iam.scimUpdateGroup",
    summary: "SCIM: change a group by operations",
    method: "PATCH",
    path: "/scim/v2/Groups/{scimId}",
    input: Type.Object({ scimId: Id, ...body }, anyMore),
    output: Answer,
  }),
  scimDeleteGroup: operation({
    ...declared("Delete", "Groups"),
    name: "iam.scimDeleteGroup",
    summary: "SCIM: delete a group",
    method: "DELETE",
    path: "/scim/v2/Groups/{scimId}",
    input: input({ scimId: Id }),
    output: Empty,
  }),
  scimSearchUsers: operation({
    ...declared("List", "Users"),
    name: "iam.scimSearchUsers",
    summary: "SCIM: search users by a message",
    method: "POST",
    path: "/scim/v2/Users/.search",
    input: search,
    output: Answer,
  }),
  scimSearchGroups: operation({
    ...declared("List", "Groups"),
    name: "iam.scimSearchGroups",
    summary: "SCIM: search groups by a message",
    method: "POST",
    path: "/scim/v2/Groups/.search",
    input: search,
    output: Answer,
  }),
  scimBulk: operation({
    wire: "scimBulk",
    name: "iam.scimBulk",
    summary: "SCIM: several changes in one request, each of them a call of its own",
    method: "POST",
    path: "/scim/v2/Bulk",
    action: "iam:ScimBulk",
    resource: "scim/bulk",
    input: input({
      schemas: Type.Array(Type.String({ maxLength: 256 }), { minItems: 1, maxItems: 1 }),
      failOnErrors: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
      Operations: Type.Array(BulkOperation, { minItems: 1, maxItems: 10_000 }),
    }),
    secretInput: ["Operations"],
    output: Answer,
    problems: ["iam.scimInvalid", "iam.scimTooMany"],
  }),
  scimGetMe: operation({
    wire: "scim",
    name: "iam.scimGetMe",
    summary: "SCIM: the caller as a user, which this server does not tell",
    method: "GET",
    path: "/scim/v2/Me",
    action: "iam:ScimGetMe",
    resource: "scim/me",
    input: input({}),
    output: Answer,
    problems: ["iam.scimNoMe"],
  }),
  scimDescribe: operation({
    wire: "scim",
    name: "iam.scimDescribe",
    summary: "SCIM: tell what this server can, its resource types and schemas",
    method: "GET",
    path: "/scim/v2/{document}",
    action: "iam:ScimDescribe",
    resource: "scim/document",
    input: input({ document: Type.Enum(["ServiceProviderConfig", "ResourceTypes", "Schemas"]) }),
    output: Answer,
  }),
};
