/**
 * The audit log as the pipeline writes it, and its searchable copy in the database. The files are
 * the truth: the copy is filled behind the log and caught up at every start.
 */

import type { AuditRecord, AuditSink } from "./audit.ts";
import type { AuditLog } from "./audit-log/audit-log.ts";
import type { Database } from "./store/database.ts";

const BATCH_MAX = 500;
const RETRY_MS = 1_000;
/** Between two copies under load: a transaction for every few calls would cost more than they. */
const GATHER_MS = 100;

export type IndexedAudit = AuditSink & {
  /** Resolves when the copy holds everything appended so far; for tests and shutdown. */
  caughtUp(): Promise<void>;
};

/** Joins log and copy; call `caughtUp` once at start. */
export function createIndexedAudit(parts: {
  readonly log: AuditLog;
  /** Whose log it is: each control plane has its own. */
  readonly name: string;
  readonly database: Database;
  readonly report: (line: Readonly<Record<string, unknown>>) => void;
}): IndexedAudit {
  let running: Promise<void> | undefined;
  let wanted = false;
  /** How many callers wait for the copy; while there is one, nothing is gathered. */
  let waiting = 0;
  let hurry = () => {};
  const gather = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS);
      hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  let isNamed = false;
  const run = async (): Promise<void> => {
    for (;;) {
      wanted = false;
      try {
        if (!isNamed) await nameOldCopy(parts);
        isNamed = true;
        const isBehind = (await copyBatch(parts)) === BATCH_MAX;
        if (isBehind) continue;
      } catch (error) {
        parts.report({ level: "error", part: "audit index", error: String(error) });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        wanted = true;
      }
      if (!wanted) return;
      if (waiting === 0) await gather();
    }
  };

  const start = (): Promise<void> => {
    wanted = true;
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };

  return {
    async append(record) {
      await parts.log.append(Buffer.from(JSON.stringify(record)));
      void start();
    },
    async caughtUp() {
      waiting += 1;
      hurry();
      try {
        await start();
      } finally {
        waiting -= 1;
      }
    },
  };
}

type CopyParts = { readonly log: AuditLog; readonly name: string; readonly database: Database };

/** A copy from before logs had names becomes this log's when their first entries are one. */
async function nameOldCopy({ log, name, database }: CopyParts): Promise<void> {
  if (log.size() === 0) return;
  const [bytes] = await log.readEntries(0, 1);
  const first = JSON.parse(bytes?.toString("utf8") ?? "{}") as Partial<AuditRecord>;
  await database.transaction(
    "system",
    (sql) => sql`update audit_entry set log = ${name} where log = '' and exists (
      select from audit_entry where log = '' and index = 0
        and request_id = ${first.requestId ?? ""})`,
  );
}

/** Copies the next entries. @returns how many. */
async function copyBatch({ log, name, database }: CopyParts): Promise<number> {
  return database.transaction("system", async (sql) => {
    const [row] = await sql<{ next: number }>`
      select coalesce(max(index), -1) + 1 as next from audit_entry where log = ${name}`;
    const from = row?.next ?? 0;
    const to = Math.min(log.size(), from + BATCH_MAX);
    if (to <= from) return 0;
    const entries = await log.readEntries(from, to);
    // Entries are JSON already: they are not read here, only put between brackets.
    const rows = entries.map((bytes, at) => `{"index":${from + at},"entry":${storable(bytes)}}`);
    await sql`
      insert into audit_entry (log, account_id, index, time, request_id, operation, resource,
        principal_id, principal_name, source_ip, decision, code, entry)
      select ${name}, e.entry->>'accountId', e.index, (e.entry->>'time')::timestamptz,
        e.entry->>'requestId', e.entry->>'operation', e.entry->>'resource',
        e.entry->>'principalId', e.entry->>'principalName', e.entry->>'sourceIp',
        e.entry->>'decision', (e.entry->>'code')::integer, e.entry
      from jsonb_to_recordset(${`[${rows}]`}::jsonb) as e (index bigint, entry jsonb)
      on conflict (log, index) do nothing`;
    return entries.length;
  });
}

/**
 * JSON that PostgreSQL takes. It refuses U+0000 and halves of surrogate pairs, which a caller may
 * have sent: one such entry would hold up the copy of all that follow.
 */
function storable(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (!/\\u(?:0000|d[89a-f])/i.test(text)) return text;
  return JSON.stringify(JSON.parse(text, (_name, value: unknown) => storableValue(value)));
}

function storableValue(value: unknown): unknown {
  if (typeof value === "string") return storableText(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [storableText(name), one]));
}

function storableText(text: string): string {
  return text.replaceAll("\0", "\ufffd").toWellFormed();
}
