/** What opening a spool for writing needs: one writer per folder, and no torn tail left behind. */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { listSegmentsSync, segmentPath, wholeFramesEnd } from "./segment.ts";

const writerFile = (folder: string) => join(folder, "writer");

/**
 * Notes this process as the folder's writer.
 * @throws Error when the noted writer is another process that still lives.
 */
export function takeWriter(folder: string): void {
  const path = writerFile(folder);
  const [pid, startedAt] = readText(path).split(" ");
  const isOther = pid !== undefined && pid !== "" && Number(pid) !== process.pid;
  if (isOther && startedAt !== "" && startedAt === processStart(pid)) {
    throw new Error(
      `Cannot open the spool ${folder}: process ${pid} writes it; a spool has one writer`,
    );
  }
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${process.pid} ${processStart(String(process.pid))}`);
  renameSync(draft, path);
}

export function releaseWriter(folder: string): void {
  rmSync(writerFile(folder), { force: true });
}

/** Start time in clock ticks (proc(5), field 22): tells a living writer from a reused pid. */
function processStart(pid: string): string {
  const stat = readText(`/proc/${pid}/stat`);
  const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return afterName[19] ?? "";
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/**
 * Cuts the unfinished frame that a crash left in the newest segment.
 * Returns that segment's number (0 = none yet) and the bytes in use.
 */
export function cutTornTail(folder: string): {
  newest: number;
  usedBytes: number;
  tornBytes: number;
} {
  const segments = listSegmentsSync(folder);
  const newest = segments.at(-1) ?? 0;
  let usedBytes = 0;
  for (const segment of segments) usedBytes += statSync(segmentPath(folder, segment)).size;
  if (newest === 0) return { newest, usedBytes, tornBytes: 0 };
  const path = segmentPath(folder, newest);
  const bytes = readFileSync(path);
  const end = wholeFramesEnd(bytes);
  const tornBytes = bytes.length - end;
  if (tornBytes > 0) {
    const file = openSync(path, "r+");
    ftruncateSync(file, end);
    fsyncSync(file);
    closeSync(file);
  }
  return { newest, usedBytes: usedBytes - tornBytes, tornBytes };
}

/** Makes a new file's name durable (fsync of the folder, open(2)). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
