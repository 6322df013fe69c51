/** A lazy SQL tokenizer over latin1 text; it reads MySQL, ANSI, PostgreSQL and MSSQL spellings. */
import { SQL, SQL_WORD_BYTES_MAX, sqlWordClass } from "./sql-words.ts";

/** One scanner serves all calls: the recognizer is synchronous and must not allocate per value. */
export type SqlScanner = {
  text: string;
  pos: number;
  end: number;
  /** Start of the token last read. */
  start: number;
  /** The lower-case word of the token last read, empty for other tokens. */
  word: string;
  /** Nesting of executable comments, whose closing marks are blanks. */
  conditional: number;
  steps: number;
  /** Position after the quote by which the value left its string, 0 when it is in none. */
  breakout: number;
};

export const sqlScanner = (): SqlScanner => ({
  text: "",
  pos: 0,
  end: 0,
  start: 0,
  word: "",
  conditional: 0,
  steps: 0,
  breakout: 0,
});

/** A search for a closing mark looks no farther, so that many openings cost no more than few. */
const DOLLAR_BYTES_MAX = 256;
const BRACKET_BYTES_MAX = 130;

const WORD = 1;
const DIGIT = 2;
const BLANK = 4;

/** Byte classes. Bytes above 0x7F belong to words, but 0xA0 is a blank to MySQL. */
const BYTES = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const letter = (byte | 32) >= 97 && (byte | 32) <= 122;
  const digit = byte >= 48 && byte <= 57;
  if (byte === 0xa0 || byte <= 32) BYTES[byte] = BLANK;
  else if (digit) BYTES[byte] = DIGIT | WORD;
  else if (letter || byte === 95 || byte === 36 || byte > 127) BYTES[byte] = WORD;
}

const has = (code: number, mask: number): boolean => ((BYTES[code] ?? 0) & mask) !== 0;
const at = (s: SqlScanner, pos: number): number =>
  pos < s.end ? s.text.charCodeAt(pos) & 255 : -1;

/**
 * Position after the quote that closes a string whose content starts at `from`, or -1.
 * A doubled quote is content; a backslash takes the next byte when `backslash` is set.
 */
export function stringEnd(s: SqlScanner, from: number, quote: number, backslash: boolean): number {
  let pos = from;
  for (; pos < s.end; pos++) {
    const code = s.text.charCodeAt(pos);
    if (code === 92 && backslash) pos++;
    else if (code === quote) {
      if (at(s, pos + 1) !== quote) break;
      pos++;
    }
  }
  s.steps += pos - from + 1;
  return pos < s.end ? pos + 1 : -1;
}

function skipWhile(s: SqlScanner, mask: number): void {
  const from = s.pos;
  while (s.pos < s.end && has(s.text.charCodeAt(s.pos), mask)) s.pos++;
  s.steps += s.pos - from;
}

/** Skips blanks and inline comments; says whether a comment that runs to the end was met. */
function skipBlanks(s: SqlScanner): boolean {
  for (;;) {
    skipWhile(s, BLANK);
    s.steps++;
    const code = at(s, s.pos);
    const next = at(s, s.pos + 1);
    if (code === 47 && next === 42) {
      if (at(s, s.pos + 2) === 33) {
        s.conditional++;
        s.pos += 3;
        skipWhile(s, DIGIT);
        continue;
      }
      const close = s.text.indexOf("*/", s.pos + 2);
      s.start = s.pos;
      if (close < 0 || close >= s.end) return true;
      s.steps += close - s.pos;
      s.pos = close + 2;
    } else if (code === 42 && next === 47 && s.conditional > 0) {
      s.conditional--;
      s.pos += 2;
    } else if ((code === 45 && next === 45) || (code === 35 && next !== 62 && next !== 45)) {
      // A line comment: what a next line holds still runs.
      s.start = s.pos;
      const line = s.text.indexOf("\n", s.pos);
      if (line < 0 || line >= s.end - 1) return true;
      s.steps += line - s.pos;
      s.pos = line + 1;
    } else return false;
  }
}

function readString(s: SqlScanner, quote: number, content: number): number {
  const close = stringEnd(s, content, quote, quote !== 96);
  s.pos = close < 0 ? s.end : close;
  if (quote === 96) return close < 0 ? SQL.unknown : SQL.word;
  return close < 0 ? SQL.open : SQL.string;
}

/** Numbers: integers, decimals, exponents, 0x and 0b; a digit run with letters after it is a word. */
function readNumber(s: SqlScanner): number {
  const marker = at(s, s.pos + 1) | 32;
  if (at(s, s.pos) === 48 && (marker === 120 || marker === 98)) {
    s.pos += 2;
    skipWhile(s, WORD);
    return SQL.number;
  }
  skipWhile(s, DIGIT);
  if (at(s, s.pos) === 46) {
    s.pos++;
    skipWhile(s, DIGIT);
  }
  if ((at(s, s.pos) | 32) === 101) {
    let exponent = s.pos + 1;
    if (at(s, exponent) === 43 || at(s, exponent) === 45) exponent++;
    if (has(at(s, exponent), DIGIT)) {
      s.pos = exponent;
      skipWhile(s, DIGIT);
    }
  }
  if (!has(at(s, s.pos), WORD)) return SQL.number;
  // MySQL ends a number where a keyword starts: `1e0union`, `1or`.
  const from = s.pos;
  const kind = readWord(s);
  if (kind === SQL.word || kind === SQL.call || kind === SQL.sink) return SQL.word;
  s.pos = from;
  s.word = "";
  return SQL.number;
}

