/**
 * Entries on their way to a full bundle: an append-only file of frames {length u16, crc32 u32,
 * bytes}. A crash can tear only its end, which the checksum shows.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";

const HEADER_BYTES = 6;
const MODE = 0o640;
const { O_WRONLY, O_CREAT, O_APPEND, O_DSYNC } = constants;

/**
 * Opens the file so that a write is on disk when it returns, as if fdatasync followed (open(2)):
 * one trip to the thread pool for a batch of entries instead of two.
 */
export function openPending(path: string): Promise<FileHandle> {
  return open(path, O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, MODE);
}

/** Appends all or fails: a disk that fills up takes the first part without an error (write(2)). */
export async function appendDurably(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

/** Frames these entries. */
export function encodeFrames(entries: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt16BE(entry.length, 0);
    header.writeUInt32BE(crc32(entry), 2);
    parts.push(header, entry);
  }
  return Buffer.concat(parts);
}

/** The entries that are whole, and how many bytes they take; what follows is torn. */
export function decodeFrames(bytes: Buffer): { entries: Buffer[]; wholeBytes: number } {
  const entries: Buffer[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + HEADER_BYTES + bytes.readUInt16BE(at);
    if (end > bytes.length) break;
    const entry = bytes.subarray(at + HEADER_BYTES, end);
    if (crc32(entry) !== bytes.readUInt32BE(at + 2)) break;
    entries.push(entry);
    at = end;
  }
  return { entries, wholeBytes: at };
}
