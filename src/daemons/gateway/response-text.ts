/**
 * Which responses the gateway itself must read as text, to mask leaks or to compare a guarded page,
 * and what their heads become when they came in a content coding.
 */
import { addField, emptyFields, fieldValue } from "../../engines/http1/fields.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { createMasker, type Masker } from "../../engines/leaks/mask.ts";
import { type Coding, codingOf, isCoding } from "./content-coding.ts";
import type { Exchange } from "./state.ts";

const textTypes =
  /^(?:text\/|application\/(?:x-)?(?:json|xml|javascript|ndjson|www-form-urlencoded)\b|[a-z]+\/[\w.+-]*\+(?:json|xml)\b)/i;
const partsType = /^multipart\/byteranges\b/i;

/** Digests of a body that is another when it leaves (RFC 9530) would be wrong. */
export const digestFields: ReadonlySet<string> = new Set([
  ...["content-digest", "repr-digest", "digest", "content-md5", "etag"],
]);

const typeOf = ({ fields }: ResponseHead): string => fieldValue(fields, "content-type") ?? "";

/** A body without a type browsers look at, and show as a text if it looks like one. */
const isText = (head: ResponseHead): boolean =>
  typeOf(head) === "" ? head.framing.kind !== "none" : textTypes.test(typeOf(head));

const isMasked = ({ site }: Exchange, head: ResponseHead): boolean =>
  (site?.delivery?.leakKinds ?? null) !== null && isText(head);

/** The masker for a response; null when nothing of it is masked. */
export function maskerFor(exchange: Exchange, head: ResponseHead): Masker | null {
  const kinds = exchange.site?.delivery?.leakKinds ?? null;
  return kinds !== null && isMasked(exchange, head) ? createMasker(kinds) : null;
}

/** Whether a part of a text would leave unmasked what is cut at its ends, or between parts. */
export const isPartOfMasked = (exchange: Exchange, head: ResponseHead): boolean =>
  head.status === 206 &&
  (exchange.site?.delivery?.leakKinds ?? null) !== null &&
  (isText(head) || partsType.test(typeOf(head)));

/**
 * The coding that has to be undone before the response can be read; null when there is none.
 * `unknown`: it would have to be masked and cannot be.
 */
export function codingToUndo(exchange: Exchange, head: ResponseHead): Coding | "unknown" | null {
  const masked = isMasked(exchange, head);
  if (!masked && exchange.page === null) return null;
  const coding = codingOf(head.fields);
  if (coding === "identity") return null;
  if (isCoding(coding)) return coding;
  return masked && head.framing.kind !== "none" ? "unknown" : null;
}

/** The head of the response as it is without its coding: no length, and no digest of either. */
export function headWithoutCoding(head: ResponseHead): ResponseHead {
  const fields = emptyFields();
  const { names, lower, values } = head.fields;
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at] ?? "";
    if (name === "content-encoding" || name === "content-length" || digestFields.has(name))
      continue;
    addField(fields, names[at] ?? "", values[at] ?? "");
  }
  return { ...head, fields };
}
