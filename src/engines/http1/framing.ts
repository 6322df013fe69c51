/**
 * Which bytes after a head are its body: RFC 9112 §6, strict. Ambiguity is a fault, never a guess.
 */
import type { FaultKind } from "./fault.ts";
import type { Fields } from "./fields.ts";
import { limits } from "./limits.ts";

/** `close`: everything until the connection ends (responses only, RFC 9112 §6.3 item 8). */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

export const noBody: Framing = { kind: "none" };
const chunked: Framing = { kind: "chunked" };

/** The framing that Content-Length and Transfer-Encoding declare; `none` when neither is there. */
export type DeclaredFraming = { framing: Framing; fault: FaultKind | null };

/**
 * Reads Content-Length and Transfer-Encoding.
 *
 * Two Content-Length lines are refused even when equal, and so is `5, 5`: RFC 9110 §8.6 lets a
 * recipient do either, and the peers behind us do not agree which value counts.
 * Transfer-Encoding is exactly `chunked` (any case) in one line, only in HTTP/1.1, and never
 * together with Content-Length (RFC 9112 §6.1).
 */
export function declaredFraming(fields: Fields, minorVersion: number): DeclaredFraming {
  const { lower, values } = fields;
  let length: string | null = null;
  let coding: string | null = null;
  let fault: FaultKind | null = null;
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at];
    if (name === "content-length") {
      if (length !== null) fault ??= "duplicateContentLength";
      length = values[at] ?? "";
    } else if (name === "transfer-encoding") {
      if (coding !== null) fault ??= "unsupportedTransferEncoding";
      coding = values[at] ?? "";
    }
  }
  if (length === null && coding === null) return { framing: noBody, fault };
  if (coding !== null) {
    if (length !== null) return { framing: noBody, fault: "contentLengthWithTransferEncoding" };
    if (minorVersion === 0) return { framing: noBody, fault: "transferEncodingInHttp10" };
    if (coding.toLowerCase() !== "chunked") fault ??= "unsupportedTransferEncoding";
    return { framing: chunked, fault };
  }
  const bytes = parseContentLength(length ?? "");
  if (bytes < 0) {
    const isList = (length ?? "").includes(",");
    return { framing: noBody, fault: isList ? "duplicateContentLength" : "invalidContentLength" };
  }
  return { framing: { kind: "length", bytes }, fault };
}

/** 1*DIGIT (RFC 9110 §8.6) of at most `contentLengthDigitsMax` digits, or -1. */
export function parseContentLength(text: string): number {
  if (text.length === 0 || text.length > limits.contentLengthDigitsMax) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
