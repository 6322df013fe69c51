/** Users and groups as a directory keeps them, and its credentials. */
import type { Sql } from "../../../kernel/store/database.ts";
import type { ScimCredential } from "./operations.ts";

export type DirectoryUser = {
  readonly userId: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly externalId: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly createTime: string;
  readonly updateTime: string;
  readonly groups: readonly { readonly value: string; readonly display: string }[];
};

export type DirectoryGroup = {
  readonly groupId: string;
  readonly name: string;
  readonly externalId: string | null;
  readonly createTime: string;
  readonly updateTime: string;
  readonly members: readonly { readonly value: string; readonly display: string }[];
};

type UserValues = {
  readonly name: string;
  readonly enabled: boolean;
  readonly externalId: string | null;
  readonly attributes: Readonly<Record<string, unknown>>;
};

/** Only what directories made is seen and changed here; users of this console alone are not. */
export function directoryStore(sql: Sql) {
  return {
    users: (accountId: string, userId?: string) => sql<DirectoryUser>`
      select u.user_id, u.name, u.enabled, u.external_id, u.directory_attributes as attributes,
        u.create_time, coalesce(u.update_time, u.create_time) as update_time,
        (select coalesce(json_agg(json_build_object('value', g.group_id, 'display', g.name)
            order by g.name), '[]')
          from group_member m join iam_group g using (group_id)
          where m.user_id = u.user_id and g.directory) as groups
      from iam_user u where u.account_id = ${accountId} and u.directory
        and (${userId ?? null}::text is null or u.user_id = ${userId ?? null})
      order by u.create_time, u.user_id`,

    async setUser(accountId: string, userId: string, row: UserValues & { time: string }) {
      await sql`update iam_user set name = ${row.name}, enabled = ${row.enabled},
          external_id = ${row.externalId}, directory_attributes = ${row.attributes},
          update_time = ${row.time}
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    groups: (accountId: string, groupId?: string) => sql<DirectoryGroup>`
      select g.group_id, g.name, g.external_id, g.create_time,
        coalesce(g.update_time, g.create_time) as update_time,
        (select coalesce(json_agg(json_build_object('value', u.user_id, 'display', u.name)
            order by u.name), '[]')
          from group_member m join iam_user u using (user_id)
          where m.group_id = g.group_id and u.directory) as members
      from iam_group g where g.account_id = ${accountId} and g.directory
        and (${groupId ?? null}::text is null or g.group_id = ${groupId ?? null})
      order by g.create_time, g.group_id`,

    async setGroup(
      accountId: string,
      groupId: string,
      row: { name: string; externalId: string | null; time: string },
    ) {
      await sql`update iam_group set name = ${row.name}, external_id = ${row.externalId},
          directory = true, update_time = ${row.time}
        where account_id = ${accountId} and group_id = ${groupId}`;
    },

    async lockGroup(accountId: string, groupId: string) {
      await sql`select group_id from iam_group
        where account_id = ${accountId} and group_id = ${groupId} for update`;
    },

    /** Who is in a group, and every user that a directory made with the number of his groups. */
    async membership(accountId: string, groupId: string) {
      const rows = await sql<{ userId: string; directory: boolean; isIn: boolean; count: number }>`
        select u.user_id, u.directory, coalesce(bool_or(m.group_id = ${groupId}), false) as is_in,
          count(m.group_id)::integer as count
        from iam_user u left join group_member m using (user_id)
        where u.account_id = ${accountId} group by u.user_id, u.directory`;
      return {
        present: new Set(rows.filter(({ isIn }) => isIn).map(({ userId }) => userId)),
        known: new Map(
          rows.filter(({ directory }) => directory).map((row) => [row.userId, row.count]),
        ),
      };
    },

    /** Role sessions that a user began: they end with what he may. */
    async endRoleSessionsOf(accountId: string, userId: string) {
      await sql`delete from role_session
        where source_account_id = ${accountId} and source_principal_id = ${userId}`;
    },
  };
}

export function scimCredentialStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<ScimCredential>`
      select scim_credential_id, name, source_cidrs, oidc_provider_id, create_time, last_use_time,
        expire_time
      from scim_credential where account_id = ${accountId} order by create_time desc`,

    async insert(accountId: string, row: ScimCredential & { secretHash: Buffer }) {
      await sql`insert into scim_credential (account_id, scim_credential_id, name, secret_hash,
          source_cidrs, oidc_provider_id, create_time, expire_time)
        values (${accountId}, ${row.scimCredentialId}, ${row.name}, ${row.secretHash},
          ${row.sourceCidrs}, ${row.oidcProviderId}, ${row.createTime}, ${row.expireTime})`;
    },

    delete: (accountId: string, scimCredentialId: string) => sql<{ scimCredentialId: string }>`
      delete from scim_credential
      where account_id = ${accountId} and scim_credential_id = ${scimCredentialId}
      returning scim_credential_id`,
  };
}
