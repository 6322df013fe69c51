/** Request bodies in a content coding, as the rules shall see them (RFC 9110 §8.4). */
import {
  brotliDecompressSync,
  constants,
  gunzipSync,
  inflateRawSync,
  inflateSync,
} from "node:zlib";
import { fieldValue } from "../../engines/http1/fields.ts";
import { contentDefaults } from "../../kernel/intent/site-delivery.ts";
import type { Exchange } from "./state.ts";

/** The body for the rules, or why there is none. */
export type DecodedBody =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly status: 400 | 413; readonly reason: string };

/** Small bodies may grow to this much, whatever the ratio: a line of text packs well. */
const SMALL_BYTES = 16_384;

/**
 * Decodes gzip, deflate and br; a body without coding, or in another, is shown as it is.
 *
 * @param isWhole false: the body goes on, and what there is of it is decoded.
 */
export function decodedBody(exchange: Exchange, body: Buffer, isWhole: boolean): DecodedBody {
  const coding = fieldValue(exchange.head.fields, "content-encoding")?.trim().toLowerCase();
  if (coding === undefined || coding === "identity" || body.length === 0) return { ok: true, body };
  const settings = exchange.site?.intent.delivery?.content ?? contentDefaults;
  const { decodeRequestBodies, decodedRatioMax } = settings;
  if (!decodeRequestBodies) return { ok: true, body };
  const bytesMax = Math.max(SMALL_BYTES, exchange.site?.intent.requestBodyBytesMax ?? 0);
  const maxOutputLength = Math.min(bytesMax, Math.max(SMALL_BYTES, body.length * decodedRatioMax));
  try {
    const decoded = decode(coding, body, { maxOutputLength, isWhole });
    return { ok: true, body: decoded ?? body };
  } catch (error) {
    const isTooLarge =
      error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    return isTooLarge
      ? { ok: false, status: 413, reason: "bodyGrowsTooLarge" }
      : { ok: false, status: 400, reason: "bodyCannotBeDecoded" };
  }
}

function decode(
  coding: string,
  body: Buffer,
  { maxOutputLength, isWhole }: { maxOutputLength: number; isWhole: boolean },
): Buffer | null {
  if (coding === "br") {
    const finishFlush = constants.BROTLI_OPERATION_FLUSH;
    return brotliDecompressSync(body, { maxOutputLength, ...(isWhole ? {} : { finishFlush }) });
  }
  const options = { maxOutputLength, ...(isWhole ? {} : { finishFlush: constants.Z_SYNC_FLUSH }) };
  if (coding === "gzip" || coding === "x-gzip") return gunzipSync(body, options);
  if (coding !== "deflate") return null;
  // RFC 9110 §8.4.1.2: with a zlib header; what many clients send has none.
  return ((body[0] ?? 0) & 15) === 8 ? inflateSync(body, options) : inflateRawSync(body, options);
}
