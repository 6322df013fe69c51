/** Temporary credentials: a principal takes on a role for a while. */
import Type from "typebox";
import {
  contract,
  idSchema,
  input,
  listInput,
  listOutput,
  operation,
  Time,
} from "../../kernel/operation.ts";
import { PolicyDocument, RoleId, Tags } from "../iam/contract.ts";

const SessionName = Type.String({ pattern: "^[A-Za-z0-9_=,.@-]{2,64}$" });

export const RoleSession = Type.Object({
  roleSessionId: idSchema("rs"),
  roleId: RoleId,
  name: Type.String(),
  accessKeyId: Type.String(),
  sourceAccountId: Type.String(),
  sourcePrincipalId: Type.String(),
  createTime: Time,
  lastUseTime: Type.Union([Time, Type.Null()]),
  expireTime: Time,
});

export const stsContract = contract({
  service: "sts",
  title: "Temporary credentials",
  summary: "Roles taken on for a while",
  resources: [
    {
      name: "roleSession",
      idField: "roleSessionId",
      idPrefix: "rs",
      titleField: "name",
      columns: [
        "name",
        "roleSessionId",
        "roleId",
        "sourcePrincipalId",
        "lastUseTime",
        "expireTime",
      ],
      list: "listRoleSessions",
      delete: "revokeRoleSession",
    },
  ],
  operations: {
    assumeRole: operation({
      name: "sts.assumeRole",
      summary: "Take on a role and receive keys that expire",
      method: "POST",
      path: "/roles/{roleId}:assume",
      action: "sts:AssumeRole",
      resource: "role/{roleId}",
      input: input({
        roleId: RoleId,
        /** Seen in the audit log as part of the caller's name. */
        sessionName: SessionName,
        externalId: Type.Optional(Type.String({ minLength: 2, maxLength: 256 })),
        /** A ceiling for this session only. */
        sessionPolicy: Type.Optional(PolicyDocument),
        tags: Type.Optional(Tags),
        durationSeconds: Type.Optional(Type.Integer({ minimum: 900, maximum: 43_200 })),
      }),
      output: Type.Object({
        roleSession: RoleSession,
        secret: Type.String(),
        /** Goes with each request that is signed with the secret. */
        sessionToken: Type.String(),
        /** The same session as a bearer key, for programs that do not sign. */
        bearerKey: Type.String(),
      }),
      secretInput: ["externalId"],
      secretOutput: ["secret", "sessionToken", "bearerKey"],
      problems: ["sts.assumeRefused", "sts.durationTooLong", "sts.sessionPolicyInvalid"],
      freshMfa: true,
    }),
    listRoleSessions: operation({
      name: "sts.listRoleSessions",
      summary: "List live sessions of this account's roles",
      method: "GET",
      path: "/roleSessions",
      action: "sts:ListRoleSessions",
      resource: "roleSession/*",
      input: listInput({}),
      output: listOutput("roleSessions", RoleSession),
    }),
    revokeRoleSession: operation({
      name: "sts.revokeRoleSession",
      summary: "End a role session; its keys stop working at once",
      method: "DELETE",
      path: "/roleSessions/{roleSessionId}",
      action: "sts:RevokeRoleSession",
      resource: "roleSession/{roleSessionId}",
      input: input({ roleSessionId: idSchema("rs") }),
      output: Type.Object({}),
      problems: ["sts.roleSessionNotFound"],
    }),
  },
  problems: {
    "sts.assumeRefused": {
      code: 403,
      message: "There is no such role, or it does not trust you under these conditions",
      fix: "The role's owner sees its trust document and can add you, or tell you the external id",
    },
    "sts.durationTooLong": {
      code: 400,
      message: "The role does not allow sessions as long as this",
      fix: "Ask for fewer seconds; a session that begins in a role lasts an hour at most",
    },
    "sts.sessionPolicyInvalid": {
      code: 400,
      message: "The session policy cannot be used",
      fix: "Mend the faults that the details name by path; Cedar text is not taken here",
    },
    "sts.roleSessionNotFound": {
      code: 404,
      message: "There is no such role session",
      fix: "It may have ended already; list the role sessions",
    },
  },
  events: ["sts.roleAssumed"],
});
