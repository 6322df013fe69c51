/** Tables of the user access audit. */
import type { Sql } from "../../kernel/store/database.ts";

export type UserAuditRow = {
  readonly siteId: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly jwtSecretSealed: Buffer | null;
  readonly updateTime: string;
};

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function userAuditStore(sql: Sql) {
  return {
    async get(accountId: string, siteId: string): Promise<UserAuditRow | undefined> {
      const [row] = await sql<UserAuditRow>`
        select site_id, settings, jwt_secret_sealed, update_time from appgateway_user_audit
        where account_id = ${accountId} and site_id = ${siteId}`;
      return row;
    },

    async put(accountId: string, row: UserAuditRow) {
      await sql`
        insert into appgateway_user_audit
          (account_id, site_id, settings, jwt_secret_sealed, update_time)
        values (${accountId}, ${row.siteId}, ${row.settings}, ${row.jwtSecretSealed},
          ${row.updateTime})
        on conflict (site_id) do update set settings = excluded.settings,
          jwt_secret_sealed = excluded.jwt_secret_sealed, update_time = excluded.update_time`;
    },

    async pseudonymKey(accountId: string): Promise<Buffer | undefined> {
      const [row] = await sql<{ keySealed: Buffer }>`
        select key_sealed from appgateway_pseudonym_key where account_id = ${accountId}`;
      return row?.keySealed;
    },

    async putPseudonymKey(accountId: string, keySealed: Buffer, time: string) {
      await sql`
        insert into appgateway_pseudonym_key (account_id, key_sealed, create_time)
        values (${accountId}, ${keySealed}, ${time})
        on conflict (account_id) do update set key_sealed = excluded.key_sealed,
          create_time = excluded.create_time`;
    },
  };
}

/** Every site's audit with its account's key, for the gateways; `sql` is in the system's scope. */
export const allUserAudits = (sql: Sql) => sql<
  UserAuditRow & { accountId: string; keySealed: Buffer | null }
>`
  select a.account_id, site_id, settings, jwt_secret_sealed, update_time, key_sealed
  from appgateway_user_audit a left join appgateway_pseudonym_key k using (account_id)
  order by site_id`;
