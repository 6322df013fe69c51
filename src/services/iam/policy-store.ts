/** Tables of policies, their versions, and of policies and tags on resources. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Policy, PolicyDocument, PolicyVersion, ResourcePolicy } from "./contract.ts";
import type { CheckedDocument } from "./documents.ts";

type VersionRow = Omit<PolicyVersion, "current"> & { readonly compiled: unknown };

export function policyStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<Policy>`
      select p.policy_id, p.name, p.description, p.managed, p.document, p.create_time,
        p.update_time, p.version,
        ((select count(*) from user_policy a where a.policy_id = p.policy_id)
          + (select count(*) from group_policy a where a.policy_id = p.policy_id)
          + (select count(*) from role_policy a where a.policy_id = p.policy_id)
          + (select count(*) from iam_user u where u.boundary_policy_id = p.policy_id)
          + (select count(*) from iam_role r where r.boundary_policy_id = p.policy_id)
        )::integer as attached_count
      from policy p where p.account_id = ${accountId} order by p.managed desc, p.name`,

    /** Holds back others who want to change who has this policy, until this transaction ends. */
    async lockManaged(accountId: string, name: string) {
      await sql`select policy_id from policy
        where account_id = ${accountId} and managed and name = ${name} for no key update`;
    },

    async attachedTo(accountId: string, principalId: string): Promise<string[]> {
      const rows = await sql<{ policyId: string }>`
        select policy_id from user_policy
          where account_id = ${accountId} and user_id = ${principalId}
        union select policy_id from group_policy
          where account_id = ${accountId} and group_id = ${principalId}
        union select policy_id from role_policy
          where account_id = ${accountId} and role_id = ${principalId}`;
      return rows.map((row) => row.policyId);
    },

    async insert(
      accountId: string,
      policy: CheckedDocument & {
        policyId: string;
        name: string;
        description: string;
        managed: boolean;
        time: string;
      },
    ) {
      await sql`
        insert into policy (account_id, policy_id, name, description, managed, document, compiled,
          create_time, update_time)
        values (${accountId}, ${policy.policyId}, ${policy.name}, ${policy.description},
          ${policy.managed}, ${policy.document}, ${policy.compiled}, ${policy.time},
          ${policy.time})`;
    },

    async describe(accountId: string, policyId: string, description: string) {
      await sql`update policy set description = ${description}
        where account_id = ${accountId} and policy_id = ${policyId}`;
    },

    /** @returns the new version. */
    async setDocument(
      accountId: string,
      policyId: string,
      { document, compiled, time }: CheckedDocument & { time: string },
    ): Promise<number> {
      const [row] = await sql<{ version: number }>`
        update policy set document = ${document}, compiled = ${compiled}, update_time = ${time},
          version = version + 1
        where account_id = ${accountId} and policy_id = ${policyId} returning version`;
      return row?.version ?? 1;
    },

    async delete(accountId: string, policyId: string) {
      await sql`delete from policy where account_id = ${accountId} and policy_id = ${policyId}`;
    },

    versions: (accountId: string, policyId: string) => sql<VersionRow>`
      select policy_id, version, document, compiled, created_by, create_time from policy_version
      where account_id = ${accountId} and policy_id = ${policyId} order by version desc`,

    async insertVersion(
      accountId: string,
      policyId: string,
      row: CheckedDocument & { version: number; createdBy: string; time: string },
    ) {
      await sql`
        insert into policy_version (account_id, policy_id, version, document, compiled,
          created_by, create_time)
        values (${accountId}, ${policyId}, ${row.version}, ${row.document}, ${row.compiled},
          ${row.createdBy}, ${row.time})`;
    },

    async dropVersionsBefore(accountId: string, policyId: string, version: number) {
      await sql`delete from policy_version where account_id = ${accountId}
        and policy_id = ${policyId} and version < ${version}`;
    },
  };
}

export function resourceStore(sql: Sql) {
  return {
    policies: (accountId: string) => sql<ResourcePolicy>`
      select resource, document, update_time from resource_policy
      where account_id = ${accountId} order by resource`,

    async setPolicy(
      accountId: string,
      policy: { resource: string; document: PolicyDocument; updateTime: string },
    ) {
      await sql`
        insert into resource_policy (account_id, resource, document, update_time)
        values (${accountId}, ${policy.resource}, ${policy.document}, ${policy.updateTime})
        on conflict (account_id, resource)
        do update set document = excluded.document, update_time = excluded.update_time`;
    },

    deletePolicy: (accountId: string, resource: string) => sql<{ resource: string }>`
      delete from resource_policy where account_id = ${accountId} and resource = ${resource}
      returning resource`,

    async tags(accountId: string, resource: string): Promise<Record<string, string>> {
      const [row] = await sql<{ tags: Record<string, string> }>`
        select tags from resource_tag
        where account_id = ${accountId} and resource = ${resource}`;
      return row?.tags ?? {};
    },

    async setTags(accountId: string, resource: string, tags: Readonly<Record<string, string>>) {
      await sql`
        insert into resource_tag (account_id, resource, tags)
        values (${accountId}, ${resource}, ${tags})
        on conflict (account_id, resource) do update set tags = excluded.tags`;
    },
  };
}
