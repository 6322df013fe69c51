/** The rights of a user or role as the tables have them now. */
import type { Identity, PolicySource } from "../../kernel/identity/identity.ts";
import type { Sql } from "../../kernel/store/database.ts";

export type Rights = Pick<
  Identity,
  "policies" | "boundary" | "groupIds" | "tags" | "resourcePolicies"
>;

type RightsRow = {
  readonly policies: PolicySource[];
  readonly boundary: PolicySource | null;
  readonly groupIds: string[];
  readonly tags: Record<string, string>;
  readonly resourcePolicies: (PolicySource & { resource: string })[];
};

function rightsOf(row: RightsRow | undefined): Rights | undefined {
  if (row === undefined) return undefined;
  return { ...row, boundary: row.boundary ?? undefined };
}

/** Rights of a user: its own policies and those of its groups. */
export async function userRights(sql: Sql, userId: string): Promise<Rights | undefined> {
  const [row] = await sql<RightsRow>`
    select u.tags,
      array(select group_id from group_member m where m.user_id = u.user_id) as group_ids,
      (select coalesce(json_agg(json_build_object('policyId', p.policy_id,
          'version', p.version, 'document', coalesce(p.compiled, p.document))
          order by p.policy_id), '[]')
        from policy p where p.account_id = u.account_id and p.policy_id in (
          select policy_id from user_policy where user_id = u.user_id
          union select g.policy_id from group_policy g join group_member m using (group_id)
            where m.user_id = u.user_id)) as policies,
      (select json_build_object('policyId', b.policy_id, 'version', b.version,
          'document', coalesce(b.compiled, b.document))
        from policy b where b.policy_id = u.boundary_policy_id) as boundary,
      (select coalesce(json_agg(json_build_object('policyId', 'resource:' || r.resource,
          'version', r.update_time, 'document', r.document, 'resource', r.resource)), '[]')
        from resource_policy r where r.account_id = u.account_id) as resource_policies
    from iam_user u where u.user_id = ${userId}`;
  return rightsOf(row);
}

/** Rights of a role. */
export async function roleRights(sql: Sql, roleId: string): Promise<Rights | undefined> {
  const [row] = await sql<RightsRow>`
    select '{}'::jsonb as tags, '{}'::text[] as group_ids,
      (select coalesce(json_agg(json_build_object('policyId', p.policy_id,
          'version', p.version, 'document', coalesce(p.compiled, p.document))
          order by p.policy_id), '[]')
        from policy p join role_policy a using (policy_id) where a.role_id = o.role_id) as policies,
      (select json_build_object('policyId', b.policy_id, 'version', b.version,
          'document', coalesce(b.compiled, b.document))
        from policy b where b.policy_id = o.boundary_policy_id) as boundary,
      (select coalesce(json_agg(json_build_object('policyId', 'resource:' || r.resource,
          'version', r.update_time, 'document', r.document, 'resource', r.resource)), '[]')
        from resource_policy r where r.account_id = o.account_id) as resource_policies
    from iam_role o where o.role_id = ${roleId}`;
  return rightsOf(row);
}

/** Guardrails over an account; those without a list are over every account but the operator's. */
export async function guardrailsOver(
  sql: Sql,
  { accountId, operator }: { accountId: string; operator: boolean },
): Promise<PolicySource[]> {
  return sql<PolicySource>`
    select guardrail_id as policy_id, update_time as version, document from guardrail
    where ${accountId} = any(accounts) or (accounts = '{}' and not ${operator}::boolean)
    order by guardrail_id`;
}

/** True when the account demands a second factor of everybody who signs in. */
export async function mfaDemanded(sql: Sql, accountId: string): Promise<boolean> {
  const [row] = await sql<{ demanded: boolean }>`
    select coalesce((settings->>'requireMfa')::boolean, false) as demanded
    from account_security where account_id = ${accountId}`;
  return row?.demanded ?? false;
}
