/**
 * The file format of a spool: numbered segment files of framed records, and cursor files of
 * readers. It knows bytes and names; writing policy is in spool.ts, tailing in spool-reader.ts.
 *
 * Segment: 8 magic bytes, then frames of
 * `crc32 u32 · length u32 · classUid u32 · record bytes` (little endian); the CRC covers all that
 * follows it in the frame.
 */
import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

export const segmentMagic = Buffer.from("CSPOOL01", "latin1");
export const frameHeaderBytes = 12;

export const limits = {
  /** One record; more than any event needs, so that a wrong length is told from a long record. */
  recordBytesMax: 1024 * 1024,
  /** Records accepted and not yet on disk, per kind of append. */
  pendingBytesMax: 8 * 1024 * 1024,
  segmentsMax: 100_000,
  readersMax: 64,
} as const;

/** A place in a spool: segment number and byte offset of the next frame. */
export type Cursor = { readonly segment: number; readonly offset: number };

const segmentName = /^(\d{12})\.segment$/;

export function segmentPath(folder: string, segment: number): string {
  return join(folder, `${String(segment).padStart(12, "0")}.segment`);
}

export function readersFolder(folder: string): string {
  return join(folder, "readers");
}

/** Segment numbers in the folder, oldest first; a missing folder has none. */
export async function listSegments(folder: string): Promise<number[]> {
  try {
    return numbersOf(await readdir(folder));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export function listSegmentsSync(folder: string): number[] {
  return numbersOf(readdirSync(folder));
}

function numbersOf(names: readonly string[]): number[] {
  const numbers: number[] = [];
  for (const name of names) {
    const match = segmentName.exec(name);
    if (match?.[1] !== undefined) numbers.push(Number(match[1]));
  }
  return numbers.sort((a, b) => a - b);
}

/** Frames that wait to be written, in one growing buffer. */
export type Batch = { bytes: Buffer; used: number; records: number };

export function emptyBatch(): Batch {
  return { bytes: Buffer.alloc(0), used: 0, records: 0 };
}

/** Bytes of a record itself; text is written as UTF-8. */
export const recordBytesOf = (record: Buffer | string): number =>
  typeof record === "string" ? Buffer.byteLength(record) : record.length;

/** Adds a frame; the caller has checked the limits. Returns the bytes added. */
export function addFrame(
  batch: Batch,
  record: Buffer | string,
  classUid: number,
  length: number = recordBytesOf(record),
): number {
  const start = batch.used;
  const end = start + frameHeaderBytes + length;
  if (batch.bytes.length < end) {
    const grown = Buffer.allocUnsafe(Math.max(end, batch.bytes.length * 2, 16 * 1024));
    batch.bytes.copy(grown, 0, 0, start);
    batch.bytes = grown;
  }
  const bytes = batch.bytes;
  if (typeof record === "string") bytes.write(record, start + frameHeaderBytes);
  else record.copy(bytes, start + frameHeaderBytes);
  bytes.writeUInt32LE(length, start + 4);
  bytes.writeUInt32LE(classUid, start + 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(start + 4, end)), start);
  batch.used = end;
  batch.records += 1;
  return end - start;
}

/** What stands at an offset: a whole frame, the start of one, or bytes that are no frame. */
export type FrameCheck =
  | { readonly kind: "frame"; readonly classUid: number; readonly end: number }
  | { readonly kind: "short" }
  | { readonly kind: "bad" };

const shortFrame: FrameCheck = { kind: "short" };
const badFrame: FrameCheck = { kind: "bad" };

export function checkFrame(bytes: Buffer, offset: number): FrameCheck {
  if (bytes.length - offset < frameHeaderBytes) return shortFrame;
  const length = bytes.readUInt32LE(offset + 4);
  if (length > limits.recordBytesMax) return badFrame;
  const end = offset + frameHeaderBytes + length;
  if (end > bytes.length) return shortFrame;
  if (crc32(bytes.subarray(offset + 4, end)) !== bytes.readUInt32LE(offset)) return badFrame;
  return { kind: "frame", classUid: bytes.readUInt32LE(offset + 8), end };
}

/** Offset behind the last whole frame: what a torn tail is cut to. 0 = not even the magic. */
export function wholeFramesEnd(bytes: Buffer): number {
  const head = bytes.subarray(0, segmentMagic.length);
  if (!head.equals(segmentMagic)) return 0;
  let offset = segmentMagic.length;
  for (;;) {
    const frame = checkFrame(bytes, offset);
    if (frame.kind !== "frame") return offset;
    offset = frame.end;
  }
}

/** Reads a cursor file's text; undefined when it is not one (a crash may leave it empty). */
export function parseCursor(text: string): Cursor | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("segment" in value) || !("offset" in value)) return undefined;
  const { segment, offset } = value;
  if (typeof segment !== "number" || typeof offset !== "number") return undefined;
  if (!Number.isSafeInteger(segment) || !Number.isSafeInteger(offset)) return undefined;
  return segment < 0 || offset < 0 ? undefined : { segment, offset };
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
