/** Tables of groups and roles. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Group, PolicyDocument, Role } from "./contract.ts";

/** Queries on groups of one account. */
export function groupStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<Group>`
      select g.group_id, g.name, g.description, g.create_time,
        array(select p.policy_id from group_policy p where p.group_id = g.group_id order by 1)
          as policy_ids,
        array(select m.user_id from group_member m where m.group_id = g.group_id order by 1)
          as user_ids
      from iam_group g where g.account_id = ${accountId} order by g.name`,

    async insert(accountId: string, group: Group) {
      await sql`insert into iam_group (account_id, group_id, name, description, create_time)
        values (${accountId}, ${group.groupId}, ${group.name}, ${group.description},
          ${group.createTime})`;
    },

    async describe(accountId: string, groupId: string, description: string) {
      await sql`update iam_group set description = ${description}
        where account_id = ${accountId} and group_id = ${groupId}`;
    },

    async setPolicies(accountId: string, groupId: string, policyIds: readonly string[]) {
      await sql`delete from group_policy
        where account_id = ${accountId} and group_id = ${groupId}`;
      await sql`insert into group_policy (account_id, group_id, policy_id)
        select ${accountId}, ${groupId}, unnest(${policyIds}::text[])`;
    },

    async addMember(accountId: string, groupId: string, userId: string) {
      await sql`insert into group_member (account_id, group_id, user_id)
        values (${accountId}, ${groupId}, ${userId}) on conflict do nothing`;
    },

    async removeMember(accountId: string, groupId: string, userId: string) {
      await sql`delete from group_member where account_id = ${accountId}
        and group_id = ${groupId} and user_id = ${userId}`;
    },

    async delete(accountId: string, groupId: string) {
      await sql`delete from iam_group where account_id = ${accountId} and group_id = ${groupId}`;
    },
  };
}

export type RoleChange = {
  readonly description: string | undefined;
  readonly trust: PolicyDocument | undefined;
  readonly sessionSecondsMax: number | undefined;
};

/** Queries on roles of one account. */
export function roleStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<Role>`
      select r.role_id, r.name, r.description, r.trust, r.boundary_policy_id,
        r.session_seconds_max, r.revoke_before_time, r.create_time,
        array(select p.policy_id from role_policy p where p.role_id = r.role_id order by 1)
          as policy_ids
      from iam_role r where r.account_id = ${accountId} order by r.name`,

    async insert(accountId: string, role: Role) {
      await sql`insert into iam_role (account_id, role_id, name, description, trust,
          boundary_policy_id, session_seconds_max, create_time)
        values (${accountId}, ${role.roleId}, ${role.name}, ${role.description}, ${role.trust},
          ${role.boundaryPolicyId}, ${role.sessionSecondsMax}, ${role.createTime})`;
    },

    async update(accountId: string, roleId: string, change: RoleChange) {
      await sql`update iam_role set
          description = coalesce(${change.description ?? null}, description),
          trust = coalesce(${change.trust ?? null}, trust),
          session_seconds_max =
            coalesce(${change.sessionSecondsMax ?? null}, session_seconds_max)
        where account_id = ${accountId} and role_id = ${roleId}`;
    },

    async setBoundary(accountId: string, roleId: string, policyId: string | null) {
      await sql`update iam_role set boundary_policy_id = ${policyId}
        where account_id = ${accountId} and role_id = ${roleId}`;
    },

    async setPolicies(accountId: string, roleId: string, policyIds: readonly string[]) {
      await sql`delete from role_policy where account_id = ${accountId} and role_id = ${roleId}`;
      await sql`insert into role_policy (account_id, role_id, policy_id)
        select ${accountId}, ${roleId}, unnest(${policyIds}::text[])`;
    },

    async revokeBefore(accountId: string, roleId: string, time: string) {
      await sql`update iam_role set revoke_before_time = ${time}
        where account_id = ${accountId} and role_id = ${roleId}`;
    },

    async delete(accountId: string, roleId: string) {
      await sql`delete from iam_role where account_id = ${accountId} and role_id = ${roleId}`;
    },
  };
}
