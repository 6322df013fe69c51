/**
 * Delivers every spool of this machine into the lake, at least once. A batch that was inserted but
 * not yet committed when the process died comes again; the table replaces what has the same uid,
 * and queries read it that way (`FINAL`), so it counts once.
 */
import { appendFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { columnsOf } from "../../kernel/events/row.ts";
import type { Lake, LakeTable } from "../../kernel/lake/client.ts";
import {
  openSpoolReader,
  type SpoolReader,
  type SpoolRecord,
} from "../../kernel/spool/spool-reader.ts";

export type Delivery = {
  readonly spoolFolder: string;
  readonly table: LakeTable;
  readonly insert: Lake["insert"];
  /** The row of a record as JSON; undefined for what is none. */
  readonly lineOf: (bytes: Buffer) => string | undefined;
  /** Takes what is no row. */
  readonly setAside: (bytes: Buffer) => Promise<void>;
};

const READER = "lake";
const RECORDS_MAX = 20_000;
const BYTES_MAX = 32 * 1_048_576;
const WAIT_MS = 500;
const RETRY_MS = 1_000;
/** Small batches make small parts; a short pause lets events gather. */
const GATHER_MS = 400;

/** Runs until the signal ends it; resolves when every source is put down. */
export async function deliverSpools(delivery: Delivery, signal: AbortSignal): Promise<void> {
  const known = new Set<string>();
  const running: Promise<void>[] = [];
  await mkdir(delivery.spoolFolder, { recursive: true });
  while (!signal.aborted) {
    for (const entry of await readdir(delivery.spoolFolder, { withFileTypes: true })) {
      if (!entry.isDirectory() || known.has(entry.name)) continue;
      known.add(entry.name);
      running.push(deliverSource(delivery, entry.name, signal));
    }
    await sleep(WAIT_MS, undefined, { signal }).catch(() => {});
  }
  await Promise.all(running);
}

async function deliverSource(delivery: Delivery, source: string, signal: AbortSignal) {
  while (!signal.aborted) {
    let reader: SpoolReader | undefined;
    try {
      reader = await openSpoolReader({ folder: join(delivery.spoolFolder, source), name: READER });
      while (!signal.aborted) await deliverBatch(delivery, reader, signal);
    } catch (error) {
      if (!signal.aborted) console.error(`lake: ${source}: ${error}`);
      await sleep(RETRY_MS);
    } finally {
      await reader?.close();
    }
  }
}

async function deliverBatch(delivery: Delivery, reader: SpoolReader, signal: AbortSignal) {
  const { records, next } = await reader.read(RECORDS_MAX, BYTES_MAX, { waitMs: WAIT_MS, signal });
  if (records.length === 0) {
    // An empty segment behind: what is before it can go.
    if (next.segment > reader.committed().segment) await reader.commit(next);
    return;
  }
  const lines = await linesOf(delivery, records);
  if (lines !== "") await delivery.insert(delivery.table, lines);
  await reader.commit(next);
  if (records.length < RECORDS_MAX) {
    await sleep(GATHER_MS, undefined, { signal }).catch(() => {});
  }
}

async function linesOf(delivery: Delivery, records: readonly SpoolRecord[]): Promise<string> {
  const lines: string[] = [];
  for (const { bytes } of records) {
    const line = delivery.lineOf(bytes);
    if (line === undefined) await delivery.setAside(bytes);
    else lines.push(line);
  }
  return lines.join("\n");
}

/** Events go into their table; what is none is kept in a file, never dropped in silence. */
export function eventDelivery(
  spoolFolder: string,
  deadLetterFile: string,
): Omit<Delivery, "insert"> {
  return {
    spoolFolder,
    table: "event",
    lineOf: (bytes) => lineOf(bytes.toString("utf8")),
    setAside: (bytes) => appendFile(deadLetterFile, `${JSON.stringify(bytes.toString("utf8"))}\n`),
  };
}

/** Records of requests; what is none is told by its length only, since it may be anything. */
export function recordDelivery(spoolFolder: string): Omit<Delivery, "insert"> {
  return {
    spoolFolder,
    table: "request_record",
    lineOf: (bytes) => recordLine(bytes.toString("utf8")),
    setAside: async ({ length }) => console.error(`lake: ${length} bytes are no request record`),
  };
}

function recordLine(raw: string): string | undefined {
  const record = parsed(raw);
  if (record === undefined) return undefined;
  const { uid, requestId, accountId, siteId, time, expires } = record;
  if (typeof time !== "number" || typeof expires !== "number") return undefined;
  if ([uid, requestId, accountId, siteId].some((id) => typeof id !== "string")) return undefined;
  return JSON.stringify({
    ...{ account: accountId, site_id: siteId, uid, request_id: requestId, record: raw },
    time: clickhouseTime(time),
    expires: Math.ceil(expires / 1_000),
  });
}

function lineOf(raw: string): string | undefined {
  const event = parsed(raw);
  const columns = event === undefined ? undefined : columnsOf(event);
  if (columns === undefined) return undefined;
  const { time, ...rest } = columns;
  return JSON.stringify({ ...rest, time: clickhouseTime(time), raw });
}

function parsed(raw: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** `2026-01-31 12:00:00.000`, which DateTime64 reads in every mode. */
function clickhouseTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 23).replace("T", " ");
}
