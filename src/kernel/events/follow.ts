/**
 * Follows every spool of this machine: events go to whoever watches, and detections to the
 * consumer in one transaction with the position reached, so that each counts exactly once.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openSpoolReader, type SpoolReader, type SpoolRecord } from "../spool/spool-reader.ts";
import type { Database, Sql } from "../store/database.ts";
import type { LiveEvents } from "./live.ts";

export type EventConsumer = (
  sql: Sql,
  events: readonly Readonly<Record<string, unknown>>[],
) => Promise<void>;

export type FollowParts = {
  readonly spoolFolder: string;
  /** Whose spools these are: every control plane follows those of its own machine. */
  readonly instance: string;
  readonly database: Database;
  readonly live: LiveEvents;
  /** Given only events that met a rule or show a leak or a changed page. */
  readonly consume: EventConsumer;
  /** Called after the transaction of a batch is committed. */
  readonly consumed: () => void;
  readonly report: (line: Readonly<Record<string, unknown>>) => void;
};

const CONSUMER = "server";
const RECORDS_MAX = 2_000;
const BYTES_MAX = 8 * 1_048_576;
const WAIT_MS = 1_000;
const DISCOVER_MS = 1_000;
const RETRY_MS = 500;
/**
 * Found in the bytes of an event with matches, of one with masked leaks, and of a finding, so that
 * all others need no parsing.
 */
const MARKS = ['"matches":[{', '"masked":{"', '"class_uid":2004'];

/** Runs until the signal ends it. */
export async function followSpools(parts: FollowParts, signal: AbortSignal): Promise<void> {
  const followed = new Set<string>();
  const running: Promise<void>[] = [];
  await mkdir(parts.spoolFolder, { recursive: true });
  while (!signal.aborted) {
    const entries = await readdir(parts.spoolFolder, { withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isDirectory() || followed.has(entry.name)) continue;
      followed.add(entry.name);
      running.push(followSource(parts, entry.name, signal));
    }
    await sleep(DISCOVER_MS, undefined, { signal }).catch(() => {});
  }
  await Promise.all(running);
}

async function followSource(parts: FollowParts, source: string, signal: AbortSignal) {
  while (!signal.aborted) {
    let reader: SpoolReader | undefined;
    try {
      reader = await openSpoolReader({ folder: join(parts.spoolFolder, source), name: CONSUMER });
      await seekToStored(parts, source, reader);
      while (!signal.aborted) await readOnce(parts, { source, reader, signal });
    } catch (error) {
      if (!signal.aborted)
        parts.report({ level: "error", part: "events", source, error: String(error) });
      await sleep(RETRY_MS);
    } finally {
      await reader?.close();
    }
  }
}

/** The database's position is the truth: it moved together with what was made of the events. */
async function seekToStored(parts: FollowParts, source: string, reader: SpoolReader) {
  const [row] = await parts.database.transaction("system", async (sql) => {
    // A position from before control planes had names is this one's: there was no other.
    await sql`update spool_cursor set consumer = ${parts.instance}
      where consumer = ${CONSUMER} and source = ${source}`;
    return sql<{ cursor: { segment: number; offset: number } }>`
      select cursor from spool_cursor
      where consumer = ${parts.instance} and source = ${source}`;
  });
  if (row !== undefined) await reader.seek(row.cursor);
}

async function readOnce(
  parts: FollowParts,
  { source, reader, signal }: { source: string; reader: SpoolReader; signal: AbortSignal },
): Promise<void> {
  const { records, next } = await reader.read(RECORDS_MAX, BYTES_MAX, { waitMs: WAIT_MS, signal });
  if (records.length === 0) return;
  const matched = tell(parts, records);
  await parts.database.transaction("system", async (sql) => {
    if (matched.length > 0) await parts.consume(sql, matched);
    await sql`insert into spool_cursor (consumer, source, cursor)
      values (${parts.instance}, ${source}, ${next})
      on conflict (consumer, source) do update set cursor = excluded.cursor`;
  });
  if (matched.length > 0) parts.consumed();
  await reader.commit(next);
}

/** Publishes to watchers and picks the events that may be detections. */
function tell(parts: FollowParts, records: readonly SpoolRecord[]) {
  const watched = parts.live.watcherCount() > 0;
  const matched: Record<string, unknown>[] = [];
  for (const { bytes } of records) {
    const interesting = MARKS.some((mark) => bytes.includes(mark));
    if (!interesting && !watched) continue;
    const event = parsed(bytes);
    if (event === undefined) continue;
    if (interesting) matched.push(event);
    const accountId = accountOf(event);
    if (watched && accountId !== undefined) parts.live.publish({ accountId, event });
  }
  return matched;
}

function parsed(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const event: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof event === "object" && event !== null ? { ...event } : undefined;
  } catch {
    // The lake's delivery keeps what cannot be read in its dead letters, and counts it.
    return undefined;
  }
}

function accountOf(event: Readonly<Record<string, unknown>>): string | undefined {
  const cloud = event.cloud as { account?: { uid?: unknown } } | undefined;
  const uid = cloud?.account?.uid;
  return typeof uid === "string" ? uid : undefined;
}
