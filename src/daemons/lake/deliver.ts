/**
 * Delivers every spool of this machine into the lake, at least once. A batch that was inserted but
 * not yet committed when the process died comes again; the table replaces what has the same uid,
 * and queries read it that way (`FINAL`), so it counts once.
 */
import { appendFile, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { columnsOf } from "../../kernel/events/row.ts";
import {
  openSpoolReader,
  type SpoolReader,
  type SpoolRecord,
} from "../../kernel/spool/spool-reader.ts";

export type InsertLines = (lines: string) => Promise<void>;

export type Delivery = {
  readonly spoolFolder: string;
  readonly deadLetterFile: string;
  readonly insert: InsertLines;
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
  if (records.length === 0) return;
  const lines = await linesOf(delivery, records);
  if (lines !== "") await delivery.insert(lines);
  await reader.commit(next);
  if (records.length < RECORDS_MAX) {
    await sleep(GATHER_MS, undefined, { signal }).catch(() => {});
  }
}

async function linesOf(delivery: Delivery, records: readonly SpoolRecord[]): Promise<string> {
  const lines: string[] = [];
  for (const { bytes } of records) {
    const raw = bytes.toString("utf8");
    const line = lineOf(raw);
    if (line !== undefined) lines.push(line);
    // Kept and counted by its file, never dropped in silence.
    else await appendFile(delivery.deadLetterFile, `${JSON.stringify(raw)}\n`);
  }
  return lines.join("\n");
}

function lineOf(raw: string): string | undefined {
  let event: unknown;
  try {
    event = JSON.parse(raw);
  } catch {
    return undefined;
  }
  if (typeof event !== "object" || event === null) return undefined;
  const columns = columnsOf({ ...event });
  if (columns === undefined) return undefined;
  const { time, ...rest } = columns;
  return JSON.stringify({ ...rest, time: clickhouseTime(time), raw });
}

/** `2026-01-31 12:00:00.000`, which DateTime64 reads in every mode. */
function clickhouseTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 23).replace("T", " ");
}
