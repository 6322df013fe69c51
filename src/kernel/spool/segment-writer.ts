/**
 * The newest segment of a spool, as its one writer sees it: bytes go to the operating system at
 * once and in order, and to the disk with a sync. What to write and when is spool.ts.
 */
import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from "node:fs";
import { promisify } from "node:util";
import { segmentMagic, segmentPath } from "./segment.ts";
import { syncFolder } from "./spool-open.ts";

export type SegmentWriter = {
  readonly folder: string;
  readonly segmentBytesMax: number;
  /** Number of the newest segment, open or not; 0 = none yet. */
  segment: number;
  file: number | undefined;
  /** Offset behind the last byte written, and behind the last one synced. */
  end: number;
  synced: number;
  /** The folder does not durably name the segment yet. */
  isNew: boolean;
  /** A failed write could not be cut off: nothing may follow it in this segment. */
  isBad: boolean;
};

const MAGIC_BYTES = segmentMagic.length;
const datasync = promisify(fdatasync);

/** A writer behind segment `newest`; INVARIANT: no segment is opened for writing twice. */
export function segmentWriter(
  folder: string,
  { newest, segmentBytesMax }: { newest: number; segmentBytesMax: number },
): SegmentWriter {
  const start = { end: 0, synced: 0, isNew: false, isBad: false };
  return { folder, segmentBytesMax, segment: newest, file: undefined, ...start };
}

/**
 * Writes whole frames: from here on they survive the death of this process, though not yet that
 * of the machine. Synchronous, because an answer may wait for it and the copy is short.
 *
 * @throws Error of the disk; then nothing of `bytes` stands in the segment.
 */
export function writeFrames(writer: SegmentWriter, bytes: Buffer): void {
  if (bytes.length === 0) return;
  if (writer.isBad) throw new Error("an earlier write to the segment broke off");
  writer.file ??= openNext(writer);
  const { file } = writer;
  try {
    if (writer.end === 0) writer.end = writeWhole(file, segmentMagic, 0);
    writer.end = writeWhole(file, bytes, writer.end);
  } catch (error) {
    // A reader stops at half a frame, and what follows it would be lost to it.
    try {
      ftruncateSync(file, writer.end);
    } catch {
      writer.isBad = true;
    }
    throw error;
  }
}

/**
 * Makes durable what was written before the call; starts a new segment when this one is full.
 *
 * @returns the bytes that became durable.
 * @throws Error of the disk; then nothing after the last sync stands in the segment.
 */
export async function syncFrames(writer: SegmentWriter): Promise<number> {
  const { file, end, synced } = writer;
  if (file === undefined) return 0;
  try {
    if (writer.isBad) throw new Error("an earlier write to the segment broke off");
    if (end > synced) await datasync(file);
    if (writer.isNew) await syncFolder(writer.folder);
  } catch (error) {
    giveUp(writer, file);
    throw error;
  }
  writer.isNew = false;
  writer.synced = end;
  // What was written meanwhile belongs to the next sync, and so does the end of the segment.
  if (writer.end === end && end >= writer.segmentBytesMax) closeSegment(writer);
  return end - synced;
}

/** Closes the open segment; the next write starts a new one. */
export function closeSegment(writer: SegmentWriter): void {
  if (writer.file !== undefined) closeSync(writer.file);
  Object.assign(writer, { file: undefined, end: 0, synced: 0, isNew: false, isBad: false });
}

/**
 * Begins a new segment unless the newest is empty: readers remove all but the newest, and what is
 * in it would stay on the disk for as long as nothing more comes.
 *
 * @throws Error of the disk.
 */
export function beginSegment(writer: SegmentWriter): void {
  const isEmpty = writer.file === undefined ? writer.segment === 0 : writer.end <= MAGIC_BYTES;
  if (isEmpty) return;
  closeSegment(writer);
  writer.file = openNext(writer);
  writer.end = writeWhole(writer.file, segmentMagic, 0);
}

/**
 * After a failed sync nothing is known of the pages behind the last good offset (fsync(2)), so the
 * segment is cut there and left for good.
 */
function giveUp(writer: SegmentWriter, file: number): void {
  try {
    ftruncateSync(file, writer.synced);
  } catch {
    // Readers skip what is torn, and opening the spool again cuts it.
  }
  closeSegment(writer);
}

function openNext(writer: SegmentWriter): number {
  const file = openSync(segmentPath(writer.folder, writer.segment + 1), "wx");
  writer.segment += 1;
  writer.isNew = true;
  return file;
}

/** @returns the offset behind the last byte. */
function writeWhole(file: number, bytes: Buffer, position: number): number {
  let done = 0;
  while (done < bytes.length) {
    const written = writeSync(file, bytes, done, bytes.length - done, position + done);
    if (written === 0) throw new Error("the disk took no bytes");
    done += written;
  }
  return position + done;
}
