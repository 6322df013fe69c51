/** Operators that look for what is not well-formed: they match when a value breaks the form. */
import type { Operator, OperatorMatch } from "./operator.ts";

/** `@validateByteRange 1-255`: matches a byte outside the ranges. */
export function byteRangeOperator(argument: string): Operator | { error: string } {
  const allowed = new Uint8Array(256);
  for (const part of argument.split(",")) {
    const match = /^\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?$/.exec(part);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || first > last || last > 255)
      return { error: `"${part}" is no byte range` };
    allowed.fill(1, first, last + 1);
  }
  const outside = allowed.map((byte) => 1 - byte);
  return {
    required: { kind: "bytes", bytes: outside },
    match(value) {
      for (let at = 0; at < value.length; at += 1) {
        if (allowed[value.charCodeAt(at) & 0xff] === 0) return { start: at, end: at + 1 };
      }
      return undefined;
    },
  };
}

function isHex(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
}

/** `@validateUrlEncoding`: matches a `%` without two hexadecimal digits behind it. */
export const urlEncodingOperator: Operator = {
  required: { kind: "literals", literals: ["%"] },
  match(value): OperatorMatch | undefined {
    for (let at = value.indexOf("%"); at !== -1; at = value.indexOf("%", at + 1)) {
      const valid =
        at + 2 < value.length && isHex(value.charCodeAt(at + 1)) && isHex(value.charCodeAt(at + 2));
      if (!valid) return { start: at, end: Math.min(at + 3, value.length) };
    }
    return undefined;
  },
};

/** `@validateUtf8Encoding`: matches bytes that are no UTF-8 (RFC 3629), overlong forms included. */
export const utf8Operator: Operator = {
  required: { kind: "bytes", bytes: new Uint8Array(256).fill(1, 0x80) },
  match(value): OperatorMatch | undefined {
    let at = 0;
    while (at < value.length) {
      const length = sequenceLength(value, at);
      if (length === 0) return { start: at, end: at + 1 };
      at += length;
    }
    return undefined;
  },
};

/** Bytes of the valid sequence at `at`; 0 when there is none. */
function sequenceLength(value: string, at: number): number {
  const first = value.charCodeAt(at);
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0;
  if (length === 0 || at + length > value.length) return 0;
  for (let offset = 1; offset < length; offset += 1) {
    if ((value.charCodeAt(at + offset) & 0xc0) !== 0x80) return 0;
  }
  const second = value.charCodeAt(at + 1);
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return length;
}
