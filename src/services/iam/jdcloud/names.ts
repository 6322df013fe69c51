/**
 * The vendor's API names things by their names; ours by ids. An unknown name becomes an id that
 * nothing has, so that it is authorized and answered like any other missing thing.
 */
import type { Sql } from "../../../kernel/store/database.ts";

export type Names = {
  user(name: string): Promise<string>;
  group(name: string): Promise<string>;
  role(name: string): Promise<string>;
  policy(name: string): Promise<string>;
  /** The key when it is this user's, or else one that nobody has. */
  keyOf(userId: string, accessKeyId: string): Promise<string>;
  readonly accountId: string;
  /** The caller's own id. */
  readonly self: string;
};

const NONE = "0000000000";

export function namesOf(
  sql: Sql,
  { accountId, principalId }: { accountId: string; principalId: string },
): Names {
  return {
    accountId,
    self: principalId,
    async user(name) {
      const [row] = await sql<{ userId: string }>`
        select user_id from iam_user where account_id = ${accountId} and name = ${name}`;
      return row?.userId ?? `user-${NONE}`;
    },
    async group(name) {
      const [row] = await sql<{ groupId: string }>`
        select group_id from iam_group where account_id = ${accountId} and name = ${name}`;
      return row?.groupId ?? `grp-${NONE}`;
    },
    async role(name) {
      const [row] = await sql<{ roleId: string }>`
        select role_id from iam_role where account_id = ${accountId} and name = ${name}`;
      return row?.roleId ?? `role-${NONE}`;
    },
    async policy(name) {
      const [row] = await sql<{ policyId: string }>`
        select policy_id from policy where account_id = ${accountId} and name = ${name}`;
      return row?.policyId ?? `pol-${NONE}`;
    },
    async keyOf(userId, accessKeyId) {
      const [row] = await sql<{ accessKeyId: string }>`
        select access_key_id from access_key where account_id = ${accountId}
          and user_id = ${userId} and access_key_id = ${accessKeyId}`;
      return row?.accessKeyId ?? `ak-${NONE}`;
    },
  };
}
