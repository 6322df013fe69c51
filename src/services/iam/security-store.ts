/** Tables of an account's rules for signing in. */
import type { Sql } from "../../kernel/store/database.ts";
import type { SecuritySettings } from "./contract.ts";
import { securityDefaults } from "./domain.ts";

export function securityStore(sql: Sql) {
  return {
    async settings(accountId: string): Promise<SecuritySettings> {
      const [row] = await sql<{ settings: Partial<SecuritySettings> }>`
        select settings from account_security where account_id = ${accountId}`;
      return { ...securityDefaults, ...row?.settings };
    },

    async setSettings(accountId: string, settings: SecuritySettings) {
      await sql`insert into account_security (account_id, settings)
        values (${accountId}, ${settings})
        on conflict (account_id) do update set settings = excluded.settings`;
    },

    /** Hashes of the current password and those before it, newest first. */
    async lastPasswords(accountId: string, userId: string, count: number): Promise<string[]> {
      if (count === 0) return [];
      const rows = await sql<{ passwordHash: string }>`
        (select password_hash, now() as create_time from iam_user
          where account_id = ${accountId} and user_id = ${userId})
        union all
        (select password_hash, create_time from password_history
          where account_id = ${accountId} and user_id = ${userId})
        order by create_time desc limit ${count}`;
      return rows.map((row) => row.passwordHash);
    },

    /** Keeps the password that is about to be replaced. */
    async rememberPassword(accountId: string, userId: string, time: string) {
      await sql`insert into password_history (account_id, user_id, password_hash, create_time)
        select account_id, user_id, password_hash, ${time} from iam_user
        where account_id = ${accountId} and user_id = ${userId}`;
      await sql`delete from password_history where account_id = ${accountId}
        and user_id = ${userId} and create_time < (
          select min(create_time) from (select create_time from password_history
            where account_id = ${accountId} and user_id = ${userId}
            order by create_time desc limit 24) kept)`;
    },
  };
}
