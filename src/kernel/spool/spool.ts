/**
 * The writing end of a spool: one process appends events to segment files on its own disk, with
 * one fdatasync for all that waits. It does not deliver; readers of other processes do.
 */
import { mkdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { messageOf } from "../process/text.ts";
import {
  addFrame,
  type Batch,
  emptyBatch,
  frameHeaderBytes,
  limits,
  listSegments,
  readersFolder,
  recordBytesOf,
  segmentPath,
} from "./segment.ts";
import {
  beginSegment,
  closeSegment,
  type SegmentWriter,
  segmentWriter,
  syncFrames,
  writeFrames,
} from "./segment-writer.ts";
import { cutTornTail, releaseWriter, takeWriter } from "./spool-open.ts";

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
  /**
   * Hands what `appendLater` took to the operating system: from then on the death of this process
   * loses none of it (that of the machine may, until the next sync, `delayMsMax` away). Costs one
   * write for all; false when the disk refuses, and then the records wait for space.
   */
  settle(): boolean;
  stats(): SpoolStats;
  /** Writes what is pending, and lets readers remove all that was written until now. */
  roll(): Promise<void>;
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
/** Records of `appendLater`, kept until they are synced; the first `written` bytes are written. */
type Kept = Batch & { written: number };
type State = {
  readonly folder: string;
  readonly writer: SegmentWriter;
  readonly totalBytesMax: number;
  readonly clock: () => number;
  /** Records of `append`, given up when the write fails, and who waits for them. */
  urgent: Batch;
  waiters: Waiter[];
  later: Kept;
  /** Those a sync is under way for, or has failed for. */
  retained: Kept;
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
    writer: segmentWriter(folder, {
      newest: left.newest,
      segmentBytesMax: options.segmentBytesMax ?? 16 * 1024 * 1024,
    }),
    totalBytesMax: options.totalBytesMax ?? 2 * 1024 * 1024 * 1024,
    clock: options.clock ?? Date.now,
    urgent: emptyBatch(),
    waiters: [],
    later: { ...emptyBatch(), written: 0 },
    retained: { ...emptyBatch(), written: 0 },
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
    settle: () => settle(state),
    stats: () => statsOf(state),
    roll: () => roll(state),
    close: () => close(state),
  };
}

function pendingBytes(state: State): number {
  return state.urgent.used + state.later.used + state.retained.used;
}

function hasRoom(state: State, frameBytes: number): boolean {
  return state.usedBytes + pendingBytes(state) + frameBytes <= state.totalBytesMax;
}

async function append(state: State, record: Buffer | string, classUid: number): Promise<void> {
  const recordBytes = recordBytesOf(record);
  const frameBytes = recordBytes + frameHeaderBytes;
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
  addFrame(state.urgent, record, classUid, recordBytes);
  return new Promise((resolve, reject) => {
    state.waiters.push({ resolve, reject });
    startFlush(state);
  });
}

function appendLater(state: State, record: Buffer | string, classUid: number): boolean {
  const recordBytes = recordBytesOf(record);
  const frameBytes = recordBytes + frameHeaderBytes;
  const fits =
    frameBytes <= limits.recordBytesMax &&
    state.later.used + frameBytes <= limits.pendingBytesMax &&
    hasRoom(state, frameBytes);
  if (!fits || state.failure !== undefined || state.closed) {
    state.counts.refused += 1;
    if (!state.closed) startTimer(state, retryMs);
    return false;
  }
  addFrame(state.later, record, classUid, recordBytes);
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

function startFlush(state: State, andThen?: () => void): void {
  if (state.flushing !== undefined) return;
  clearTimeout(state.timer);
  state.timer = undefined;
  const flushing = andThen === undefined ? flushAll(state) : flushAnd(state, andThen);
  state.flushing = flushing.finally(() => {
    state.flushing = undefined;
    if (state.failure !== undefined) startTimer(state, retryMs);
    else if (state.waiters.length > 0) startFlush(state);
    else if (state.later.used > 0) startTimer(state, delayMsMax);
  });
}

async function flushAnd(state: State, andThen: () => void): Promise<void> {
  await flushAll(state);
  try {
    andThen();
  } catch (error) {
    state.failure = messageOf(error);
  }
}

function settle(state: State): boolean {
  if (state.failure !== undefined) return false;
  try {
    writeKept(state);
    return true;
  } catch (error) {
    state.failure = messageOf(error);
    startTimer(state, retryMs);
    return false;
  }
}

/** @throws Error of the disk; what was not written stays kept. */
function writeKept({ writer, retained, later }: State): void {
  for (const kept of [retained, later]) {
    writeFrames(writer, kept.bytes.subarray(kept.written, kept.used));
    kept.written = kept.used;
  }
}

/** Group commit: all that has gathered since the last write goes to disk with one fdatasync. */
async function flushAll(state: State): Promise<void> {
  if (state.clock() - state.countedAtMs >= retryMs && !hasRoom(state, 1)) await countUsed(state);
  do {
    const { urgent, waiters } = state;
    state.urgent = state.spare.pop() ?? emptyBatch();
    state.waiters = [];
    try {
      await flush(state, urgent);
      state.failure = undefined;
      for (const waiter of waiters) waiter.resolve();
    } catch (error) {
      state.failure = messageOf(error);
      const reason = `the disk refuses: ${state.failure}; the record was not stored`;
      for (const waiter of waiters) waiter.reject(refused(state, "disk", reason));
    }
    clear(urgent);
    state.spare.push(urgent);
  } while (state.waiters.length > 0);
}

async function flush(state: State, urgent: Batch): Promise<void> {
  const { writer, counts } = state;
  writeKept(state);
  writeFrames(writer, urgent.bytes.subarray(0, urgent.used));
  if (state.retained.used === 0) {
    const empty = state.retained;
    state.retained = state.later;
    state.later = empty;
  }
  const { retained } = state;
  const { isNew } = writer;
  try {
    const bytes = await syncFrames(writer);
    if (bytes > 0) counts.syncs += 1;
    counts.bytes += bytes;
    state.usedBytes += bytes;
  } catch (error) {
    // The segment was cut: they go into the next one, whole and in order.
    retained.written = 0;
    state.later.written = 0;
    throw error;
  }
  counts.records += urgent.records + retained.records;
  clear(retained);
  retained.written = 0;
  if (isNew) await countUsed(state);
}

function clear(batch: Batch): void {
  batch.used = 0;
  batch.records = 0;
  // A burst must not hold its memory for ever.
  if (batch.bytes.length > limits.pendingBytesMax / 4) batch.bytes = Buffer.alloc(0);
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

async function roll(state: State): Promise<void> {
  while (state.flushing !== undefined) await state.flushing;
  if (state.closed) return;
  startFlush(state, () => {
    if (state.failure === undefined && pendingBytes(state) === 0) beginSegment(state.writer);
  });
  await state.flushing;
}

async function close(state: State): Promise<void> {
  if (state.closed) return;
  state.closed = true;
  await state.flushing;
  do await flushAll(state);
  while (pendingBytes(state) > 0 && state.failure === undefined);
  clearTimeout(state.timer);
  closeSegment(state.writer);
  releaseWriter(state.folder);
}
