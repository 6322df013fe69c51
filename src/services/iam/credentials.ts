/** Finds who is behind a session token or a bearer key, with the policies in force. */
import type { CredentialLookup, Identity } from "../../kernel/identity/authenticate.ts";
import type { PolicySource } from "../../kernel/identity/authorize.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import { limits, selfServicePolicy } from "./domain.ts";

type CredentialRow = {
  readonly accountId: string;
  readonly accountName: string;
  readonly operator: boolean;
  readonly userId: string;
  readonly userName: string;
  readonly sessionId: string | null;
  readonly lastUseTime: string | null;
  readonly policies: PolicySource[];
};

/** Writing "last used" once a minute is enough for people and spares a write per call. */
const LAST_USE_STEP_MS = 60_000;

/** The lookup over the iam tables; every call reads the database, so a change acts at once. */
export function credentialLookup(database: Database): CredentialLookup {
  return {
    session: (tokenHash, nowMs) =>
      database.transaction("system", async (sql) => {
        const nowText = new Date(nowMs).toISOString();
        const idleText = new Date(nowMs - limits.sessionIdleMs).toISOString();
        const [row] = await sql<CredentialRow>`
          select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name,
            s.session_id, s.last_use_time,
            (select coalesce(json_agg(json_build_object('policyId', p.policy_id,
              'version', p.xmin::text, 'document', p.document) order by p.policy_id), '[]')
             from user_policy up join policy p using (policy_id) where up.user_id = u.user_id
            ) as policies
          from session s join iam_user u using (user_id)
            join account a on a.account_id = u.account_id
          where s.token_hash = ${tokenHash} and s.expire_time > ${nowText}
            and s.last_use_time > ${idleText} and u.enabled`;
        if (row === undefined) return undefined;
        await touch(sql, row, nowMs);
        return identityOf(row);
      }),

    bearerKey: (secretHash, nowMs) =>
      database.transaction("system", async (sql) => {
        const nowText = new Date(nowMs).toISOString();
        const [row] = await sql<CredentialRow & { bearerKeyId: string }>`
          select a.account_id, a.name as account_name, a.operator, u.user_id, u.name as user_name,
            null as session_id, k.last_use_time, k.bearer_key_id,
            (select coalesce(json_agg(json_build_object('policyId', p.policy_id,
              'version', p.xmin::text, 'document', p.document) order by p.policy_id), '[]')
             from user_policy up join policy p using (policy_id) where up.user_id = u.user_id
            ) as policies
          from bearer_key k join iam_user u using (user_id)
            join account a on a.account_id = u.account_id
          where k.secret_hash = ${secretHash} and u.enabled
            and (k.expire_time is null or k.expire_time > ${nowText})`;
        if (row === undefined) return undefined;
        if (staleUse(row, nowMs)) {
          await sql`update bearer_key set last_use_time = ${nowText}
            where bearer_key_id = ${row.bearerKeyId}`;
        }
        return identityOf(row);
      }),
  };
}

function staleUse(row: CredentialRow, nowMs: number): boolean {
  return row.lastUseTime === null || nowMs - Date.parse(row.lastUseTime) > LAST_USE_STEP_MS;
}

async function touch(sql: Sql, row: CredentialRow, nowMs: number): Promise<void> {
  if (!staleUse(row, nowMs)) return;
  await sql`update session set last_use_time = ${new Date(nowMs).toISOString()}
    where session_id = ${row.sessionId}`;
}

function identityOf(row: CredentialRow): Identity {
  return {
    caller: {
      accountId: row.accountId,
      accountName: row.accountName,
      operator: row.operator,
      principalType: "user",
      principalId: row.userId,
      principalName: row.userName,
      ...(row.sessionId === null ? {} : { sessionId: row.sessionId }),
    },
    policies: [selfServicePolicy, ...row.policies],
  };
}
