/** Handlers of accounts and of the first set-up. */
import { type Context, timeText } from "../../kernel/context.ts";
import { newSecret } from "../../kernel/id.ts";
import { hashSecret } from "../../kernel/identity/authenticate.ts";
import { hashPassword } from "../../kernel/identity/password.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { type Database, type Sql, violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { accountContract } from "./contract.ts";
import { limits, requireOperator, setupPending } from "./domain.ts";
import { guardrailHandlers } from "./guardrails.ts";
import { accountStore } from "./store.ts";

/** Fills a new account with its policies and first administrator; the iam service's part. */
export type FirstAdministrator = (
  sql: Sql,
  request: {
    accountId: string;
    userName: string;
    passwordHash: string;
    time: string;
    newId: (prefix: string) => string;
  },
) => Promise<{ userId: string }>;

export type AccountParts = {
  readonly createFirstAdministrator: FirstAdministrator;
};

/** The account service. */
export function accountService(parts: AccountParts): Service {
  return service(accountContract, {
    ...guardrailHandlers(),
    getSetup: ({ sql }) =>
      accountStore(sql)
        .list()
        .then((accounts) => ({ pending: setupPending(accounts.length) })),
    async completeSetup(context, input) {
      const store = accountStore(context.sql);
      const taken = await store.takeSetupToken(hashSecret(input.token), timeText(context.nowMs));
      const accounts = await store.list();
      if (!taken || !setupPending(accounts.length)) throw new Problem("account.setupTokenInvalid");
      const request = { ...input, name: input.accountName, operator: true };
      return createAccount(parts, { context, sql: context.sql }, request);
    },
    async listAccounts(context, input) {
      requireOperator(context);
      const accounts = await context.asSystem((sql) => accountStore(sql).list());
      const page = pageInMemory(accounts, input, ["accountId", "name"]);
      return { accounts: page.items, totalCount: page.totalCount };
    },
    async getAccount(context, { accountId }) {
      // Another account answers like a missing one, unless the operator asks.
      if (!context.caller.operator && accountId !== context.accountId) {
        throw new Problem("account.accountNotFound");
      }
      const account = await context.asSystem((sql) => accountStore(sql).get(accountId));
      if (account === undefined) throw new Problem("account.accountNotFound");
      return account;
    },
    async createAccount(context, input) {
      requireOperator(context);
      const created = await context.asSystem((sql) =>
        createAccount(parts, { context, sql }, { ...input, operator: false }),
      );
      await context.emit({
        type: "account.accountCreated",
        message: `Account ${input.name} was created`,
      });
      return created;
    },
  });
}

async function createAccount(
  parts: AccountParts,
  { context, sql }: { context: Context; sql: Sql },
  request: { name: string; userName: string; password: string; operator: boolean },
) {
  const accountId = context.newId("acc");
  const time = timeText(context.nowMs);
  const { name, operator, userName } = request;
  await accountStore(sql)
    .insert(accountId, { accountId, name, operator, createTime: time })
    .catch((error) => {
      throw violates(error, "account_name_unique")
        ? new Problem("account.accountNameTaken")
        : error;
    });
  const passwordHash = await hashPassword(request.password);
  const { userId } = await parts.createFirstAdministrator(sql, {
    accountId,
    userName,
    passwordHash,
    time,
    newId: context.newId,
  });
  return { accountId, userId };
}

/**
 * Makes a new one-time set-up token while no account exists.
 *
 * @returns the token, or undefined when set-up is done.
 */
export async function renewSetupToken(database: Database, nowMs: number) {
  return database.transaction("system", async (sql) => {
    const store = accountStore(sql);
    if (!setupPending((await store.list()).length)) return undefined;
    const token = newSecret();
    await store.insertSetupToken(hashSecret(token), timeText(nowMs + limits.setupTokenTtlMs));
    return token;
  });
}
