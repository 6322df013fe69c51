/** Finds who is behind a session, a bearer key or an access key, with the policies in force. */
import type { CredentialLookup, SigningIdentity } from "../../kernel/identity/authenticate.ts";
import type { Identity } from "../../kernel/identity/identity.ts";
import { type Sealer, secretPurpose } from "../../kernel/identity/sealer.ts";
import { sourceAllowed } from "../../kernel/identity/source-restriction.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import { directoryPolicy, limits, selfServicePolicy } from "./domain.ts";
import { guardrailsOver, mfaDemanded, userRights } from "./principals.ts";

type CredentialRow = {
  readonly accountId: string;
  readonly accountName: string;
  readonly operator: boolean;
  readonly userId: string;
  readonly userName: string;
  readonly kind: "person" | "service";
  readonly lastUseTime: string | null;
  readonly mfaEnrolled: boolean;
};

type DirectoryRow = Pick<
  CredentialRow,
  "accountId" | "accountName" | "operator" | "lastUseTime"
> & {
  readonly scimCredentialId: string;
  readonly name: string;
  readonly sourceCidrs: string[];
};

/** Writing "last used" once a minute is enough for people and spares a write per call. */
const LAST_USE_STEP_MS = 60_000;

/** The lookup over the iam tables; every call reads the database, so a change acts at once. */
export function credentialLookup(database: Database, sealer: Sealer): CredentialLookup {
  return {
    session: (tokenHash, { nowMs }) =>
      database.transaction("system", (sql) => bySession(sql, tokenHash, nowMs)),
    bearerKey: (secretHash, from) =>
      database.transaction(
        "system",
        async (sql) =>
          (await byBearerKey(sql, secretHash, from)) ?? byDirectory(sql, secretHash, from),
      ),
    async accessKey(accessKeyId, { nowMs, sourceIp }) {
      const found = await database.transaction("system", (sql) =>
        byAccessKey(sql, accessKeyId, { nowMs, sourceIp }),
      );
      if (found === undefined) return undefined;
      const purpose = secretPurpose("access key", accessKeyId);
      const secret = await sealer.open(found.sealedSecret, purpose);
      return {
        identity: found.identity,
        secret: secret.toString("utf8"),
      } satisfies SigningIdentity;
    },
    resourceTags: (accountId, resource) =>
      database.transaction({ accountId }, async (sql) => {
        const [row] = await sql<{ tags: Record<string, string> }>`
          select tags from resource_tag
          where account_id = ${accountId} and resource = ${resource}`;
        return row?.tags ?? {};
      }),
  };
}

async function bySession(
  sql: Sql,
  tokenHash: Buffer,
  nowMs: number,
): Promise<Identity | undefined> {
  const nowText = new Date(nowMs).toISOString();
  const idleText = new Date(nowMs - limits.sessionIdleMs).toISOString();
  const [row] = await sql<CredentialRow & { sessionId: string; mfaTime: string | null }>`
    select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name, u.kind,
      s.session_id, s.last_use_time, s.mfa_time,
      (exists (select from totp t where t.user_id = u.user_id and t.confirm_time is not null)
        or exists (select from passkey k where k.user_id = u.user_id)) as mfa_enrolled
    from session s join iam_user u using (user_id)
      join account a on a.account_id = u.account_id
    where s.token_hash = ${tokenHash} and s.expire_time > ${nowText}
      and s.last_use_time > ${idleText} and u.enabled
      and (not u.sealed or u.unsealed_until > now())`;
  if (row === undefined) return undefined;
  if (staleUse(row, nowMs)) {
    await sql`update session set last_use_time = ${nowText} where session_id = ${row.sessionId}`;
  }
  const identity = await identityOf(sql, row);
  if (identity === undefined) return undefined;
  const mfaTimeMs = row.mfaTime === null ? undefined : Date.parse(row.mfaTime);
  return {
    ...identity,
    caller: { ...identity.caller, sessionId: row.sessionId },
    mfaTimeMs,
    mfaEnrolled: row.mfaEnrolled,
    mfaMissing: mfaTimeMs === undefined && (await mfaDemanded(sql, row.accountId)),
  };
}

