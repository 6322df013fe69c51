/** Tables of accounts and set-up tokens. Runs in the system's scope: accounts are above rows. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Account, Guardrail } from "./contract.ts";
import type { AllowedRequest } from "./domain.ts";

/** Queries; `accountId` comes first where there is one. */
export function accountStore(sql: Sql) {
  return {
    list: () => sql<Account>`
      select account_id, name, operator, create_time from account order by create_time`,

    async get(accountId: string): Promise<Account | undefined> {
      const [row] = await sql<Account>`
        select account_id, name, operator, create_time from account
        where account_id = ${accountId}`;
      return row;
    },

    async insert(accountId: string, account: Account) {
      await sql`insert into account (account_id, name, operator, create_time)
        values (${accountId}, ${account.name}, ${account.operator}, ${account.createTime})`;
    },

    async insertSetupToken(tokenHash: Buffer, expireTime: string) {
      await sql`delete from setup_token`;
      await sql`insert into setup_token (token_hash, expire_time)
        values (${tokenHash}, ${expireTime})`;
    },

    /** Takes the token away, so that it works once. */
    async takeSetupToken(tokenHash: Buffer, nowText: string): Promise<boolean> {
      const rows = await sql`delete from setup_token
        where token_hash = ${tokenHash} and expire_time > ${nowText} returning expire_time`;
      return rows.length > 0;
    },
  };
}

/** Guardrails belong to no account; `sql` runs in the system's scope. */
export function guardrailStore(sql: Sql) {
  return {
    list: () => sql<Guardrail>`
      select guardrail_id, name, description, document, accounts, create_time, update_time
      from guardrail order by name`,

    async insert(guardrail: Guardrail) {
      await sql`insert into guardrail (guardrail_id, name, description, document, accounts,
          create_time, update_time)
        values (${guardrail.guardrailId}, ${guardrail.name}, ${guardrail.description},
          ${guardrail.document}, ${guardrail.accounts}, ${guardrail.createTime},
          ${guardrail.updateTime})`;
    },

    delete: (guardrailId: string) => sql<{ guardrailId: string }>`
      delete from guardrail where guardrail_id = ${guardrailId} returning guardrail_id`,

    /** The newest allowed requests of these accounts since a time. */
    allowedRequests: (accountIds: readonly string[], since: string, max: number) =>
      sql<AllowedRequest>`
        select account_id, entry->>'principalType' as principal_type, principal_id,
          principal_name, entry->>'action' as action, resource, source_ip, time,
          (entry->>'mfaAgeSeconds')::integer as mfa_age_seconds
        from audit_entry
        where account_id = any(${accountIds}::text[]) and time >= ${since}
          and decision = 'allow'
        order by time desc limit ${max}`,
  };
}
