/** Transformations of plain text: case, white space, NUL, comments, command lines, paths. */
import { bytesOf, byteTable, copy, finish, indexOfByte, isSpace, scratch } from "./bytes.ts";

export const upperBytes = byteTable((byte) => byte >= 0x41 && byte <= 0x5a);
export const lowerBytes = byteTable((byte) => byte >= 0x61 && byte <= 0x7a);
export const spaceBytes = byteTable(isSpace);
// libmodsecurity also removes 0xC2, the lead byte of U+00A0 in UTF-8.
export const removedSpaceBytes = byteTable(
  (byte) => isSpace(byte) || byte === 0xa0 || byte === 0xc2,
);
export const nulBytes = bytesOf("\0");
export const highBytes = byteTable((byte) => byte >= 0x80);

const mapped =
  (triggers: Uint8Array, to: (byte: number) => number) =>
  (value: string): string => {
    const first = indexOfByte(value, triggers);
    if (first < 0) return value;
    const output = scratch(value.length);
    copy(value, 0, first, output, 0);
    for (let index = first; index < value.length; index++) {
      const code = value.charCodeAt(index);
      output[index] = triggers[code] === 1 ? to(code) : code;
    }
    return output.toString("latin1", 0, value.length);
  };

const without =
  (triggers: Uint8Array) =>
  (value: string): string => {
    const first = indexOfByte(value, triggers);
    if (first < 0) return value;
    const output = scratch(value.length);
    let at = copy(value, 0, first, output, 0);
    for (let index = first + 1; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (triggers[code] === 0) output[at++] = code;
    }
    return output.toString("latin1", 0, at);
  };

const lowercaseBytes = mapped(upperBytes, (byte) => byte + 0x20);
/** ASCII only, as in the C locale. Plain ASCII, which is most, has the engine's own faster way. */
export const lowercase = (value: string): string => {
  if (indexOfByte(value, upperBytes) < 0) return value;
  return indexOfByte(value, highBytes) < 0 ? value.toLowerCase() : lowercaseBytes(value);
};
/** ASCII only, as in the C locale. */
export const uppercase = mapped(lowerBytes, (byte) => byte - 0x20);
export const replaceNulls = mapped(nulBytes, () => 0x20);
export const removeNulls = without(nulBytes);
export const removeWhitespace = without(removedSpaceBytes);
export const parityZero7bit = mapped(highBytes, (byte) => byte & 0x7f);

const ones = (byte: number): number => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
};
/** The parity bit is computed from all eight bits, as both ModSecurity versions do. */
const even = (byte: number): number => (ones(byte) % 2 === 1 ? byte | 0x80 : byte & 0x7f);
const odd = (byte: number): number => (ones(byte) % 2 === 0 ? byte | 0x80 : byte & 0x7f);
export const evenBytes = byteTable((byte) => even(byte) !== byte);
export const oddBytes = byteTable((byte) => odd(byte) !== byte);
export const parityEven7bit = mapped(evenBytes, even);
export const parityOdd7bit = mapped(oddBytes, odd);

/** Where white space is not a single space: most texts have it nowhere. -1 = nowhere. */
const firstUneven = (value: string): number => {
  let inSpace = false;
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    const space = spaceBytes[code] === 1;
    if (space && (inSpace || code !== 0x20)) return index;
    inSpace = space;
  }
  return -1;
};

/** Runs of white space to one space. 0xA0 stays (libmodsecurity): it is half a UTF-8 character. */
export const compressWhitespace = (value: string): string => {
  const first = firstUneven(value);
  if (first < 0) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let inSpace = first > 0 && isSpace(value.charCodeAt(first - 1));
  for (let index = first; index < value.length; index++) {
    const code = value.charCodeAt(index);
    const space = spaceBytes[code] === 1;
    if (!space || !inSpace) output[at++] = space ? 0x20 : code;
    inSpace = space;
  }
  return finish(value, output, at);
};

const trimmed = (value: string, left: boolean, right: boolean): string => {
  let start = 0;
  let end = value.length;
  if (left) while (start < end && isSpace(value.charCodeAt(start))) start++;
  if (right) while (end > start && isSpace(value.charCodeAt(end - 1))) end--;
  return start === 0 && end === value.length ? value : value.slice(start, end);
};
export const trim = (value: string): string => trimmed(value, true, true);
export const trimLeft = (value: string): string => trimmed(value, true, false);
export const trimRight = (value: string): string => trimmed(value, false, true);

/**
 * What a shell ignores: quotes, backslashes and carets go; white space, commas and semicolons
 * become one space, none in front of `/` and `(`; ASCII letters become lower case.
 */
export const cmdLineTriggers = byteTable(
  (byte) => upperBytes[byte] === 1 || "\"'\\^ ,;\t\r\n".includes(String.fromCharCode(byte)),
);
const cmdLineRemoved = bytesOf("\"'\\^");
const cmdLineSpaces = bytesOf(" ,;\t\r\n");

/** Whether only single spaces stand there, none of them in front of `/` or `(`. */
const isPlain = (value: string, from: number): boolean => {
  let space = false;
  for (let index = from; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code === 0x20) {
      if (space) return false;
      space = true;
      continue;
    }
    if (cmdLineTriggers[code] === 1) return false;
    if (space && (code === 0x2f || code === 0x28)) return false;
    space = false;
  }
  return true;
};

export const cmdLine = (value: string): string => {
  const first = indexOfByte(value, cmdLineTriggers);
  if (first < 0 || isPlain(value, first)) return value;
  const output = scratch(value.length);
  let at = copy(value, 0, first, output, 0);
  let space = false;
  for (let index = first; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (cmdLineRemoved[code] === 1) continue;
    if (cmdLineSpaces[code] === 1) {
      if (!space) output[at++] = 0x20;
      space = true;
      continue;
    }
    if (space && (code === 0x2f || code === 0x28)) at--;
    space = false;
    output[at++] = upperBytes[code] === 1 ? code + 0x20 : code;
  }
  return finish(value, output, at);
};
