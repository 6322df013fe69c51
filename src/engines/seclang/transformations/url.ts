/** Percent encoding, its Microsoft form %uHHHH, and UTF-8 turned into that form. */
import { bytesOf, byteTable, copy, finish, hexPairAt, indexOfByte, scratch } from "./bytes.ts";
import { narrow } from "./escapes.ts";

export const urlTriggers = bytesOf("%+");

const NO_MAP: ReadonlyMap<number, number> = new Map();

const decode = (value: string, unicode: boolean, map = NO_MAP): string => {
  const first = indexOfByte(value, urlTriggers);
  if (first < 0) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let index = first;
  while (index < value.length) {
    const code = value.charCodeAt(index);
    if (code !== 0x25) {
      output[at++] = code === 0x2b ? 0x20 : code;
      index++;
      continue;
    }
    if (unicode && (value.charCodeAt(index + 1) | 0x20) === 0x75) {
      const high = hexPairAt(value, index + 2);
      const low = hexPairAt(value, index + 4);
      if (high >= 0 && low >= 0) {
        output[at++] = map.get((high << 8) | low) ?? narrow(high, low);
        index += 6;
        continue;
      }
    }
    const byte = hexPairAt(value, index + 1);
    output[at++] = byte >= 0 ? byte : code;
    index += byte >= 0 ? 3 : 1;
  }
  return finish(value, output, at);
};

/** `%HH` and `+`; invalid sequences stay as they are. */
export const urlDecode = (value: string): string => decode(value, false);

/**
 * As urlDecode, and `%uHHHH` by what the map of a code page says of it, else by its low byte
 * (full-width forms narrowed), as both ModSecurity versions do.
 */
export const urlDecodeUni = (value: string, map?: ReadonlyMap<number, number>): string =>
  decode(value, true, map);

const reserved = /[^*0-9A-Za-z]/;
export const urlEncodeTriggers = byteTable((byte) => reserved.test(String.fromCharCode(byte)));
const hexDigits = "0123456789abcdef";
const encoded = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  if (byte === 0x20) return "+";
  if (!reserved.test(char)) return char;
  return `%${hexDigits.charAt(byte >> 4)}${hexDigits.charAt(byte & 15)}`;
});

/** Space to `+`, every byte but `*` and ASCII alphanumerics to `%hh`. */
export const urlEncode = (value: string): string => {
  if (!reserved.test(value)) return value;
  let result = "";
  for (let index = 0; index < value.length; index++) result += encoded[value.charCodeAt(index)];
  return result;
};

/** Length of the UTF-8 sequence announced by lead byte `lead`: 2–4, or 0 for no lead byte. */
const sequenceLength = (lead: number): number => {
  if (lead >= 0xc0 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf8 ? 4 : 0;
};

export const utf8Triggers = byteTable((byte) => sequenceLength(byte) > 0);

const overlongBelow = [0, 0, 0x80, 0x800, 0x10000] as const;

/**
 * UTF-8 sequences to `%uHHHH` (five digits above U+FFFF). A lead byte without its continuation is
 * dropped, an overlong form or surrogate is followed by its lead byte, both as libmodsecurity does;
 * stray continuation bytes stay. NUL stays, where libmodsecurity loses it.
 */
export const utf8toUnicode = (value: string): string => {
  let result = "";
  let copied = 0;
  let index = 0;
  while (index < value.length) {
    const lead = value.charCodeAt(index);
    const length = lead < 0xc0 ? 0 : sequenceLength(lead);
    if (length === 0) {
      index++;
      continue;
    }
    let code = lead & (0xff >> (length + 1));
    let read = 1;
    while (read < length && (value.charCodeAt(index + read) & 0xc0) === 0x80) {
      code = (code << 6) | (value.charCodeAt(index + read) & 0x3f);
      read++;
    }
    result += value.slice(copied, index);
    const leadChar = value.charAt(index);
    if (lead >= 0xf5) result += leadChar;
    if (read === length) {
      result += `%u${code.toString(16).padStart(4, "0")}`;
      const overlong = code < (overlongBelow[length] ?? 0);
      if (overlong || (code >= 0xd800 && code <= 0xdfff)) result += leadChar;
      index += length;
    } else {
      index++;
    }
    copied = index;
  }
  return copied === 0 ? value : result + value.slice(copied);
};
