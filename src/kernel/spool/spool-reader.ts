/**
 * The reading end of a spool: a named reader in any process tails the records from where it
 * committed last. Segments that all readers have passed are removed by the reader that commits.
 */
import { watch } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { join } from "node:path";
import {
  type Cursor,
  checkFrame,
  frameHeaderBytes,
  isMissing,
  limits,
  listSegments,
  parseCursor,
  readersFolder,
  segmentMagic,
  segmentPath,
} from "./segment.ts";

export type { Cursor } from "./segment.ts";

/** One event as it was appended: JSON text in bytes that stay valid. */
export type SpoolRecord = { readonly classUid: number; readonly bytes: Buffer };

export type ReadResult = {
  readonly records: SpoolRecord[];
  /** Where to go on; pass to `commit` when the records are safe elsewhere. */
  readonly next: Cursor;
};

export type SpoolReader = {
  /**
   * The next records: at most `recordsMax`, and about `bytesMax` bytes (always one record at
   * least). Waits up to `waitMs` (default: not at all) when there are none; then `[]`.
   */
  read(
    recordsMax: number,
    bytesMax: number,
    options?: { waitMs?: number; signal?: AbortSignal },
  ): Promise<ReadResult>;
  /** Stores the cursor durably and removes segments that every reader has passed. */
  commit(cursor: Cursor): Promise<void>;
  /** Where it would go on after a restart. */
  committed(): Cursor;
  /** Goes back (or on) to a cursor: after a failed delivery the same records come again. */
  seek(cursor: Cursor): Promise<void>;
  /** Bytes between the last committed cursor and the end, and bytes skipped as no frames. */
  lag(): Promise<{ bytes: number; tornBytes: number }>;
  /** Ends the reader; `unregister` also forgets its cursor, so that it holds nothing back. */
  close(options?: { unregister?: boolean }): Promise<void>;
};

export type SpoolReaderOptions = {
  readonly folder: string;
  /** Names the cursor: lower-case letters, digits, dashes. */
  readonly name: string;
  /** Where a reader without a cursor starts: the oldest record (default) or only new ones. */
  readonly from?: Cursor | "oldest" | "newest";
  /** Only these classes; others are passed over without a look at their JSON. */
  readonly classUids?: ReadonlySet<number>;
};

const readerName = /^[a-z0-9][a-z0-9-]{0,62}$/;
const chunkBytes = 1024 * 1024;
const pollMs = 250;

type State = {
  readonly folder: string;
  readonly cursorPath: string;
  readonly classUids: ReadonlySet<number> | undefined;
  position: Cursor;
  committed: Cursor;
  file: { handle: FileHandle; segment: number } | undefined;
  tornBytes: number;
};

/** @throws Error when the name is no reader name or the folder cannot be written. */
export async function openSpoolReader(options: SpoolReaderOptions): Promise<SpoolReader> {
  const { folder, name } = options;
  if (!readerName.test(name)) {
    throw new Error(`Cannot open the spool reader "${name}": use a-z, 0-9 and dashes, at most 63`);
  }
  await mkdir(readersFolder(folder), { recursive: true });
  const cursorPath = join(readersFolder(folder), `${name}.json`);
  const known = await readCursor(cursorPath);
  const position = known ?? (await startOf(folder, options.from ?? "oldest"));
  const state: State = {
    folder,
    cursorPath,
    classUids: options.classUids,
    position,
    committed: position,
    file: undefined,
    tornBytes: 0,
  };
  // Registered from now on: no other reader's commit removes what this one has not seen.
  if (known === undefined) await storeCursor(state, position);
  return {
    read: (recordsMax, bytesMax, wait) => readWaiting(state, { recordsMax, bytesMax, ...wait }),
    commit: (cursor) => commit(state, cursor),
    committed: () => state.committed,
    seek: async (cursor) => {
      state.position = cursor;
    },
    lag: () => lag(state),
    close: (end) => close(state, end?.unregister ?? false),
  };
}

