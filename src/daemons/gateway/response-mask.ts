/** Leak protection: masks responses of text types where their site asks for it. */
import { fieldValue } from "../../engines/http1/fields.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { createMasker, type Masker } from "../../engines/leaks/mask.ts";
import type { Exchange } from "./state.ts";

const textTypes =
  /^(?:text\/|application\/(?:x-)?(?:json|xml|javascript|ndjson|www-form-urlencoded)\b|[a-z]+\/[\w.+-]*\+(?:json|xml)\b)/i;

/**
 * The masker for a response; null when nothing of it is masked. The upstream was asked for no
 * content coding; a text in one all the same cannot be masked, and the event says so.
 */
export function maskerFor(exchange: Exchange, { fields }: ResponseHead): Masker | null {
  const kinds = exchange.site?.delivery?.leakKinds ?? null;
  if (kinds === null || !textTypes.test(fieldValue(fields, "content-type") ?? "")) return null;
  const coding = fieldValue(fields, "content-encoding")?.toLowerCase() ?? "identity";
  if (coding === "identity") return createMasker(kinds);
  exchange.reason = "leaksNotMasked:contentEncoding";
  return null;
}