async function byBearerKey(
  sql: Sql,
  secretHash: Buffer,
  { nowMs, sourceIp }: { nowMs: number; sourceIp: string },
): Promise<Identity | undefined> {
  const nowText = new Date(nowMs).toISOString();
  const [row] = await sql<CredentialRow & { bearerKeyId: string; sourceCidrs: string[] }>`
    select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name, u.kind,
      k.last_use_time, k.bearer_key_id, k.source_cidrs, false as mfa_enrolled
    from bearer_key k join iam_user u using (user_id)
      join account a on a.account_id = u.account_id
    where k.secret_hash = ${secretHash} and u.enabled
      and (not u.sealed or u.unsealed_until > now())
      and (k.expire_time is null or k.expire_time > ${nowText})`;
  if (row === undefined || !sourceAllowed(row.sourceCidrs, sourceIp)) return undefined;
  if (staleUse(row, nowMs)) {
    await sql`update bearer_key set last_use_time = ${nowText}
      where bearer_key_id = ${row.bearerKeyId}`;
  }
  return identityOf(sql, row);
}

/** The credential of a directory: a principal of its own, that may call SCIM and nothing else. */
async function byDirectory(
  sql: Sql,
  secretHash: Buffer,
  { nowMs, sourceIp }: { nowMs: number; sourceIp: string },
): Promise<Identity | undefined> {
  const nowText = new Date(nowMs).toISOString();
  const [row] = await sql<DirectoryRow>`
    select a.account_id, a.name as account_name, a.operator, c.scim_credential_id, c.name,
      c.source_cidrs, c.last_use_time
    from scim_credential c join account a using (account_id)
    where c.secret_hash = ${secretHash}
      and (c.expire_time is null or c.expire_time > ${nowText})`;
  if (row === undefined || !sourceAllowed(row.sourceCidrs, sourceIp)) return undefined;
  if (staleUse(row, nowMs)) {
    await sql`update scim_credential set last_use_time = ${nowText}
      where scim_credential_id = ${row.scimCredentialId}`;
  }
  const { accountId, accountName, operator } = row;
  return {
    policies: [directoryPolicy],
    guardrails: await guardrailsOver(sql, row),
    caller: {
      ...{ accountId, accountName, operator, principalType: "service" },
      principalId: row.scimCredentialId,
      principalName: row.name,
    },
  };
}

async function byAccessKey(
  sql: Sql,
  accessKeyId: string,
  { nowMs, sourceIp }: { nowMs: number; sourceIp: string },
): Promise<{ identity: Identity; sealedSecret: Buffer } | undefined> {
  const nowText = new Date(nowMs).toISOString();
  const [row] = await sql<CredentialRow & { sealedSecret: Buffer; sourceCidrs: string[] }>`
    select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name, u.kind,
      k.last_use_time, k.sealed_secret, k.source_cidrs, false as mfa_enrolled
    from access_key k join iam_user u using (user_id)
      join account a on a.account_id = u.account_id
    where k.access_key_id = ${accessKeyId} and k.enabled and u.enabled
      and (not u.sealed or u.unsealed_until > now())
      and (k.expire_time is null or k.expire_time > ${nowText})`;
  if (row === undefined || !sourceAllowed(row.sourceCidrs, sourceIp)) return undefined;
  if (staleUse(row, nowMs)) {
    await sql`update access_key set last_use_time = ${nowText}
      where access_key_id = ${accessKeyId}`;
  }
  const identity = await identityOf(sql, row);
  return identity === undefined ? undefined : { identity, sealedSecret: row.sealedSecret };
}

function staleUse(row: Pick<CredentialRow, "lastUseTime">, nowMs: number): boolean {
  return row.lastUseTime === null || nowMs - Date.parse(row.lastUseTime) > LAST_USE_STEP_MS;
}

async function identityOf(sql: Sql, row: CredentialRow): Promise<Identity | undefined> {
  const rights = await userRights(sql, row.userId);
  if (rights === undefined) return undefined;
  return {
    ...rights,
    basics: selfServicePolicy,
    guardrails: await guardrailsOver(sql, row),
    caller: {
      accountId: row.accountId,
      accountName: row.accountName,
      operator: row.operator,
      principalType: row.kind === "service" ? "service" : "user",
      principalId: row.userId,
      principalName: row.userName,
    },
  };
}
