/** Tables of access keys. */
import type { Sql } from "../../kernel/store/database.ts";
import type { AccessKey } from "./contract.ts";

/** Queries of one account. The sealed secret is written here and read by `credentials.ts` alone. */
export function accessKeyStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<AccessKey>`
      select access_key_id, user_id, enabled, source_cidrs, create_time, last_use_time, expire_time
      from access_key where account_id = ${accountId} order by create_time desc`,

    async listOfUserForUpdate(accountId: string, userId: string) {
      await sql`select user_id from iam_user
        where account_id = ${accountId} and user_id = ${userId} for update`;
      return sql<{ accessKeyId: string }>`select access_key_id from access_key
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    async insert(accountId: string, key: AccessKey & { sealedSecret: Buffer }) {
      await sql`
        insert into access_key (account_id, access_key_id, user_id, sealed_secret, enabled,
          source_cidrs, create_time, expire_time)
        values (${accountId}, ${key.accessKeyId}, ${key.userId}, ${key.sealedSecret},
          ${key.enabled}, ${key.sourceCidrs}, ${key.createTime}, ${key.expireTime})`;
    },

    update: (
      accountId: string,
      accessKeyId: string,
      change: { enabled: boolean | undefined; sourceCidrs: readonly string[] | undefined },
    ) => sql<AccessKey>`
      update access_key set enabled = coalesce(${change.enabled ?? null}, enabled),
        source_cidrs = coalesce(${change.sourceCidrs ?? null}::text[], source_cidrs)
      where account_id = ${accountId} and access_key_id = ${accessKeyId}
      returning access_key_id, user_id, enabled, source_cidrs, create_time, last_use_time,
        expire_time`,

    delete: (accountId: string, accessKeyId: string) => sql<{ accessKeyId: string }>`
      delete from access_key where account_id = ${accountId} and access_key_id = ${accessKeyId}
      returning access_key_id`,
  };
}
