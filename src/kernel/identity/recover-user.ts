/**
 * The way back in for a person who lost password or second factor, for whoever owns the machine:
 * straight on the database, while no server runs. There is no operation for it, hence no request
 * over the network can ask for it.
 */
import { randomBytes } from "node:crypto";
import type { AuditRecord } from "../audit.ts";
import { openAuditLog } from "../audit-log/audit-log.ts";
import { auditOrigin } from "../audit-log/origin.ts";
import type { Config } from "../config.ts";
import { newId } from "../id.ts";
import { instanceOf } from "../instance.ts";
import { signingKey } from "../keys.ts";
import type { Database, Sql } from "../store/database.ts";
import { hashPassword } from "./password.ts";

export type Recovered = { readonly userId: string; readonly password: string };

type Found = { readonly accountId: string; readonly userId: string; readonly userName: string };

const PASSWORD_BYTES = 18;

/**
 * Gives the user a new password, takes the second factors away, ends the sessions and enables it.
 *
 * @returns undefined when there is no such user.
 * @throws Error when it cannot be recorded; then nothing is changed.
 */
export async function recoverUser(
  parts: { readonly config: Config; readonly database: Database; readonly clock: () => number },
  wanted: { readonly account: string; readonly user: string },
  by: { readonly userId: number; readonly userName: string },
): Promise<Recovered | undefined> {
  const { config, database, clock } = parts;
  const password = randomBytes(PASSWORD_BYTES).toString("base64url");
  const passwordHash = await hashPassword(password);
  const log = await openAuditLog({
    folder: config.folders.audit,
    origin: auditOrigin(config, instanceOf(config)),
    signingKeyPem: signingKey(config.folders.keys, "audit").privateKeyPem,
  });
  try {
    return await database.transaction("system", async (sql) => {
      const found = await findUser(sql, wanted);
      if (found === undefined) return undefined;
      await resetUser(sql, found, passwordHash);
      const [row] = await sql<{ id: string }>`select pg_current_xact_id()::text as id`;
      const record = recordOf(found, { by, clock, transactionId: row?.id ?? null });
      // INVARIANT: durable before the change is committed, as for every operation.
      await log.append(Buffer.from(JSON.stringify(record)));
      return { userId: found.userId, password };
    });
  } finally {
    await log.close();
  }
}

async function findUser(
  sql: Sql,
  { account, user }: { account: string; user: string },
): Promise<Found | undefined> {
  const [found] = await sql<Found>`
    select u.account_id, u.user_id, u.name as user_name
    from iam_user u join account a using (account_id) where a.name = ${account} and u.name = ${user}`;
  return found;
}

async function resetUser(sql: Sql, { accountId, userId }: Found, passwordHash: string) {
  await sql`update iam_user set password_hash = ${passwordHash}, enabled = true
    where account_id = ${accountId} and user_id = ${userId}`;
  await sql`delete from totp where account_id = ${accountId} and user_id = ${userId}`;
  await sql`delete from passkey where account_id = ${accountId} and user_id = ${userId}`;
  await sql`delete from backup_code where account_id = ${accountId} and user_id = ${userId}`;
  await sql`delete from known_device where account_id = ${accountId} and user_id = ${userId}`;
  await sql`delete from ceremony where account_id = ${accountId} and user_id = ${userId}`;
  await sql`delete from session where account_id = ${accountId} and user_id = ${userId}`;
  // Keys of lock-outs are hashes that do not name a user: all of them begin anew.
  await sql`delete from sign_in_failure`;
}

function recordOf(
  { accountId, userId, userName }: Found,
  given: {
    readonly by: { readonly userId: number; readonly userName: string };
    readonly clock: () => number;
    readonly transactionId: string | null;
  },
): AuditRecord {
  return {
    time: new Date(given.clock()).toISOString(),
    requestId: newId("req"),
    accountId,
    operation: "admin.recover",
    action: "admin:Recover",
    resource: `user/${userId}`,
    principalType: "machine",
    principalId: `uid:${given.by.userId}`,
    principalName: given.by.userName,
    sourceIp: "",
    decision: "allow",
    determiningPolicyIds: [],
    code: 200,
    reason: null,
    input: { userName, passwordReset: true, factorsRemoved: true, sessionsEnded: true },
    transactionId: given.transactionId,
  };
}
