/** The entry that a restore leaves in the audit log, and what it counts for it. */
import type { AuditRecord } from "../audit.ts";
import { openAuditLog } from "../audit-log/audit-log.ts";
import { auditOrigin } from "../audit-log/origin.ts";
import { readLogFiles } from "../audit-log/read-files.ts";
import { RESTORE_OPERATION } from "../audit-log/recover.ts";
import type { Config } from "../config.ts";
import { newId } from "../id.ts";
import { instanceOf } from "../instance.ts";
import { signingKey } from "../keys.ts";
import type { Connection } from "../store/database.ts";
import { connectForCopy } from "./database-snapshot.ts";
import type { Comparison } from "./known-state.ts";
import { isVisible, type Manifest } from "./manifest.ts";
import type { Verified } from "./read.ts";

/** Who ran the command on the machine. */
export type RestoredBy = { readonly userId: number; readonly userName: string };

/** Entries before the copy in the database ended that may still have been under way. */
const IN_FLIGHT_MAX = 2_000;
const REQUESTS_NAMED_MAX = 50;
const NO_ACCOUNT = "acc-0000000000";

/**
 * Appends the entry, and returns how many audited changes the restored rows do not show.
 *
 * INVARIANT: it is written before the note of the restore is removed, so that no restored state
 * ever runs without it.
 */
export async function recordRestore(parts: {
  readonly config: Config;
  readonly connection: Connection;
  readonly clock: () => number;
  readonly restoredBy: RestoredBy;
  readonly verified: Verified;
  readonly comparison: Comparison;
}): Promise<number> {
  const { config, verified, comparison, restoredBy, clock } = parts;
  const { manifest } = verified;
  const lost = await changesNotRestored(config, manifest);
  const key = signingKey(config.folders.keys, "audit");
  const log = await openAuditLog({
    folder: config.folders.audit,
    origin: auditOrigin(config, instanceOf(config)),
    signingKeyPem: key.privateKeyPem,
  });
  try {
    const record: AuditRecord = {
      time: new Date(clock()).toISOString(),
      requestId: newId("req"),
      accountId: await operatorAccount(parts.connection),
      operation: RESTORE_OPERATION,
      action: "backup:Restore",
      resource: `backup/${manifest.backupId}`,
      principalType: "machine",
      principalId: `uid:${restoredBy.userId}`,
      principalName: restoredBy.userName,
      sourceIp: "",
      decision: "allow",
      determiningPolicyIds: [],
      code: 200,
      reason: null,
      input: {
        backupId: manifest.backupId,
        backupTime: manifest.createTime,
        backupTreeSize: comparison.backupTreeSize,
        knownTreeSize: comparison.knownTreeSize,
        auditLog: comparison.audit,
        olderKeys: comparison.olderKeys,
        changesNotInState: lost.length,
        requestIds: lost.slice(0, REQUESTS_NAMED_MAX),
      },
      transactionId: null,
    };
    await log.append(Buffer.from(JSON.stringify(record)));
  } finally {
    await log.close();
  }
  return lost.length;
}

/** Requests whose change was audited and is not among the rows, told by PostgreSQL's snapshot. */
async function changesNotRestored(config: Config, manifest: Manifest): Promise<string[]> {
  const from = Math.max(0, manifest.auditSizeBefore - IN_FLIGHT_MAX);
  let lost: string[] = [];
  let foreign = false;
  let index = 0;
  for await (const entries of readLogFiles(config.folders.audit)) {
    for (const bytes of entries) {
      index += 1;
      if (index <= from) continue;
      const entry = JSON.parse(bytes.toString("utf8")) as AuditRecord;
      // Transaction ids are of one database: a restore before the backup began another one, and
      // what follows a restore after the backup was never in the database that was copied.
      const restored = entry.operation === RESTORE_OPERATION;
      if (restored && index <= manifest.auditSizeBefore) lost = [];
      else if (restored) foreign = true;
      if (entry.transactionId === null || entry.code !== 200) continue;
      const kept = !foreign && isVisible(manifest.snapshot, entry.transactionId);
      if (!kept) lost.push(entry.requestId);
    }
  }
  return lost;
}

async function operatorAccount(connection: Connection): Promise<string> {
  const client = await connectForCopy(connection);
  try {
    await client.query("begin; set local role cordon_system");
    const { rows } = await client.query<{ account_id: string }>(
      "select account_id from account order by operator desc, create_time limit 1",
    );
    return rows[0]?.account_id ?? NO_ACCOUNT;
  } finally {
    await client.end();
  }
}