async function readCursor(path: string): Promise<Cursor | undefined> {
  try {
    return parseCursor(await readFile(path, "utf8"));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function startOf(folder: string, from: Cursor | "oldest" | "newest"): Promise<Cursor> {
  if (typeof from === "object") return from;
  if (from === "oldest") return { segment: 0, offset: 0 };
  const newest = (await listSegments(folder)).at(-1);
  if (newest === undefined) return { segment: 0, offset: 0 };
  return { segment: newest, offset: (await stat(segmentPath(folder, newest))).size };
}

type Request = {
  recordsMax: number;
  bytesMax: number;
  waitMs?: number;
  signal?: AbortSignal;
};

async function readWaiting(state: State, request: Request): Promise<ReadResult> {
  const deadline = performance.now() + (request.waitMs ?? 0);
  let records = await readAvailable(state, request);
  for (;;) {
    const leftMs = deadline - performance.now();
    if (records.length > 0 || leftMs <= 0 || request.signal?.aborted) {
      return { records, next: state.position };
    }
    const change = nextChange(state.folder, Math.min(leftMs, pollMs), request.signal);
    // Once more, now that the watch stands: what came in between has woken nobody.
    records = await readAvailable(state, request);
    if (records.length > 0) change.cancel();
    await change.seen;
  }
}

/** `seen` resolves when a file of the folder changes; the poll covers what a watch may miss. */
function nextChange(
  folder: string,
  waitMs: number,
  signal: AbortSignal | undefined,
): { seen: Promise<void>; cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = () => {
    clearTimeout(timer);
    watcher?.close();
    signal?.removeEventListener("abort", cancel);
    resolve();
  };
  const timer = setTimeout(cancel, waitMs);
  const watcher = watchOf(folder, cancel);
  signal?.addEventListener("abort", cancel, { once: true });
  return { seen: promise, cancel };
}

function watchOf(folder: string, listener: () => void): ReturnType<typeof watch> | undefined {
  try {
    // A machine out of inotify watches falls back to the poll.
    return watch(folder, listener).on("error", () => undefined);
  } catch {
    return undefined;
  }
}

async function readAvailable(state: State, request: Request): Promise<SpoolRecord[]> {
  const records: SpoolRecord[] = [];
  let bytesLeft = request.bytesMax;
  while (records.length < request.recordsMax && bytesLeft > 0) {
    const file = await currentFile(state);
    if (file === undefined) return records;
    // Looked up before the read: what is written before a newer segment exists is final.
    const newer = await newerSegment(state.folder, file.segment);
    const wanted = Math.min(chunkBytes, Math.max(bytesLeft, frameHeaderBytes));
    const taken = await readFrames(state, file, {
      records,
      recordsMax: request.recordsMax,
      bytesWanted: wanted,
    });
    bytesLeft -= taken.bytes;
    if (!taken.stuck) continue;
    if (newer === undefined) return records;
    state.tornBytes += taken.unreadBytes;
    state.position = { segment: newer, offset: 0 };
  }
  return records;
}

async function newerSegment(folder: string, segment: number): Promise<number | undefined> {
  return (await listSegments(folder)).find((number) => number > segment);
}

async function currentFile(state: State): Promise<State["file"]> {
  const { segment } = state.position;
  if (state.file?.segment === segment) return state.file;
  await state.file?.handle.close();
  state.file = undefined;
  const exists = (await listSegments(state.folder)).find((number) => number >= segment);
  if (exists === undefined) return undefined;
  if (exists !== segment) state.position = { segment: exists, offset: 0 };
  state.file = { handle: await open(segmentPath(state.folder, exists), "r"), segment: exists };
  return state.file;
}

type Taking = { records: SpoolRecord[]; recordsMax: number; bytesWanted: number };

/** Takes whole frames at the position; `stuck` when not even one stands there. */
async function readFrames(
  state: State,
  file: { handle: FileHandle; segment: number },
  taking: Taking,
): Promise<{ bytes: number; stuck: boolean; unreadBytes: number }> {
  const start = Math.max(state.position.offset, segmentMagic.length);
  let chunk = await readChunk(file.handle, start, taking.bytesWanted);
  let offset = 0;
  while (taking.records.length < taking.recordsMax) {
    const frame = checkFrame(chunk, offset);
    if (frame.kind === "short" && offset === 0 && chunk.length >= taking.bytesWanted) {
      // The first record is longer than what was asked for.
      chunk = await readChunk(file.handle, start, limits.recordBytesMax + frameHeaderBytes);
      taking.bytesWanted = limits.recordBytesMax + frameHeaderBytes + 1;
      continue;
    }
    if (frame.kind !== "frame") break;
    if (state.classUids === undefined || state.classUids.has(frame.classUid)) {
      const bytes = chunk.subarray(offset + frameHeaderBytes, frame.end);
      taking.records.push({ classUid: frame.classUid, bytes });
    }
    offset = frame.end;
  }
  state.position = { segment: file.segment, offset: start + offset };
  return { bytes: offset, stuck: offset === 0, unreadBytes: chunk.length };
}

/** What is there, up to `wanted`. Space is made for that only: a poll mostly finds nothing. */
async function readChunk(handle: FileHandle, start: number, wanted: number): Promise<Buffer> {
  const { size } = await handle.stat();
  const there = Math.min(wanted, Math.max(0, size - start));
  const chunk = Buffer.allocUnsafe(there);
  let length = 0;
  while (length < there) {
    const { bytesRead } = await handle.read(chunk, length, there - length, start + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return chunk.subarray(0, length);
}

async function storeCursor(state: State, cursor: Cursor): Promise<void> {
  const draft = `${state.cursorPath}.draft`;
  const handle = await open(draft, "w");
  try {
    await handle.writeFile(JSON.stringify(cursor));
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(draft, state.cursorPath);
}

async function commit(state: State, cursor: Cursor): Promise<void> {
  await storeCursor(state, cursor);
  const hasPassedSegment = cursor.segment > state.committed.segment;
  state.committed = cursor;
  if (hasPassedSegment) await removePassedSegments(state.folder);
}

async function removePassedSegments(folder: string): Promise<void> {
  const names = (await readdir(readersFolder(folder))).filter((name) => name.endsWith(".json"));
  if (names.length > limits.readersMax) return;
  let passed = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const cursor = await readCursor(join(readersFolder(folder), name));
    passed = Math.min(passed, cursor?.segment ?? 0);
  }
  const segments = await listSegments(folder);
  // INVARIANT: the newest segment stays, so that the writer never uses a number again.
  for (const segment of segments.slice(0, -1)) {
    if (segment < passed) await rm(segmentPath(folder, segment), { force: true });
  }
}

async function lag(state: State): Promise<{ bytes: number; tornBytes: number }> {
  let bytes = 0;
  for (const segment of await listSegments(state.folder)) {
    if (segment < state.committed.segment) continue;
    const info = await stat(segmentPath(state.folder, segment)).catch(() => undefined);
    const passed = segment === state.committed.segment ? state.committed.offset : 0;
    bytes += Math.max(0, (info?.size ?? 0) - Math.max(passed, segmentMagic.length));
  }
  return { bytes, tornBytes: state.tornBytes };
}

async function close(state: State, unregister: boolean): Promise<void> {
  await state.file?.handle.close();
  state.file = undefined;
  if (unregister) await rm(state.cursorPath, { force: true });
}
