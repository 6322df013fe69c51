/** Accounts are the tenants: nothing of one is visible to another. */
import Type, { type Static } from "typebox";
import {
  contract,
  idSchema,
  input,
  listInput,
  listOutput,
  Name,
  operation,
  Time,
} from "../../kernel/operation.ts";

import { guardrailOperations } from "./guardrail-operations.ts";

export type { Guardrail } from "./guardrail-operations.ts";

export const AccountId = idSchema("acc");

export const Account = Type.Object({
  accountId: AccountId,
  name: Name,
  /** The operator's account may create other accounts and sees the machine's state. */
  operator: Type.Boolean(),
  createTime: Time,
});
export type Account = Static<typeof Account>;

/** Short name used at sign-in: lower-case letters, digits and dashes. */
export const AccountName = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: "^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$",
  description: "Lower-case letters, digits and dashes",
});

export const UserName = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: "^[A-Za-z0-9](?:[A-Za-z0-9._@+-]*[A-Za-z0-9])?$",
  description: "Letters, digits and . _ @ + -",
});

export const Password = Type.String({ minLength: 12, maxLength: 256, format: "password" });

export const accountContract = contract({
  service: "account",
  title: "Accounts",
  summary: "Tenants of this Cordon and its first set-up",
  resources: [
    {
      name: "account",
      idField: "accountId",
      idPrefix: "acc",
      titleField: "name",
      columns: ["name", "accountId", "operator", "createTime"],
      list: "listAccounts",
      get: "getAccount",
      create: "createAccount",
    },
    {
      name: "guardrail",
      idField: "guardrailId",
      idPrefix: "gr",
      titleField: "name",
      columns: ["name", "guardrailId", "accounts", "description", "updateTime"],
      list: "listGuardrails",
      create: "createGuardrail",
      delete: "deleteGuardrail",
    },
  ],
  operations: {
    ...guardrailOperations,
    getSetup: operation({
      name: "account.getSetup",
      summary: "Tell whether this Cordon still waits for its first administrator",
      method: "GET",
      path: "/setup",
      action: "account:GetSetup",
      resource: "setup",
      authentication: "none",
      input: input({}),
      output: Type.Object({ pending: Type.Boolean() }),
      limits: { perMinute: 600 },
    }),
    completeSetup: operation({
      name: "account.completeSetup",
      summary: "Create the first account and its administrator with the one-time set-up token",
      method: "POST",
      path: "/setup:complete",
      action: "account:CompleteSetup",
      resource: "setup",
      authentication: "none",
      input: input({
        token: Type.String({ minLength: 20, maxLength: 200 }),
        accountName: AccountName,
        userName: UserName,
        password: Password,
      }),
      secretInput: ["token", "password"],
      output: Type.Object({ accountId: AccountId, userId: idSchema("user") }),
      problems: ["account.setupTokenInvalid"],
      limits: { perMinute: 30 },
    }),
    listAccounts: operation({
      name: "account.listAccounts",
      summary: "List accounts",
      method: "GET",
      path: "/accounts",
      action: "account:ListAccounts",
      resource: "account/*",
      input: listInput({}),
      output: listOutput("accounts", Account),
      problems: ["account.operatorOnly"],
    }),
    getAccount: operation({
      name: "account.getAccount",
      summary: "Get one account",
      method: "GET",
      path: "/accounts/{accountId}",
      action: "account:GetAccount",
      resource: "account/{accountId}",
      input: input({ accountId: AccountId }),
      output: Account,
      problems: ["account.accountNotFound"],
    }),
    createAccount: operation({
      name: "account.createAccount",
      summary: "Create an account with its first administrator",
      method: "POST",
      path: "/accounts",
      action: "account:CreateAccount",
      resource: "account/*",
      input: input({ name: AccountName, userName: UserName, password: Password }),
      secretInput: ["password"],
      output: Type.Object({ accountId: AccountId, userId: idSchema("user") }),
      problems: ["account.operatorOnly", "account.accountNameTaken"],
    }),
  },
  problems: {
    "account.setupTokenInvalid": {
      code: 401,
      message: "The set-up link is not valid or was used already",
      fix: "Take the link that ./cordon up printed last; a new one comes with each start",
    },
    "account.operatorOnly": {
      code: 403,
      message: "Only the operator's account may do this",
      fix: "Sign in to the account that was made at set-up",
    },
    "account.accountNotFound": {
      code: 404,
      message: "There is no such account",
      fix: "List the accounts and take an id from there",
    },
    "account.guardrailNotFound": {
      code: 404,
      message: "There is no such guardrail",
      fix: "List the guardrails and take an id from there",
    },
    "account.guardrailInvalid": {
      code: 400,
      message: "The guardrail's document cannot be used",
      fix: "Mend the faults that the details name by path",
    },
    "account.guardrailNameTaken": {
      code: 409,
      message: "A guardrail with this name exists",
      fix: "Choose another name",
    },
    "account.guardrailLimit": {
      code: 409,
      message: "There are as many guardrails as there may be",
      fix: "Delete one, or put statements of two into one",
    },
    "account.accountNameTaken": {
      code: 409,
      message: "An account with this name exists",
      fix: "Choose another name",
    },
  },
  events: ["account.accountCreated"],
});
