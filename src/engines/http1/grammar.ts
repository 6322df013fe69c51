/**
 * Byte classes of RFC 9110 §5 and RFC 3986 as 256-entry tables, and the byte codes used with them.
 */

export const HT = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COLON = 58;

const classOf = (holds: (code: number) => boolean): Uint8Array => {
  const table = new Uint8Array(256);
  for (let code = 0; code < 256; code++) table[code] = holds(code) ? 1 : 0;
  return table;
};
const alphanumeric = /[0-9A-Za-z]/;
const among = (set: string) => (code: number) => {
  const char = String.fromCharCode(code);
  return alphanumeric.test(char) || set.includes(char);
};

/** token characters, RFC 9110 §5.6.2. */
export const tokenChars = classOf(among("!#$%&'*+-.^_`|~"));
/** Field value bytes: VCHAR, obs-text, SP and HTAB, RFC 9110 §5.5. */
export const valueChars = classOf((code) => code === HT || (code >= SP && code !== 127));
/**
 * Request-target bytes. Wider than RFC 3986 on purpose: browsers and scanners send raw `|`, `"`
 * or `{`, and rules must judge them; they cannot shift a message boundary. Controls, SP, `#` and
 * bytes above 0x7E are refused.
 */
export const targetChars = classOf((code) => code > SP && code < 127 && code !== 35);
/** Host name bytes: letters, digits, `-`, `.`, `_`; no percent-encoding, no sub-delims. */
export const hostChars = classOf(among("-._"));
/** Inside the brackets of an IP literal, RFC 3986 §3.2.2 (no zone, no IPvFuture). */
export const ipv6Chars = classOf((code) => /[0-9A-Fa-f:.]/.test(String.fromCharCode(code)));

/** The value of one hexadecimal digit, or -1. */
export const hexValue = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
};

/** Whether every byte of `text` from `start` to `end` is in `table`. An empty range is. */
export const allIn = (table: Uint8Array, text: string, start = 0, end = text.length): boolean => {
  for (let at = start; at < end; at++) if (table[text.charCodeAt(at)] !== 1) return false;
  return true;
};

/** `text` from `start` to `end` without SP and HTAB at either side (OWS, RFC 9110 §5.6.3). */
export const trimOws = (text: string, start = 0, end = text.length): string => {
  let first = start;
  let last = end;
  while (first < last && isOws(text.charCodeAt(first))) first++;
  while (last > first && isOws(text.charCodeAt(last - 1))) last--;
  return text.substring(first, last);
};
const isOws = (code: number): boolean => code === SP || code === HT;
