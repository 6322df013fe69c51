/**
 * Entries on their way to a full bundle: an append-only file of frames {length u16, crc32 u32,
 * bytes}. A crash can tear only its end, which the checksum shows.
 */
import { crc32 } from "node:zlib";

const HEADER_BYTES = 6;

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
