/**
 * Writes heads and chunked bodies as latin1 text. Callers pass what a parser accepted or checked.
 */
import type { Fields } from "./fields.ts";
import { allIn, targetChars, tokenChars, valueChars } from "./grammar.ts";

/** The field lines as they go on the wire, without the empty line. */
export function writeFields(fields: Fields): string {
  let text = "";
  for (let at = 0; at < fields.names.length; at++) {
    text += `${fields.names[at]}: ${fields.values[at]}\r\n`;
  }
  return text;
}

/** A whole request head, RFC 9112 §3. */
export const writeRequestHead = (
  head: { method: string; target: string; minorVersion: number },
  fields: Fields,
): string =>
  `${head.method} ${head.target} HTTP/1.${head.minorVersion}\r\n${writeFields(fields)}\r\n`;

/** A whole response head, RFC 9112 §4. */
export const writeResponseHead = (
  head: { status: number; reason: string; minorVersion: number },
  fields: Fields,
): string =>
  `HTTP/1.${head.minorVersion} ${head.status} ${head.reason}\r\n${writeFields(fields)}\r\n`;

/** The line before chunk data of this many bytes (> 0); the data is followed by CRLF. */
export const chunkStart = (bytes: number): string => `${bytes.toString(16)}\r\n`;

/** The last chunk with trailers and the empty line, RFC 9112 §7.1. */
export const lastChunk = (trailers: Fields | null): string =>
  trailers === null ? "0\r\n\r\n" : `0\r\n${writeFields(trailers)}\r\n`;

/** Whether name and value can be written as one field line; for text that no parser has checked. */
export const isWritableField = (name: string, value: string): boolean =>
  name.length > 0 && allIn(tokenChars, name) && allIn(valueChars, value);

/** Whether the text can be written as a method. */
export const isWritableMethod = (method: string): boolean =>
  method.length > 0 && allIn(tokenChars, method);

/** Whether the text can be written as a request target. */
export const isWritableTarget = (target: string): boolean =>
  target.length > 0 && allIn(targetChars, target);
