/** Guardrails: policies above accounts, which only the operator's account writes. */
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

const GuardrailId = idSchema("gr");
const Accounts = Type.Array(idSchema("acc"), { maxItems: 1_000, uniqueItems: true });
const Document = Type.Object(
  {
    version: Type.Enum(["1", "3"]),
    statement: Type.Array(Type.Record(Type.String({ maxLength: 64 }), Type.Unknown()), {
      minItems: 1,
      maxItems: 50,
    }),
  },
  { additionalProperties: false },
);

export const Guardrail = Type.Object({
  guardrailId: GuardrailId,
  name: Name,
  description: Text,
  /** What none of its statements allows, nobody in the account may do. */
  document: Document,
  /** Empty = every account but the operator's. */
  accounts: Type.Array(Type.String()),
  updateTime: Time,
  createTime: Time,
});
export type Guardrail = Static<typeof Guardrail>;

const dryRun = {
  /** Tells what it would refuse of the last days' allowed requests, and changes nothing. */
  dryRun: Type.Optional(Type.Boolean()),
};

/** What a dry run found. */
const Effect = Type.Object({
  guardrail: Type.Union([Guardrail, Type.Null()]),
  requestsSeen: Type.Integer(),
  wouldRefuse: Type.Array(
    Type.Object({
      accountId: Type.String(),
      principalName: Type.String(),
      action: Type.String(),
      count: Type.Integer(),
    }),
  ),
});

export const guardrailOperations = {
  listGuardrails: operation({
    name: "account.listGuardrails",
    summary: "List guardrails",
    method: "GET",
    path: "/guardrails",
    action: "account:ListGuardrails",
    resource: "guardrail/*",
    input: listInput({}),
    output: listOutput("guardrails", Guardrail),
    problems: ["account.operatorOnly"],
  }),
  createGuardrail: operation({
    name: "account.createGuardrail",
    summary: "Create a guardrail over accounts, or only tell what it would refuse",
    method: "POST",
    path: "/guardrails",
    action: "account:CreateGuardrail",
    resource: "guardrail/*",
    input: input({
      name: Name,
      description: Type.Optional(Text),
      document: Document,
      accounts: Type.Optional(Accounts),
      ...dryRun,
    }),
    output: Effect,
    problems: [
      "account.operatorOnly",
      "account.guardrailInvalid",
      "account.guardrailNameTaken",
      "account.accountNotFound",
      "account.guardrailLimit",
    ],
    freshMfa: true,
  }),
  deleteGuardrail: operation({
    name: "account.deleteGuardrail",
    summary: "Delete a guardrail",
    method: "DELETE",
    path: "/guardrails/{guardrailId}",
    action: "account:DeleteGuardrail",
    resource: "guardrail/{guardrailId}",
    input: input({ guardrailId: GuardrailId }),
    output: Empty,
    problems: ["account.operatorOnly", "account.guardrailNotFound"],
    dangerous: true,
  }),
};
