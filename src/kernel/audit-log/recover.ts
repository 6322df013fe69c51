/**
 * An audit entry is durable before the change it tells of is committed. After a crash between the
 * two, PostgreSQL knows whether the change came to be; where it did not, an entry says so.
 */
import type { AuditRecord } from "../audit.ts";
import type { Database } from "../store/database.ts";
import type { AuditLog } from "./audit-log.ts";

const ENTRIES_CHECKED_MAX = 2_000;
/** Before a restore the transactions were another database's: their ids say nothing here. */
export const RESTORE_OPERATION = "backup.restore";

/** Looks at the newest entries; returns how many corrections were written. */
export async function correctUncommitted(log: AuditLog, database: Database): Promise<number> {
  const size = log.size();
  const entries = await log.readEntries(Math.max(0, size - ENTRIES_CHECKED_MAX), size);
  const newest = entries.map((bytes) => JSON.parse(bytes.toString("utf8")) as AuditRecord);
  const restored = newest.findLastIndex(({ operation }) => operation === RESTORE_OPERATION);
  const records = newest.slice(restored + 1);
  const corrected = new Set(
    records.filter((record) => record.reason === "kernel.notCommitted").map((one) => one.requestId),
  );
  let count = 0;
  for (const record of records) {
    if (record.transactionId === null || record.code !== 200) continue;
    if (corrected.has(record.requestId)) continue;
    if ((await statusOf(database, record.transactionId)) !== "aborted") continue;
    const correction: AuditRecord = {
      ...record,
      code: 500,
      reason: "kernel.notCommitted",
      transactionId: null,
    };
    await log.append(Buffer.from(JSON.stringify(correction)));
    count += 1;
  }
  return count;
}

/**
 * A transaction id that PostgreSQL has not given out, as far as it remembers after a crash, was
 * never committed: its commit record would have brought the counter back above it.
 */
async function statusOf(database: Database, transactionId: string): Promise<string | null> {
  return database.transaction("system", async (sql) => {
    const [row] = await sql<{ status: string | null }>`
      select case when ${transactionId}::xid8 >= pg_snapshot_xmax(pg_current_snapshot())
        then 'aborted' else pg_xact_status(${transactionId}::xid8) end as status`;
    return row?.status ?? null;
  });
}
