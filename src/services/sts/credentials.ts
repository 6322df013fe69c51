/** Finds the role session behind a temporary key, with the rights that the role has now. */
import type { CredentialLookup } from "../../kernel/identity/authenticate.ts";
import type { Identity, PolicySource } from "../../kernel/identity/identity.ts";
import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";

/** What the iam service tells of a role. */
export type RoleRights = {
  rights(
    sql: Sql,
    roleId: string,
  ): Promise<Pick<Identity, "policies" | "boundary" | "resourcePolicies"> | undefined>;
  guardrails(
    sql: Sql,
    account: { accountId: string; operator: boolean },
  ): Promise<readonly PolicySource[]>;
};

type Row = {
  readonly roleSessionId: string;
  readonly accountId: string;
  readonly accountName: string;
  readonly operator: boolean;
  readonly roleId: string;
  readonly roleName: string;
  readonly name: string;
  readonly sealedSecret: Buffer;
  readonly sessionTokenHash: Buffer;
  readonly sessionPolicy: unknown;
  readonly tags: Record<string, string>;
  readonly sourcePrincipalId: string;
  readonly mfaTime: string | null;
};

/** The lookup of temporary keys; to be asked after the lasting ones. */
export function roleSessionLookup(
  database: Database,
  parts: { readonly roles: RoleRights; readonly sealer: Sealer },
): Pick<CredentialLookup, "bearerKey" | "accessKey"> {
  const find = (by: { bearerHash?: Buffer; accessKeyId?: string }, nowMs: number) =>
    database.transaction("system", async (sql) => {
      const row = await findRow(sql, by, nowMs);
      if (row === undefined) return undefined;
      const identity = await identityOf(sql, parts.roles, row);
      return identity === undefined ? undefined : { row, identity };
    });
  return {
    async bearerKey(bearerHash, { nowMs }) {
      return (await find({ bearerHash }, nowMs))?.identity;
    },
    async accessKey(accessKeyId, { nowMs }) {
      const found = await find({ accessKeyId }, nowMs);
      if (found === undefined) return undefined;
      const purpose = secretPurpose("role session", accessKeyId);
      const secret = await parts.sealer.open(found.row.sealedSecret, purpose);
      return {
        identity: found.identity,
        secret: secret.toString("utf8"),
        sessionTokenHash: found.row.sessionTokenHash,
      };
    },
  };
}

/** A session ends with its time, its role's mark, and with the user that began it. */
async function findRow(
  sql: Sql,
  { bearerHash, accessKeyId }: { bearerHash?: Buffer; accessKeyId?: string },
  nowMs: number,
): Promise<Row | undefined> {
  const nowText = new Date(nowMs).toISOString();
  const [row] = await sql<Row>`
    update role_session s set last_use_time = ${nowText}
    from iam_role r, account a
    where (s.bearer_hash = ${bearerHash ?? null} or s.access_key_id = ${accessKeyId ?? null})
      and r.role_id = s.role_id and a.account_id = s.account_id
      and s.expire_time > ${nowText}
      and (r.revoke_before_time is null or s.create_time > r.revoke_before_time)
      and (s.source_principal_id not like 'user-%' or exists (
        select from iam_user u where u.user_id = s.source_principal_id and u.enabled
          and (not u.sealed or u.unsealed_until > now())))
    returning s.role_session_id, a.account_id, a.name as account_name, a.operator, r.role_id,
      r.name as role_name, s.name, s.sealed_secret, s.session_token_hash, s.session_policy,
      s.tags, s.source_principal_id, s.mfa_time`;
  return row;
}

async function identityOf(sql: Sql, roles: RoleRights, row: Row): Promise<Identity | undefined> {
  const rights = await roles.rights(sql, row.roleId);
  if (rights === undefined) return undefined;
  const { sessionPolicy } = row;
  return {
    ...rights,
    tags: row.tags,
    guardrails: await roles.guardrails(sql, row),
    ...(row.mfaTime === null ? {} : { mfaTimeMs: Date.parse(row.mfaTime) }),
    ...(sessionPolicy === null
      ? {}
      : {
          sessionPolicy: {
            policyId: `session:${row.roleSessionId}`,
            version: 1,
            document: sessionPolicy,
          },
        }),
    caller: {
      accountId: row.accountId,
      accountName: row.accountName,
      operator: row.operator,
      principalType: "role",
      principalId: row.roleId,
      principalName: `${row.roleName}/${row.name}`,
      assumedBy: row.sourcePrincipalId,
    },
  };
}
