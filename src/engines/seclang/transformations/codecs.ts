/** Base64, hexadecimal and digests. */
import { hash } from "node:crypto";
import { remembered } from "../remembered.ts";
import { finish, hexAt, hexPairAt, scratch } from "./bytes.ts";

const toBuffer = (value: string): Buffer => Buffer.from(value, "latin1");

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digitOf = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 64; digit++) digitOf[digits.charCodeAt(digit)] = digit;

/**
 * Decodes up to the first byte outside the alphabet (padding, NUL, anything); line ends are
 * skipped. A last group of two or three characters counts without its padding. By hand, since what
 * is decoded is mostly the first word of a short text.
 */
export const base64Decode = (value: string): string => {
  const output = scratch(value.length);
  let at = 0;
  let bits = 0;
  let count = 0;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    const digit = digitOf[code] ?? -1;
    if (digit < 0) {
      if (code === 0x0a || code === 0x0d) continue;
      break;
    }
    bits = ((bits << 6) | digit) & 0xfff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    output[at++] = bits >> count;
  }
  return finish(value, output, at);
};

const outsideAlphabet = /[^A-Za-z0-9+/]+/g;

/** Decodes the characters of the alphabet and skips all others, as a forgiving PHP script does. */
export const base64DecodeExt = (value: string): string => {
  const result = Buffer.from(value.replace(outsideAlphabet, ""), "base64").toString("latin1");
  return result === value ? value : result;
};

export const base64Encode = (value: string): string =>
  value === "" ? value : toBuffer(value).toString("base64");

/** Low-case hexadecimal; what is written so is mostly the digest of a text that comes again. */
export const hexEncode = remembered((value) =>
  value === "" ? value : toBuffer(value).toString("hex"),
);

/**
 * Pairs of hexadecimal digits to bytes; an odd last digit is dropped. Like both ModSecurity
 * versions it does not check the digits: one that is none counts as (code & 0xDF) - 0x37.
 */
export const hexDecode = (value: string): string => {
  const output = scratch(value.length);
  let at = 0;
  for (let index = 0; index + 1 < value.length; index += 2) {
    output[at++] = (nibble(value, index) << 4) + nibble(value, index + 1);
  }
  return finish(value, output, at);
};

const nibble = (value: string, index: number): number => {
  const code = value.charCodeAt(index);
  return code >= 0x41 ? (code & 0xdf) - 0x37 : code - 0x30;
};

/** Every `0x` with at least one pair of digits becomes the bytes it stands for (SQL literals). */
export const sqlHexDecode = (value: string): string => {
  let index = value.indexOf("0");
  if (index < 0) return value;
  const output = scratch(value.length);
  let at = 0;
  for (let before = 0; before < index; before++) output[at++] = value.charCodeAt(before);
  while (index < value.length) {
    const code = value.charCodeAt(index);
    const marked = code === 0x30 && (value.charCodeAt(index + 1) | 0x20) === 0x78;
    if (!marked || hexAt(value, index + 2) < 0 || hexAt(value, index + 3) < 0) {
      output[at++] = code;
      index++;
      continue;
    }
    index += 2;
    for (let byte = hexPairAt(value, index); byte >= 0; byte = hexPairAt(value, index)) {
      output[at++] = byte;
      index += 2;
    }
  }
  return finish(value, output, at);
};

/** The 16 raw bytes of the MD5 digest. */
export const md5 = remembered((value) =>
  hash("md5", Buffer.from(value, "latin1"), "buffer").toString("latin1"),
);

/** The 20 raw bytes of the SHA-1 digest. */
export const sha1 = remembered((value) =>
  hash("sha1", Buffer.from(value, "latin1"), "buffer").toString("latin1"),
);
