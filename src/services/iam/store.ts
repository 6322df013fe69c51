/** Tables of users, policies, sessions and bearer keys. */
import type { Sql } from "../../kernel/store/database.ts";
import type { BearerKey, Session, User } from "./contract.ts";

/** What is written of a new user; the rest is told by other tables. */
export type NewUserRow = Omit<User, "mfaEnrolled" | "lastSignInTime" | "sealed"> & {
  readonly passwordHash: string;
};

export type UserChange = {
  readonly enabled?: boolean | undefined;
  readonly description?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly passwordHash?: string | undefined;
  readonly passwordChangeTime?: string | undefined;
};

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function iamStore(sql: Sql) {
  return {
    /** All users, or the one of this id. */
    listUsers: (accountId: string, userId?: string) => sql<User>`
      select u.user_id, u.name, u.description, u.enabled, u.tags, u.boundary_policy_id,
        u.last_sign_in_time, u.create_time, u.kind, u.oidc_provider_id, u.directory, u.root,
        u.sealed,
        array(select p.policy_id from user_policy p where p.user_id = u.user_id order by 1)
          as policy_ids,
        array(select m.group_id from group_member m where m.user_id = u.user_id order by 1)
          as group_ids,
        (exists (select from totp t where t.user_id = u.user_id and t.confirm_time is not null)
          or exists (select from passkey k where k.user_id = u.user_id)) as mfa_enrolled
      from iam_user u where u.account_id = ${accountId}
        and (${userId ?? null}::text is null or u.user_id = ${userId ?? null})
      order by u.name`,

    async countUsers(accountId: string): Promise<number> {
      const [row] = await sql<{ count: number }>`
        select count(*)::integer as count from iam_user where account_id = ${accountId}`;
      return row?.count ?? 0;
    },

    /** True when a user has this name, in small letters or large ones. */
    async hasUserNamed(accountId: string, name: string): Promise<boolean> {
      const rows = await sql`select from iam_user
        where account_id = ${accountId} and lower(name) = lower(${name})`;
      return rows.length > 0;
    },

    async insertUser(accountId: string, user: NewUserRow) {
      await sql`
        insert into iam_user (account_id, user_id, name, description, password_hash, enabled, tags,
          boundary_policy_id, kind, oidc_provider_id, directory, root, create_time,
          password_change_time)
        values (${accountId}, ${user.userId}, ${user.name}, ${user.description},
          ${user.passwordHash}, ${user.enabled}, ${user.tags}, ${user.boundaryPolicyId},
          ${user.kind}, ${user.oidcProviderId}, ${user.directory}, ${user.root},
          ${user.createTime}, ${user.createTime})`;
    },

    async setPolicies(accountId: string, userId: string, policyIds: readonly string[]) {
      await sql`delete from user_policy where account_id = ${accountId} and user_id = ${userId}`;
      await sql`
        insert into user_policy (account_id, user_id, policy_id)
        select ${accountId}, ${userId}, unnest(${policyIds}::text[])`;
    },

    async updateUser(accountId: string, userId: string, change: UserChange) {
      await sql`
        update iam_user set enabled = coalesce(${change.enabled ?? null}, enabled),
          description = coalesce(${change.description ?? null}, description),
          tags = coalesce(${change.tags ?? null}, tags),
          password_hash = coalesce(${change.passwordHash ?? null}, password_hash),
          password_change_time = coalesce(${change.passwordChangeTime ?? null}::timestamptz,
            password_change_time)
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    async setBoundary(accountId: string, userId: string, policyId: string | null) {
      await sql`update iam_user set boundary_policy_id = ${policyId}
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    async deleteUser(accountId: string, userId: string) {
      await sql`delete from iam_user where account_id = ${accountId} and user_id = ${userId}`;
    },

    async endSessionsOf(accountId: string, userId: string) {
      await sql`delete from session where account_id = ${accountId} and user_id = ${userId}`;
    },

    async seal(accountId: string, userId: string) {
      await sql`update iam_user set sealed = true, unsealed_until = null
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    async openUntil(accountId: string, userId: string, until: string) {
      await sql`update iam_user set unsealed_until = ${until}
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    /** Keys of both kinds, and the role sessions that were begun with them. */
    async deleteKeysOf(accountId: string, userId: string) {
      await sql`delete from bearer_key where account_id = ${accountId} and user_id = ${userId}`;
      await sql`delete from access_key where account_id = ${accountId} and user_id = ${userId}`;
    },

    async endOtherSessions(accountId: string, userId: string, sessionId: string | undefined) {
      await sql`delete from session where account_id = ${accountId} and user_id = ${userId}
        and session_id is distinct from ${sessionId ?? null}`;
    },

    /** Holds other changes of the same user back until this transaction ends. */
    async lockUser(accountId: string, userId: string) {
      await sql`select user_id from iam_user
        where account_id = ${accountId} and user_id = ${userId} for update`;
    },

    listBearerKeys: (accountId: string) => sql<BearerKey>`
      select bearer_key_id, user_id, name, source_cidrs, create_time, last_use_time, expire_time
      from bearer_key where account_id = ${accountId} order by create_time desc`,

    async insertBearerKey(accountId: string, key: BearerKey & { secretHash: Buffer }) {
      await sql`
        insert into bearer_key (account_id, bearer_key_id, user_id, name, secret_hash,
          source_cidrs, create_time, expire_time)
        values (${accountId}, ${key.bearerKeyId}, ${key.userId}, ${key.name}, ${key.secretHash},
          ${key.sourceCidrs}, ${key.createTime}, ${key.expireTime})`;
    },

    deleteBearerKey: (accountId: string, bearerKeyId: string) => sql<{ bearerKeyId: string }>`
      delete from bearer_key where account_id = ${accountId} and bearer_key_id = ${bearerKeyId}
      returning bearer_key_id`,

    listSessions: (accountId: string, nowText: string) => sql<Omit<Session, "current">>`
      select session_id, user_id, source_ip, user_agent, method, mfa_time, create_time,
        last_use_time, expire_time
      from session where account_id = ${accountId} and expire_time > ${nowText}
      order by last_use_time desc`,

    deleteSession: (accountId: string, sessionId: string) =>
      sql<{ sessionId: string; providerSignOutUrl: string | null }>`
        delete from session where account_id = ${accountId} and session_id = ${sessionId}
        returning session_id, provider_sign_out_url`,
  };
}

export type SignInRow = {
  readonly accountId: string;
  readonly accountName: string;
  readonly operator: boolean;
  readonly userId: string;
  readonly userName: string;
  readonly passwordHash: string;
  readonly enabled: boolean;
};

/** Queries that come before an account is known; `sql` runs in the system's scope. */
export function signInStore(sql: Sql) {
  return {
    async findUser(accountName: string, userName: string): Promise<SignInRow | undefined> {
      const [row] = await sql<SignInRow>`
        select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name,
          u.password_hash, u.enabled and (not u.sealed or u.unsealed_until > now()) as enabled
        from account a join iam_user u using (account_id)
        where a.name = ${accountName} and u.name = ${userName}`;
      return row;
    },

    async userBy(userId: string): Promise<SignInRow | undefined> {
      const [row] = await sql<SignInRow>`
        select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name,
          u.password_hash, u.enabled and (not u.sealed or u.unsealed_until > now()) as enabled
        from account a join iam_user u using (account_id) where u.user_id = ${userId}`;
      return row;
    },

    async startSession(
      accountId: string,
      session: Omit<Session, "current"> & {
        tokenHash: Buffer;
        providerSignOutUrl: string | null;
      },
    ): Promise<void> {
      await sql`
        insert into session (account_id, session_id, user_id, token_hash, source_ip, user_agent,
          method, provider_sign_out_url, mfa_time, create_time, last_use_time, expire_time)
        values (${accountId}, ${session.sessionId}, ${session.userId}, ${session.tokenHash},
          ${session.sourceIp}, ${session.userAgent}, ${session.method},
          ${session.providerSignOutUrl}, ${session.mfaTime},
          ${session.createTime}, ${session.lastUseTime}, ${session.expireTime})`;
      await sql`update iam_user set last_sign_in_time = ${session.createTime}
        where account_id = ${accountId} and user_id = ${session.userId}`;
      await sql`delete from session where expire_time < ${session.createTime}`;
    },
  };
}
