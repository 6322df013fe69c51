/** Tables of accounts and set-up tokens. Runs in the system's scope: accounts are above rows. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Account } from "./contract.ts";

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