function readWord(s: SqlScanner): number {
  const from = s.pos;
  skipWhile(s, WORD);
  const length = s.pos - from;
  const code = at(s, s.pos);
  const first = at(s, from) | 32;
  if (code === 39 && length === 1 && (first === 110 || first === 98 || first === 120)) {
    return readString(s, 39, s.pos + 1);
  }
  if (code === 39 && length === 1 && (first === 101 || first === 113)) {
    return readString(s, 39, s.pos + 1);
  }
  if (at(s, from) === 95 && code === 39) return readString(s, 39, s.pos + 1);
  if (length > SQL_WORD_BYTES_MAX) return SQL.word;
  s.word = s.text.slice(from, s.pos).toLowerCase();
  let paren = s.pos;
  while (paren < s.end && has(s.text.charCodeAt(paren), BLANK)) paren++;
  s.steps += paren - s.pos;
  return sqlWordClass(s.word, at(s, paren));
}

/** `$tag$ … $tag$` of PostgreSQL; anything else that starts with `$` is a word. */
function readDollar(s: SqlScanner): number {
  let tag = s.pos + 1;
  while (tag < s.end && has(s.text.charCodeAt(tag), WORD) && s.text.charCodeAt(tag) !== 36) tag++;
  if (at(s, tag) !== 36 || tag - s.pos > 32) return readWord(s);
  const body = s.text.slice(tag + 1, Math.min(s.end, tag + DOLLAR_BYTES_MAX));
  const close = body.indexOf(s.text.slice(s.pos, tag + 1));
  s.steps += tag - s.pos + body.length;
  if (close < 0) return readWord(s);
  s.pos = tag + 1 + close + (tag - s.pos + 1);
  return SQL.string;
}

function readVariable(s: SqlScanner): number {
  if (at(s, s.pos + 1) === 62) {
    s.pos += 2;
    return SQL.compare;
  }
  s.pos += at(s, s.pos + 1) === 64 ? 2 : 1;
  const quote = at(s, s.pos);
  if (quote === 39 || quote === 34 || quote === 96) {
    readString(s, quote, s.pos + 1);
    return SQL.variable;
  }
  const from = s.pos;
  skipWhile(s, WORD);
  return s.pos > from ? SQL.variable : SQL.unknown;
}

/** Operators of up to four signs; `:=`, `->>`, `<=>`, `!~*`, `&&`, `||` among them. */
function readOperator(s: SqlScanner, code: number): number {
  const next = at(s, s.pos + 1);
  if (code === 38 && next === 38) {
    s.pos += 2;
    return SQL.logic;
  }
  if (code === 33 && next !== 61 && next !== 60 && next !== 62 && next !== 126) {
    s.pos++;
    return SQL.unary;
  }
  if (code === 45 && next === 62) {
    s.pos += at(s, s.pos + 2) === 62 ? 3 : 2;
    return SQL.operator;
  }
  if (code === 58 && next !== 61 && next !== 58) {
    s.pos++;
    return SQL.unknown;
  }
  const compare = code === 61 || code === 60 || code === 62 || code === 33 || code === 126;
  if (code === 35 || code === 58 || (code === 124 && next === 124)) {
    s.pos += 2;
    return SQL.operator;
  }
  s.pos++;
  if (code === 60 && next === 64) s.pos++;
  else if (compare) {
    for (let extra = 0; extra < 2; extra++) {
      const sign = at(s, s.pos);
      if (sign === 61 || sign === 62 || (sign === 60 && code === 60)) s.pos++;
    }
  }
  return compare && !(code === 126 && next !== 42) ? SQL.compare : SQL.operator;
}

/** Reads the next token and answers its class. */
export function nextSqlToken(s: SqlScanner): number {
  s.word = "";
  if (skipBlanks(s)) return SQL.comment;
  s.start = s.pos;
  s.steps++;
  if (s.pos >= s.end) return SQL.end;
  const code = s.text.charCodeAt(s.pos) & 255;
  if (has(code, DIGIT) || (code === 46 && has(at(s, s.pos + 1), DIGIT))) return readNumber(s);
  if (code === 36) return readDollar(s);
  if (has(code, WORD)) return readWord(s);
  // `\config.ini`, `\N`: no SQL by itself, but a name to what a value is spliced into.
  if (code === 92) {
    while (at(s, s.pos) === 92) s.pos++;
    s.steps += s.pos - s.start;
    return has(at(s, s.pos), WORD) ? readWord(s) : SQL.unknown;
  }
  if (code === 39 || code === 34 || code === 96) return readString(s, code, s.pos + 1);
  if (code === 64) return readVariable(s);
  if (code === 91) return readBracket(s);
  if (code === 40 || code === 41 || code === 44 || code === 59 || code === 46) {
    s.pos++;
    return code;
  }
  return SIGNS.includes(s.text.charAt(s.pos)) ? readOperator(s, code) : unknown(s);
}

const SIGNS = "=<>!~+-*/%|&^:#";

function unknown(s: SqlScanner): number {
  s.pos++;
  return SQL.unknown;
}

/** MSSQL's `[name]`, at most 128 bytes long. */
function readBracket(s: SqlScanner): number {
  const last = Math.min(s.end, s.pos + BRACKET_BYTES_MAX);
  for (let pos = s.pos + 1; pos < last; pos++) {
    s.steps++;
    if (s.text.charCodeAt(pos) !== 93) continue;
    s.pos = pos + 1;
    return SQL.word;
  }
  return unknown(s);
}
