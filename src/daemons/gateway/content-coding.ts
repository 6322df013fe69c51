/**
 * Content codings (RFC 9110 §8.4.1, RFC 7932, RFC 8878): which one a message has, and how it is
 * undone, whole or as a stream. What becomes of the text is not decided here.
 */
import type { Transform } from "node:stream";
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import type { Fields } from "../../engines/http1/fields.ts";

export type Coding = "gzip" | "deflate" | "br" | "zstd";

const codings: ReadonlyMap<string, Coding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "br"],
  ["zstd", "zstd"],
]);

/** RFC 9659 §3: a decoder need not take windows of more than 8 MB. */
const zstdParams = { [constants.ZSTD_d_windowLogMax]: 23 };

export type FoundCoding = Coding | "identity" | "unknown" | "several";

/** Whether it is one that can be undone. */
export const isCoding = (found: FoundCoding): found is Coding =>
  found !== "identity" && found !== "unknown" && found !== "several";

/** The coding of a message, of all its lines. */
export function codingOf({ lower, values }: Fields): FoundCoding {
  let found: FoundCoding = "identity";
  for (let at = 0; at < lower.length; at++) {
    if (lower[at] !== "content-encoding") continue;
    for (const token of (values[at] ?? "").split(",")) {
      const name = token.trim().toLowerCase();
      if (name === "" || name === "identity") continue;
      found = found === "identity" ? (codings.get(name) ?? "unknown") : "several";
    }
  }
  return found;
}

/** RFC 9110 §8.4.1.2: deflate has a zlib header; what many senders write has none. */
const hasZlibHeader = (bytes: Buffer): boolean => ((bytes[0] ?? 0) & 15) === 8;

/**
 * Decodes a body.
 *
 * @param how.isWhole false: the body goes on, and what there is of it is decoded
 * All members of gzip and all frames of zstd are read, as others do (RFC 1952 §2.2, RFC 8878 §3.1).
 *
 * @throws what node:zlib says; `ERR_BUFFER_TOO_LARGE` beyond `maxOutputLength`; an error for bytes
 *   behind the end of the coding, which another decoder might go on with
 */
export function decode(
  coding: Coding,
  body: Buffer,
  how: { readonly maxOutputLength: number; readonly isWhole: boolean },
): Buffer {
  const decoded = decodeSync(coding, body, { ...how, info: true });
  // With `info` it is the text beside its engine, of which the types of node:zlib know nothing.
  if (typeof decoded === "object" && decoded !== null && "engine" in decoded) {
    const { engine } = decoded;
    const text = "buffer" in decoded ? decoded.buffer : null;
    const isEngine = typeof engine === "object" && engine !== null && "bytesWritten" in engine;
    if (isEngine && engine.bytesWritten === body.length && Buffer.isBuffer(text)) return text;
  }
  throw new Error("there are bytes behind the end of the coding");
}

function decodeSync(
  coding: Coding,
  body: Buffer,
  { isWhole, ...rest }: { maxOutputLength: number; isWhole: boolean; info: true },
): unknown {
  if (coding === "br") {
    const finishFlush = constants.BROTLI_OPERATION_FLUSH;
    return brotliDecompressSync(body, { ...rest, ...(isWhole ? {} : { finishFlush }) });
  }
  if (coding === "zstd") {
    const finishFlush = isWhole ? constants.ZSTD_e_end : constants.ZSTD_e_flush;
    return zstdDecompressSync(body, { ...rest, finishFlush, params: zstdParams });
  }
  const options = { ...rest, ...(isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH }) };
  if (coding === "gzip") return gunzipSync(body, options);
  return hasZlibHeader(body) ? inflateSync(body, options) : inflateRawSync(body, options);
}

/** Whether decoding ended because the text was larger than it may be. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";

/** A stream that decodes, and how many bytes it has taken. */
export type DecodingStream = Transform & { readonly bytesWritten: number };

/** `first` are the first bytes that it will be given. */
export function decodingStream(coding: Coding, first: Buffer): DecodingStream {
  if (coding === "br") return createBrotliDecompress();
  if (coding === "zstd") return createZstdDecompress({ params: zstdParams });
  if (coding === "gzip") return createGunzip();
  return hasZlibHeader(first) ? createInflate() : createInflateRaw();
}
