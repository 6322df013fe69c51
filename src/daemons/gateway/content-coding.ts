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

/** The coding of a message, of all its lines; `unknown` also where there are several. */
export function codingOf({ lower, values }: Fields): Coding | "identity" | "unknown" {
  let found: Coding | "identity" | "unknown" = "identity";
  for (let at = 0; at < lower.length; at++) {
    if (lower[at] !== "content-encoding") continue;
    for (const token of (values[at] ?? "").split(",")) {
      const name = token.trim().toLowerCase();
      if (name === "" || name === "identity") continue;
      found = found === "identity" ? (codings.get(name) ?? "unknown") : "unknown";
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
 * @throws what node:zlib says; `ERR_BUFFER_TOO_LARGE` beyond `maxOutputLength`
 */
export function decode(
  coding: Coding,
  body: Buffer,
  { maxOutputLength, isWhole }: { maxOutputLength: number; isWhole: boolean },
): Buffer {
  if (coding === "br") {
    const finishFlush = constants.BROTLI_OPERATION_FLUSH;
    return brotliDecompressSync(body, { maxOutputLength, ...(isWhole ? {} : { finishFlush }) });
  }
  if (coding === "zstd") {
    const finishFlush = isWhole ? constants.ZSTD_e_end : constants.ZSTD_e_flush;
    return zstdDecompressSync(body, { maxOutputLength, finishFlush, params: zstdParams });
  }
  const options = { maxOutputLength, ...(isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH }) };
  if (coding === "gzip") return gunzipSync(body, options);
  return hasZlibHeader(body) ? inflateSync(body, options) : inflateRawSync(body, options);
}

/** Whether decoding ended because the text was larger than it may be. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";

/** A stream that decodes; `first` are the first bytes that it will be given. */
export function decodingStream(coding: Coding, first: Buffer): Transform {
  if (coding === "br") return createBrotliDecompress();
  if (coding === "zstd") return createZstdDecompress({ params: zstdParams });
  if (coding === "gzip") return createGunzip();
  return hasZlibHeader(first) ? createInflate() : createInflateRaw();
}
