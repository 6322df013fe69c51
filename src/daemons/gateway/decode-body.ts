/** Request bodies in a content coding, as the rules shall see them (RFC 9110 §8.4). */
import { contentDefaults } from "../../kernel/intent/site-delivery.ts";
import { codingOf, decode, isTooLarge } from "./content-coding.ts";
import type { Exchange } from "./state.ts";

/** The body for the rules, or why there is none. */
export type DecodedBody =
  | { readonly ok: true; readonly body: Buffer }
  | { readonly ok: false; readonly status: 400 | 413; readonly reason: string };

/** Small bodies may grow to this much, whatever the ratio: a line of text packs well. */
const SMALL_BYTES = 16_384;

/**
 * Decodes gzip, deflate, br and zstd; a body without coding, or in another, is shown as it is.
 *
 * @param isWhole false: the body goes on, and what there is of it is decoded.
 */
export function decodedBody(exchange: Exchange, body: Buffer, isWhole: boolean): DecodedBody {
  const coding = codingOf(exchange.head.fields);
  if (coding === "identity" || coding === "unknown" || body.length === 0) return { ok: true, body };
  const unreadable = { ok: false, status: 400, reason: "bodyCannotBeDecoded" } as const;
  const settings = exchange.site?.intent.delivery?.content ?? contentDefaults;
  const { decodeRequestBodies, decodedRatioMax } = settings;
  if (!decodeRequestBodies) return { ok: true, body };
  // One within another hides from rules what an upstream may read.
  if (coding === "several") return unreadable;
  const bytesMax = Math.max(SMALL_BYTES, exchange.site?.intent.requestBodyBytesMax ?? 0);
  const maxOutputLength = Math.min(bytesMax, Math.max(SMALL_BYTES, body.length * decodedRatioMax));
  try {
    return { ok: true, body: decode(coding, body, { maxOutputLength, isWhole }) };
  } catch (error) {
    return isTooLarge(error) ? { ok: false, status: 413, reason: "bodyGrowsTooLarge" } : unreadable;
  }
}
