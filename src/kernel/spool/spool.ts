/**
 * The writing end of a spool: one process appends events to segment files on its own disk, with
 * one fdatasync for all that waits. It does not deliver; readers of other processes do.
 */
import { mkdirSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import {
  addFrame,
  type Batch,
  emptyBatch,
  frameHeaderBytes,
  limits,
  listSegments,
  readersFolder,
  segmentMagic,
  segmentPath,
} from "./segment.ts";
import { cutTornTail, releaseWriter, syncFolder, takeWriter } from "./spool-open.ts";

export type SpoolOptions = {
  /** `<data>/spool/<source>`; made when missing. One writer per folder. */
  readonly folder: string;
  /** A new segment starts when the current one has reached this. */
  readonly segmentBytesMax?: number;
  /** All segments together; at the limit records are refused until readers have moved on. */
  readonly totalBytesMax?: number;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
};

export type SpoolStats = {
  readonly appendedRecords: number;
  readonly appendedBytes: number;
  /** Records that were refused: spool full, disk full, too long. */
  readonly refusedRecords: number;
  readonly pendingRecords: number;
  readonly usedBytes: number;
  readonly totalBytesMax: number;
  readonly syncs: number;
  /** Bytes of unfinished frames that a crash had left and opening cut off. */
  readonly tornBytes: number;
  /** Why the last write failed; undefined while the spool can be written. */
  readonly failure: string | undefined;
};

export type Spool = {
  /**
   * Writes one JSON event; resolves when it is fdatasynced (shared with all that wait).
   * @throws SpoolError when it is too long, the spool is full or the disk refuses.
   */
  append(record: Buffer | string, classUid: number): Promise<void>;
  /**
   * Takes one JSON event and writes it within `delayMsMax`, without order relative to `append`.
   * False (and counted) when it is too long, the spool is full or the disk refuses.
   */
  appendLater(record: Buffer | string, classUid: number): boolean;
  stats(): SpoolStats;
  /** Writes what is pending and ends the writer. */
  close(): Promise<void>;
};

export class SpoolError extends Error {
  override readonly name = "SpoolError";
  readonly reason: "tooLong" | "full" | "disk" | "closed";
  constructor(reason: SpoolError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

const delayMsMax = 40;
const retryMs = 250;

type Waiter = { resolve: () => void; reject: (error: SpoolError) => void };
type State = {
  readonly folder: string;
  readonly segmentBytesMax: number;
  readonly totalBytesMax: number;
  readonly clock: () => number;
  segment: number;
  offset: number;
  file: FileHandle | undefined;
  /** Records of `append`, given up when the write fails, and who waits for them. */
  urgent: Batch;
  waiters: Waiter[];
  /** Records of `appendLater`, kept when the write fails. */
  later: Batch;
  retained: Batch;
  spare: Batch[];
  flushing: Promise<void> | undefined;
  timer: NodeJS.Timeout | undefined;
  usedBytes: number;
  countedAtMs: number;
  failure: string | undefined;
  closed: boolean;
  counts: { records: number; bytes: number; refused: number; syncs: number; torn: number };
};

/**
 * Opens the folder for writing: cuts a torn tail, then starts a new segment.
 * @throws Error when another living process writes the folder, or it cannot be made.
 */
export function openSpool(options: SpoolOptions): Spool {
  const { folder } = options;
  mkdirSync(readersFolder(folder), { recursive: true });
  takeWriter(folder);
  const left = cutTornTail(folder);
  const state: State = {
    folder,
    segmentBytesMax: options.segmentBytesMax ?? 16 * 1024 * 1024,
    totalBytesMax: options.totalBytesMax ?? 2 * 1024 * 1024 * 1024,
    clock: options.clock ?? Date.now,
    // INVARIANT: a segment is never opened for writing twice, so a reader's offset stays true.
    segment: left.newest,
    offset: 0,
    file: undefined,
    urgent: emptyBatch(),
    waiters: [],
    later: emptyBatch(),
    retained: emptyBatch(),
    spare: [],
    flushing: undefined,
    timer: undefined,
    usedBytes: left.usedBytes,
    countedAtMs: 0,
    failure: undefined,
    closed: false,
    counts: { records: 0, bytes: 0, refused: 0, syncs: 0, torn: left.tornBytes },
  };
  return {
    append: (record, classUid) => append(state, record, classUid),
    appendLater: (record, classUid) => appendLater(state, record, classUid),
    stats: () => statsOf(state),
    close: () => close(state),
  };
}

function pendingBytes(state: State): number {
  return state.urgent.used + state.later.used + state.retained.used;
}

function hasRoom(state: State, frameBytes: number): boolean {
  return state.usedBytes + pendingBytes(state) + frameBytes <= state.totalBytesMax;
}

function frameBytesOf(record: Buffer | string): number {
  const length = typeof record === "string" ? Buffer.byteLength(record) : record.length;
  return length + frameHeaderBytes;
}

async function append(state: State, record: Buffer | string, classUid: number): Promise<void> {
  const frameBytes = frameBytesOf(record);
  if (state.closed) throw refused(state, "closed", "the spool is closed");
  if (frameBytes > limits.recordBytesMax) {
    const wanted = `records have at most ${limits.recordBytesMax} bytes`;
    throw refused(state, "tooLong", `the record has ${frameBytes} bytes, ${wanted}`);
  }
  if (!hasRoom(state, frameBytes)) await countUsed(state);
  if (!hasRoom(state, frameBytes)) throw refused(state, "full", fullMessage(state));
  if (state.urgent.used + frameBytes > limits.pendingBytesMax) {
    throw refused(state, "full", `${state.urgent.used} bytes wait for the disk already`);
  }
  addFrame(state.urgent, record, classUid);
  return new Promise((resolve, reject) => {
    state.waiters.push({ resolve, reject });
    startFlush(state);
  });
}

function appendLater(state: State, record: Buffer | string, classUid: number): boolean {
  const frameBytes = frameBytesOf(record);
  const fits =
    frameBytes <= limits.recordBytesMax &&
    state.later.used + frameBytes <= limits.pendingBytesMax &&
    hasRoom(state, frameBytes);
  if (!fits || state.failure !== undefined || state.closed) {
    state.counts.refused += 1;
    if (!state.closed) startTimer(state, retryMs);
    return false;
  }
  addFrame(state.later, record, classUid);
  if (state.later.used > limits.pendingBytesMax / 2) startFlush(state);
  else startTimer(state, delayMsMax);
  return true;
}

function refused(state: State, reason: SpoolError["reason"], why: string): SpoolError {
  state.counts.refused += 1;
  return new SpoolError(reason, `Cannot append to the spool ${state.folder}: ${why}`);
}

function fullMessage(state: State): string {
  return (
    `it holds ${state.usedBytes} of at most ${state.totalBytesMax} bytes;` +
    " it empties when its readers (the lake) have taken the events"
  );
}

function startTimer(state: State, delayMs: number): void {
  if (state.timer !== undefined || state.flushing !== undefined) return;
  state.timer = setTimeout(() => {
    state.timer = undefined;
    startFlush(state);
  }, delayMs);
}

function startFlush(state: State): void {
  if (state.flushing !== undefined) return;
  clearTimeout(state.timer);
  state.timer = undefined;
  state.flushing = flushAll(state).finally(() => {
    state.flushing = undefined;
    if (state.failure !== undefined) startTimer(state, retryMs);
    else if (state.waiters.length > 0) startFlush(state);
    else if (state.later.used > 0) startTimer(state, delayMsMax);
  });
}

/** Group commit: all that has gathered since the last write goes to disk with one fdatasync. */
async function flushAll(state: State): Promise<void> {
  if (state.clock() - state.countedAtMs >= retryMs && !hasRoom(state, 1)) await countUsed(state);
  do {
    const urgent = state.urgent;
    const waiters = state.waiters;
    state.urgent = state.spare.pop() ?? emptyBatch();
    state.waiters = [];
    if (state.retained.used === 0) {
      const empty = state.retained;
      state.retained = state.later;
      state.later = empty;
    }
    const later = state.retained;
    try {
      await write(state, urgent, later);
      state.failure = undefined;
      for (const waiter of waiters) waiter.resolve();
      clear(later);
    } catch (error) {
      await giveUpSegment(state);
      state.failure = error instanceof Error ? error.message : String(error);
      const reason = `the disk refuses: ${state.failure}; the record was not stored`;
      for (const waiter of waiters) waiter.reject(refused(state, "disk", reason));
    }
    clear(urgent);
    state.spare.push(urgent);
  } while (state.waiters.length > 0);
}

function clear(batch: Batch): void {
  batch.used = 0;
  batch.records = 0;
  // A burst must not hold its memory for ever.
  if (batch.bytes.length > limits.pendingBytesMax / 4) batch.bytes = Buffer.alloc(0);
}

async function write(state: State, urgent: Batch, later: Batch): Promise<void> {
  const parts = [later, urgent].filter((batch) => batch.used > 0);
  if (parts.length === 0) return;
  const file = state.file ?? (await nextSegment(state));
  let bytes = 0;
  for (const part of parts) {
    await writeWhole(file, part.bytes.subarray(0, part.used), state.offset + bytes);
    bytes += part.used;
  }
  await file.datasync();
  state.counts.syncs += 1;
  state.offset += bytes;
  state.usedBytes += bytes;
  state.counts.bytes += bytes;
  for (const part of parts) state.counts.records += part.records;
  if (state.offset >= state.segmentBytesMax) {
    state.file = undefined;
    await file.close();
  }
}

async function writeWhole(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    if (bytesWritten === 0) throw new Error("the disk took no bytes");
    done += bytesWritten;
  }
}

async function nextSegment(state: State): Promise<FileHandle> {
  const segment = state.segment + 1;
  const file = await open(segmentPath(state.folder, segment), "wx");
  state.segment = segment;
  state.file = file;
  state.offset = 0;
  await writeWhole(file, segmentMagic, 0);
  state.offset = segmentMagic.length;
  await syncFolder(state.folder);
  await countUsed(state);
  return file;
}

/**
 * After a failed write or sync nothing is known of the pages behind the last good offset, so the
 * segment is cut there and left for good.
 */
async function giveUpSegment(state: State): Promise<void> {
  const file = state.file;
  state.file = undefined;
  if (file === undefined) return;
  try {
    await file.truncate(state.offset);
    await file.datasync();
  } catch {
    // Readers skip what is torn, and opening the spool again cuts it.
  }
  await file.close().catch(() => undefined);
}

async function countUsed(state: State): Promise<void> {
  state.countedAtMs = state.clock();
  let bytes = 0;
  for (const segment of await listSegments(state.folder)) {
    const info = await stat(segmentPath(state.folder, segment)).catch(() => undefined);
    bytes += info?.size ?? 0;
  }
  state.usedBytes = bytes;
}

function statsOf(state: State): SpoolStats {
  return {
    appendedRecords: state.counts.records,
    appendedBytes: state.counts.bytes,
    refusedRecords: state.counts.refused,
    pendingRecords: state.urgent.records + state.later.records + state.retained.records,
    usedBytes: state.usedBytes,
    totalBytesMax: state.totalBytesMax,
    syncs: state.counts.syncs,
    tornBytes: state.counts.torn,
    failure: state.failure ?? (hasRoom(state, 1) ? undefined : fullMessage(state)),
  };
}

async function close(state: State): Promise<void> {
  if (state.closed) return;
  state.closed = true;
  await state.flushing;
  do await flushAll(state);
  while (pendingBytes(state) > 0 && state.failure === undefined);
  clearTimeout(state.timer);
  await state.file?.close();
  state.file = undefined;
  releaseWriter(state.folder);
}
