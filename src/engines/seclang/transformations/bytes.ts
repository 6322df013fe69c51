/** Byte classes and the output buffer shared by transformations. Values are latin1 strings. */

/** 256-entry table with 1 for every byte that `test` accepts. */
export const byteTable = (test: (byte: number) => boolean): Uint8Array => {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) if (test(byte)) table[byte] = 1;
  return table;
};

/** 256-entry table with 1 for every byte of `bytes` (a latin1 string). */
export const bytesOf = (bytes: string): Uint8Array =>
  byteTable((byte) => bytes.includes(String.fromCharCode(byte)));

/** C locale `isspace`: tab, LF, VT, FF, CR and space. */
export const isSpace = (code: number): boolean => code === 0x20 || (code >= 9 && code <= 13);

const hexValues = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  hexValues[digit.toString(16).charCodeAt(0)] = digit;
  hexValues[digit.toString(16).toUpperCase().charCodeAt(0)] = digit;
}

/** Value of the hexadecimal digit at `index`, or -1 (also past the end). */
export const hexAt = (value: string, index: number): number =>
  index < value.length ? (hexValues[value.charCodeAt(index)] ?? -1) : -1;

/** The byte written by two hexadecimal digits at `index`, or -1. */
export const hexPairAt = (value: string, index: number): number => {
  const high = hexAt(value, index);
  const low = hexAt(value, index + 1);
  return high < 0 || low < 0 ? -1 : (high << 4) | low;
};

/** Value of the octal digit at `index`, or -1 (also past the end). */
export const octalAt = (value: string, index: number): number => {
  const code = index < value.length ? value.charCodeAt(index) : 0;
  return code >= 0x30 && code <= 0x37 ? code - 0x30 : -1;
};

/** Index of the first byte at or after `from` that `table` marks, or -1. */
export const indexOfByte = (value: string, table: Uint8Array, from = 0): number => {
  for (let index = from; index < value.length; index++) {
    if (table[value.charCodeAt(index)] === 1) return index;
  }
  return -1;
};

const scratchBytesKept = 1 << 20;
const kept = Buffer.allocUnsafeSlow(scratchBytesKept);

/** An output buffer of at least `length` bytes, valid until the next call. Contents are stale. */
export const scratch = (length: number): Buffer =>
  length <= scratchBytesKept ? kept : Buffer.allocUnsafeSlow(length);

/** The first `length` bytes of `output` as a string; `value` itself when they are the same. */
export const finish = (value: string, output: Buffer, length: number): string => {
  const result = output.toString("latin1", 0, length);
  return result === value ? value : result;
};

/** Copies value[from, to) to `output` at `at`; returns the position after it. */
export const copy = (
  value: string,
  from: number,
  to: number,
  output: Uint8Array,
  at: number,
): number => {
  let position = at;
  for (let index = from; index < to; index++) output[position++] = value.charCodeAt(index);
  return position;
};
