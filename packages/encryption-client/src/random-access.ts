/** Ranges of an encrypted message: only the chunks that a range touches are read and opened. */
import { divided, openChunk, TAG_BYTES } from "./chunks.ts";
import { EncryptionError } from "./errors.ts";
import { HEADER_BYTES_MAX, type Header, readHeader } from "./header.ts";

/** Where the bytes of a message lie: a file, an object in a store, memory. */
export type Source = {
  readonly bytes: number;
  /** Exactly these bytes, or an error. */
  read(from: number, bytes: number): Promise<Buffer>;
};

export type RandomAccess = {
  /** Length of the plaintext; authentic, because the last chunk was opened. */
  readonly plaintextBytes: number;
  /** A range; what lies behind the end is left out. */
  read(from: number, bytes: number): Promise<Buffer>;
};

/**
 * Reads the header and the last chunk. Without the last one a message that was cut between chunks
 * would look like a shorter one.
 */
export async function openForReading(
  source: Source,
  keyOf: (header: Header) => Promise<Buffer>,
): Promise<RandomAccess> {
  const beginning = await source.read(0, Math.min(source.bytes, HEADER_BYTES_MAX));
  const read = readHeader(beginning);
  if (read === undefined) throw invalid("it ends inside its header");
  const { header, headerBytes } = read;
  const key = await keyOf(header);
  const { chunkBytes } = header;
  const parts = divided(source.bytes - headerBytes, chunkBytes);
  if (parts === undefined) throw invalid("it is cut");
  const { chunks, plaintextBytes } = parts;
  const sealedBytes = chunkBytes + TAG_BYTES;
  const open = async (index: number): Promise<Buffer> => {
    const from = headerBytes + index * sealedBytes;
    const sealed = await source.read(from, Math.min(sealedBytes, source.bytes - from));
    return openChunk(key, { index, isLast: index === chunks - 1 }, sealed);
  };
  const last = await open(chunks - 1);
  const chunkAt = (index: number) => (index === chunks - 1 ? Promise.resolve(last) : open(index));
  return {
    plaintextBytes,
    async read(from, bytes) {
      if (!Number.isSafeInteger(from) || !Number.isSafeInteger(bytes) || from < 0 || bytes < 0) {
        throw new EncryptionError("inputInvalid", `No range: ${bytes} bytes from ${from}`);
      }
      const end = Math.min(from + bytes, plaintextBytes);
      const pieces: Buffer[] = [];
      for (let at = from; at < end; ) {
        const index = Math.floor(at / chunkBytes);
        const start = index * chunkBytes;
        const chunk = await chunkAt(index);
        pieces.push(chunk.subarray(at - start, end - start));
        at = start + chunkBytes;
      }
      return Buffer.concat(pieces);
    },
  };
}

export function bytesSource(message: Uint8Array): Source {
  const all = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  return { bytes: all.length, read: async (from, bytes) => all.subarray(from, from + bytes) };
}

function invalid(why: string): EncryptionError {
  return new EncryptionError("messageInvalid", `The message does not open: ${why}`);
}
