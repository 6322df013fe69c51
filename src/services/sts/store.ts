/** The table of role sessions. Written in the system's scope: a role may be of another account. */
import type { Sql } from "../../kernel/store/database.ts";

export type RoleSessionRow = {
  readonly roleSessionId: string;
  readonly roleId: string;
  readonly name: string;
  readonly accessKeyId: string;
  readonly sourceAccountId: string;
  readonly sourcePrincipalId: string;
  readonly createTime: string;
  readonly lastUseTime: string | null;
  readonly expireTime: string;
};

export function roleSessionStore(sql: Sql) {
  return {
    async insert(
      accountId: string,
      row: RoleSessionRow & {
        sealedSecret: Buffer;
        sessionTokenHash: Buffer;
        bearerHash: Buffer;
        sessionPolicy: unknown;
        tags: Readonly<Record<string, string>>;
        mfaTime: string | null;
      },
    ) {
      await sql`
        insert into role_session (account_id, role_session_id, role_id, name, access_key_id,
          sealed_secret, session_token_hash, bearer_hash, session_policy, tags,
          source_account_id, source_principal_id, mfa_time, create_time, expire_time)
        values (${accountId}, ${row.roleSessionId}, ${row.roleId}, ${row.name},
          ${row.accessKeyId}, ${row.sealedSecret}, ${row.sessionTokenHash}, ${row.bearerHash},
          ${row.sessionPolicy}, ${row.tags}, ${row.sourceAccountId}, ${row.sourcePrincipalId},
          ${row.mfaTime}, ${row.createTime}, ${row.expireTime})`;
      await sql`delete from role_session where expire_time < ${row.createTime}`;
    },

    list: (accountId: string, nowText: string) => sql<RoleSessionRow>`
      select s.role_session_id, s.role_id, s.name, s.access_key_id, s.source_account_id,
        s.source_principal_id, s.create_time, s.last_use_time, s.expire_time
      from role_session s join iam_role r using (role_id)
      where s.account_id = ${accountId} and s.expire_time > ${nowText}
        and (r.revoke_before_time is null or s.create_time > r.revoke_before_time)
      order by s.create_time desc`,

    delete: (accountId: string, roleSessionId: string) => sql<{ roleSessionId: string }>`
      delete from role_session
      where account_id = ${accountId} and role_session_id = ${roleSessionId}
      returning role_session_id`,
  };
}
