/** Carries the services' events from the outbox table to the spool, in order, at least once. */
import type { Spool } from "../spool/spool.ts";
import type { Database, Sql } from "../store/database.ts";

const BATCH_MAX = 500;
const API_ACTIVITY = 6003;

export type OutboxRow = {
  readonly position: number;
  readonly accountId: string;
  readonly event: Readonly<Record<string, unknown>>;
};

/** Takes events in the transaction that removes them from the outbox: each exactly once. */
export type OutboxConsumer = (sql: Sql, rows: readonly OutboxRow[]) => Promise<void>;

/**
 * Moves what is there; returns how many. The spool may get an event twice, with the same uid; the
 * consumer gets it once.
 */
export async function drainOutbox(
  database: Database,
  spool: Pick<Spool, "append">,
  consume: OutboxConsumer = async () => {},
): Promise<number> {
  return database.transaction("system", async (sql) => {
    // Rows are locked, so that two processes share the work instead of doing it twice.
    const rows = await sql<OutboxRow>`
      select position, account_id, event from outbox
      order by position limit ${BATCH_MAX} for update skip locked`;
    if (rows.length === 0) return 0;
    await Promise.all(
      rows.map((row) => {
        const event = ocsfOf(row);
        return spool.append(JSON.stringify(event), event.class_uid);
      }),
    );
    await consume(sql, rows);
    // INVARIANT: by name and not "up to here": a lower position may be committed later.
    await sql`delete from outbox where position = any(${rows.map(({ position }) => position)})`;
    return rows.length;
  });
}

/** OCSF API Activity (6003), or the class that the service named. */
function ocsfOf({ position, accountId, event }: OutboxRow) {
  const classUid = typeof event.classUid === "number" ? event.classUid : API_ACTIVITY;
  const type = String(event.type);
  const severity = typeof event.severityId === "number" ? event.severityId : 1;
  return {
    class_uid: classUid,
    category_uid: Math.floor(classUid / 1000),
    activity_id: 99,
    activity_name: type,
    type_uid: classUid * 100 + 99,
    severity_id: severity,
    time: Date.parse(String(event.time)),
    message: String(event.message),
    metadata: {
      uid: `outbox-${position}`,
      version: "1.5.0",
      product: { name: "Cordon", vendor_name: "Cordon" },
    },
    cloud: { account: { uid: accountId }, provider: "Cordon" },
    actor: { user: { uid: event.principalId, name: event.principalName } },
    src_endpoint: { ip: event.sourceIp },
    api: { operation: event.operation, request: { uid: event.requestId } },
    resources: [{ name: event.resource }],
    status_id: 1,
    unmapped: {
      cordon: { type, data: event.data ?? null, messageCoded: event.messageCoded ?? null },
    },
  };
}
