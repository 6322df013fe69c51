/** Tables of users, policies, sessions and bearer keys. */
import type { Sql } from "../../kernel/store/database.ts";
import type { BearerKey, PolicyDocument, Session, User } from "./contract.ts";
import type { StoredPolicy } from "./domain.ts";

export type UserRow = User & { readonly accountId: string };

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function iamStore(sql: Sql) {
  return {
    listUsers: (accountId: string) => sql<UserRow>`
      select u.account_id, u.user_id, u.name, u.enabled, u.last_sign_in_time, u.create_time,
        coalesce(array_agg(p.policy_id order by p.policy_id)
          filter (where p.policy_id is not null), '{}') as policy_ids
      from iam_user u left join user_policy p using (account_id, user_id)
      where u.account_id = ${accountId} group by u.user_id order by u.name`,

    async insertUser(accountId: string, user: User & { passwordHash: string }) {
      await sql`
        insert into iam_user (account_id, user_id, name, password_hash, enabled, create_time)
        values (${accountId}, ${user.userId}, ${user.name}, ${user.passwordHash},
          ${user.enabled}, ${user.createTime})`;
    },

    async setPolicies(accountId: string, userId: string, policyIds: readonly string[]) {
      await sql`delete from user_policy where account_id = ${accountId} and user_id = ${userId}`;
      await sql`
        insert into user_policy (account_id, user_id, policy_id)
        select ${accountId}, ${userId}, unnest(${policyIds}::text[])`;
    },

    async updateUser(
      accountId: string,
      userId: string,
      change: { enabled: boolean | undefined; passwordHash: string | undefined },
    ) {
      await sql`
        update iam_user set enabled = coalesce(${change.enabled ?? null}, enabled),
          password_hash = coalesce(${change.passwordHash ?? null}, password_hash)
        where account_id = ${accountId} and user_id = ${userId}`;
    },

    async deleteUser(accountId: string, userId: string) {
      await sql`delete from iam_user where account_id = ${accountId} and user_id = ${userId}`;
    },

    async endSessionsOf(accountId: string, userId: string) {
      await sql`delete from session where account_id = ${accountId} and user_id = ${userId}`;
    },

    listPolicies: (accountId: string) => sql<StoredPolicy>`
      select p.policy_id, p.name, p.description, p.managed, p.document, p.create_time,
        p.update_time, p.xmin::text as version,
        (select count(*)::integer from user_policy a
          where a.account_id = p.account_id and a.policy_id = p.policy_id) as attached_user_count
      from policy p where p.account_id = ${accountId} order by p.managed desc, p.name`,

    async insertPolicy(
      accountId: string,
      policy: {
        policyId: string;
        name: string;
        description: string;
        managed: boolean;
        document: PolicyDocument;
        time: string;
      },
    ) {
      await sql`
        insert into policy (account_id, policy_id, name, description, managed, document,
          create_time, update_time)
        values (${accountId}, ${policy.policyId}, ${policy.name}, ${policy.description},
          ${policy.managed}, ${policy.document}, ${policy.time}, ${policy.time})`;
    },

    async updatePolicy(
      accountId: string,
      policyId: string,
      change: {
        description: string | undefined;
        document: PolicyDocument | undefined;
        time: string;
      },
    ) {
      await sql`
        update policy set description = coalesce(${change.description ?? null}, description),
          document = coalesce(${change.document ?? null}, document), update_time = ${change.time}
        where account_id = ${accountId} and policy_id = ${policyId}`;
    },

    async deletePolicy(accountId: string, policyId: string) {
      await sql`delete from policy where account_id = ${accountId} and policy_id = ${policyId}`;
    },

    listBearerKeys: (accountId: string) => sql<BearerKey>`
      select bearer_key_id, user_id, name, create_time, last_use_time, expire_time
      from bearer_key where account_id = ${accountId} order by create_time desc`,

    async insertBearerKey(accountId: string, key: BearerKey & { secretHash: Buffer }) {
      await sql`
        insert into bearer_key (account_id, bearer_key_id, user_id, name, secret_hash,
          create_time, expire_time)
        values (${accountId}, ${key.bearerKeyId}, ${key.userId}, ${key.name}, ${key.secretHash},
          ${key.createTime}, ${key.expireTime})`;
    },

    deleteBearerKey: (accountId: string, bearerKeyId: string) => sql<{ bearerKeyId: string }>`
      delete from bearer_key where account_id = ${accountId} and bearer_key_id = ${bearerKeyId}
      returning bearer_key_id`,

    listSessions: (accountId: string, nowText: string) => sql<Omit<Session, "current">>`
      select session_id, user_id, source_ip, user_agent, create_time, last_use_time, expire_time
      from session where account_id = ${accountId} and expire_time > ${nowText}
      order by last_use_time desc`,

    deleteSession: (accountId: string, sessionId: string) => sql<{ sessionId: string }>`
      delete from session where account_id = ${accountId} and session_id = ${sessionId}
      returning session_id`,
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
          u.password_hash, u.enabled
        from account a join iam_user u using (account_id)
        where a.name = ${accountName} and u.name = ${userName}`;
      return row;
    },

    async startSession(
      accountId: string,
      session: Omit<Session, "current"> & { tokenHash: Buffer },
    ): Promise<void> {
      await sql`
        insert into session (account_id, session_id, user_id, token_hash, source_ip, user_agent,
          create_time, last_use_time, expire_time)
        values (${accountId}, ${session.sessionId}, ${session.userId}, ${session.tokenHash},
          ${session.sourceIp}, ${session.userAgent}, ${session.createTime},
          ${session.lastUseTime}, ${session.expireTime})`;
      await sql`update iam_user set last_sign_in_time = ${session.createTime}
        where account_id = ${accountId} and user_id = ${session.userId}`;
      await sql`delete from session where expire_time < ${session.createTime}`;
    },
  };
}
