/** Decoders of escapes inside code: JavaScript, CSS, ANSI C and HTML entities. */
import { copy, finish, hexAt, hexPairAt, isSpace, octalAt, scratch } from "./bytes.ts";

/** Control characters that JavaScript and ANSI C write as a backslash and a letter. */
const letterEscapes = new Map<number, number>([
  [0x61, 7],
  [0x62, 8],
  [0x66, 12],
  [0x6e, 10],
  [0x72, 13],
  [0x74, 9],
  [0x76, 11],
]);

/** Full-width forms U+FF01–U+FF5E stand for ASCII 0x21–0x7E. */
export const narrow = (high: number, low: number): number =>
  high === 0xff && low > 0 && low < 0x5f ? low + 0x20 : low;

/** `\uHHHH` (low byte), `\xHH`, `\OOO` (at most \377) and `\c`; a lone final backslash stays. */
export const jsDecode = (value: string): string => {
  const first = value.indexOf("\\");
  if (first < 0) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let index = first;
  while (index < value.length) {
    const code = value.charCodeAt(index);
    if (code !== 0x5c || index + 1 === value.length) {
      output[at++] = code;
      index++;
      continue;
    }
    const next = value.charCodeAt(index + 1);
    const pair = next === 0x78 || next === 0x75 ? hexPairAt(value, index + 2) : -1;
    const low = next === 0x75 && pair >= 0 ? hexPairAt(value, index + 4) : -1;
    if (low >= 0) {
      output[at++] = narrow(pair, low);
      index += 6;
    } else if (next === 0x78 && pair >= 0) {
      output[at++] = pair;
      index += 4;
    } else if (octalAt(value, index + 1) >= 0) {
      // Three digits only while the number fits into a byte.
      const digitsMax = next <= 0x33 ? 3 : 2;
      let byte = 0;
      let digits = 0;
      while (digits < digitsMax && octalAt(value, index + 1 + digits) >= 0) {
        byte = byte * 8 + octalAt(value, index + 1 + digits);
        digits++;
      }
      output[at++] = byte;
      index += 1 + digits;
    } else {
      output[at++] = letterEscapes.get(next) ?? next;
      index += 2;
    }
  }
  return finish(value, output, at);
};

/** ANSI C escapes. An invalid one loses its backslash; octal numbers keep their low byte. */
export const escapeSeqDecode = (value: string): string => {
  const first = value.indexOf("\\");
  if (first < 0) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let index = first;
  while (index < value.length) {
    const code = value.charCodeAt(index);
    if (code !== 0x5c || index + 1 === value.length) {
      output[at++] = code;
      index++;
      continue;
    }
    const next = value.charCodeAt(index + 1);
    const pair = next === 0x78 || next === 0x58 ? hexPairAt(value, index + 2) : -1;
    if (pair >= 0) {
      output[at++] = pair;
      index += 4;
    } else if (octalAt(value, index + 1) >= 0) {
      let byte = 0;
      let digits = 0;
      while (digits < 3 && octalAt(value, index + 1 + digits) >= 0) {
        byte = byte * 8 + octalAt(value, index + 1 + digits);
        digits++;
      }
      output[at++] = byte & 0xff;
      index += 1 + digits;
    } else {
      output[at++] = letterEscapes.get(next) ?? next;
      index += 2;
    }
  }
  return finish(value, output, at);
};

/** The byte that a CSS escape of `digits` hexadecimal digits at `index` stands for. */
const cssByte = (value: string, index: number, digits: number): number => {
  if (digits === 1) return hexAt(value, index);
  const low = hexPairAt(value, index + digits - 2);
  const leading = value.slice(index, index + digits - 4);
  const plain = digits < 4 || /[^0]/.test(leading);
  return plain ? low : narrow(hexPairAt(value, index + digits - 4), low);
};

/** CSS 2.1 escapes: 1–6 digits (low byte kept) and one white space after them; `\c`; `\` LF. */
export const cssDecode = (value: string): string => {
  const first = value.indexOf("\\");
  if (first < 0) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let index = first;
  while (index < value.length) {
    const code = value.charCodeAt(index++);
    if (code !== 0x5c) {
      output[at++] = code;
      continue;
    }
    if (index === value.length) break;
    let digits = 0;
    while (digits < 6 && hexAt(value, index + digits) >= 0) digits++;
    if (digits > 0) {
      output[at++] = cssByte(value, index, digits);
      index += digits;
      if (index < value.length && isSpace(value.charCodeAt(index))) index++;
    } else {
      const next = value.charCodeAt(index++);
      if (next !== 0x0a) output[at++] = next;
    }
  }
  return finish(value, output, at);
};

const namedEntities = new Map<string, number>([
  ["quot", 0x22],
  ["amp", 0x26],
  ["lt", 0x3c],
  ["gt", 0x3e],
  ["nbsp", 0xa0],
]);
const entityNameBytesMax = 4;

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isAlphanumeric = (code: number): boolean =>
  isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** Reads the entity whose text after `&` starts at `from`: [byte or -1, end]. */
const readEntity = (value: string, from: number): readonly [number, number] => {
  let end = from;
  let byte = -1;
  if (value.charCodeAt(from) === 0x23) {
    end++;
    const hex = (value.charCodeAt(end) | 0x20) === 0x78;
    if (hex) end++;
    for (; end < value.length; end++) {
      const digit = hexAt(value, end);
      if (digit < 0 || (!hex && digit > 9)) break;
      byte = (Math.max(byte, 0) * (hex ? 16 : 10) + digit) & 0xff;
    }
  } else {
    while (end < value.length && isAlphanumeric(value.charCodeAt(end))) end++;
    if (end - from <= entityNameBytesMax) {
      byte = namedEntities.get(value.slice(from, end).toLowerCase()) ?? -1;
    }
  }
  if (byte >= 0 && value.charCodeAt(end) === 0x3b) end++;
  return [byte, end];
};

/**
 * `&#N` and `&#xH` with any number of digits (low byte kept), `&quot &amp &lt &gt &nbsp`; the
 * semicolon is optional. As ModSecurity 2 does: libmodsecurity 3 reads only the first digits and
 * matches names by prefix, so that zeros in front hide an entity from it.
 */
export const htmlEntityDecode = (value: string): string => {
  const first = value.indexOf("&");
  if (first < 0) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let index = first;
  while (index < value.length) {
    const code = value.charCodeAt(index);
    if (code !== 0x26) {
      output[at++] = code;
      index++;
      continue;
    }
    const [byte, end] = readEntity(value, index + 1);
    if (byte >= 0) output[at++] = byte;
    else at = copy(value, index, end, output, at);
    index = end;
  }
  return finish(value, output, at);
};
