/** The operations that answer who may do what, and why. */
import Type from "typebox";
import { input, listInput, listOutput, operation, Time } from "../../kernel/operation.ts";
import { PolicyDocument, PolicyId, RoleId, UserId } from "./resources.ts";

const Action = Type.String({ maxLength: 128, pattern: "^[a-z]+:[A-Za-z]+$" });
const Days = Type.Integer({ minimum: 1, maximum: 90 });

const Principal = {
  principalType: Type.String(),
  principalId: Type.String(),
  principalName: Type.String(),
};

/**
 * The statements that decided, as they were then; null = that version is not kept. Of a key policy
 * or a grant only what is there now is kept.
 */
const Statements = Type.Array(
  Type.Object({
    policyId: Type.String(),
    policyName: Type.Union([Type.String(), Type.Null()]),
    version: Type.String(),
    statement: Type.Unknown(),
  }),
);

export const answerOperations = {
  listActions: operation({
    name: "iam.listActions",
    summary: "List every action a policy can name",
    method: "GET",
    path: "/actions",
    action: "iam:ListActions",
    resource: "action/*",
    input: listInput({}),
    output: listOutput(
      "actions",
      Type.Object({
        action: Type.String(),
        operation: Type.String(),
        resource: Type.String(),
        summary: Type.String(),
      }),
    ),
  }),
  simulatePolicy: operation({
    name: "iam.simulatePolicy",
    summary: "Tell what a user may do, and which statement decides",
    method: "POST",
    path: "/policies:simulate",
    action: "iam:SimulatePolicy",
    resource: "user/{userId}",
    input: input({
      userId: UserId,
      action: Action,
      resource: Type.String({ maxLength: 256 }),
      sourceIp: Type.Optional(Type.String({ maxLength: 45 })),
      /** What the call would be bound to; policies and grants of keys may ask for it. */
      encryptionContext: Type.Optional(
        Type.Record(Type.String({ maxLength: 8_192 }), Type.String({ maxLength: 8_192 })),
      ),
    }),
    output: Type.Object({
      decision: Type.Enum(["allow", "deny"]),
      decidedBy: Type.String(),
      determiningPolicyIds: Type.Array(Type.String()),
      statements: Statements,
      explanation: Type.String(),
    }),
    problems: ["iam.userNotFound"],
  }),
  explainDecision: operation({
    name: "iam.explainDecision",
    summary: "Tell why one audited request was allowed or denied, and what would change it",
    method: "GET",
    path: "/decisions/{requestId}",
    action: "iam:ExplainDecision",
    resource: "decision/{requestId}",
    input: input({ requestId: Type.String({ pattern: "^req-[0-9a-z]{10}$" }) }),
    output: Type.Object({
      requestId: Type.String(),
      time: Time,
      ...Principal,
      action: Type.String(),
      resource: Type.String(),
      decision: Type.String(),
      decidedBy: Type.String(),
      explanation: Type.String(),
      statements: Statements,
      /**
       * The same request with the rights of now, and with the tags that it brought and that the
       * resource had then. Null = the principal is gone, or it depends on what the record has not:
       * an encryption context (of which it has the hash), tags of the resource for which no policy
       * asked then, tags in an input that was too large to be kept.
       */
      decisionNow: Type.Union([Type.String(), Type.Null()]),
      /** Statements, one of which would be enough. */
      wouldAllow: Type.Array(Type.Unknown()),
    }),
    problems: ["iam.auditEntryNotFound"],
  }),
  replayRequests: operation({
    name: "iam.replayRequests",
    summary: "Tell which requests of the last days a draft of a policy would decide otherwise",
    method: "POST",
    path: "/policies/{policyId}:replay",
    action: "iam:SimulatePolicy",
    resource: "policy/{policyId}",
    input: input({ policyId: PolicyId, document: PolicyDocument, days: Type.Optional(Days) }),
    output: Type.Object({
      requestsSeen: Type.Integer(),
      /** True when there were more requests than are looked at. */
      truncated: Type.Boolean(),
      changes: Type.Array(
        Type.Object({
          ...Principal,
          action: Type.String(),
          resource: Type.String(),
          from: Type.Enum(["allow", "deny"]),
          to: Type.Enum(["allow", "deny"]),
          count: Type.Integer(),
        }),
      ),
    }),
    problems: ["iam.policyNotFound", "iam.policyInvalid"],
  }),
  listReachers: operation({
    name: "iam.listReachers",
    summary: "List every user and role that may do an action on a resource, from this address now",
    method: "GET",
    path: "/reachers",
    action: "iam:ListReachers",
    resource: "reacher/*",
    input: listInput({ action: Action, resource: Type.String({ maxLength: 256 }) }),
    output: listOutput(
      "reachers",
      Type.Object({ ...Principal, determiningPolicyIds: Type.Array(Type.String()) }),
    ),
  }),
  listUnusedRights: operation({
    name: "iam.listUnusedRights",
    summary: "List the actions a user or role may do and did not do in the last days",
    method: "GET",
    path: "/unusedRights",
    action: "iam:ListUnusedRights",
    resource: "unusedRight/*",
    input: listInput({
      userId: Type.Optional(UserId),
      roleId: Type.Optional(RoleId),
      days: Type.Optional(Days),
    }),
    output: listOutput(
      "unusedRights",
      Type.Object({ action: Type.String(), determiningPolicyIds: Type.Array(Type.String()) }),
    ),
    problems: ["iam.userNotFound", "iam.roleNotFound"],
  }),
};
