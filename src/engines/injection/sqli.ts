/**
 * SQL-injection recognition: reads a value in each context in which an application may have put it
 * (bare, inside '…', "…" or `…`) and asks the grammar. It is no parser of whole statements.
 */
import { readInjection } from "./sql-grammar.ts";
import { type SqlScanner, sqlScanner, stringEnd } from "./sql-token.ts";

export const SQLI_LIMITS = { valueBytesMax: 65_536 } as const;

const scan: SqlScanner = sqlScanner();

const QUOTES = [39, 34, 96] as const;

const SIGN = 1;
const BLANK = 2;

/** Byte → a sign that an injection needs, a blank, or one of `QUOTES` by its bit. */
const SIGNS = new Uint8Array(256);
for (const sign of "();=<>|&#-/*+%^@!,~") SIGNS[sign.charCodeAt(0)] = SIGN;
for (let control = 0; control <= 32; control++) SIGNS[control] = BLANK;
SIGNS[0xa0] = BLANK;
const quoteBit = (at: number): number => 4 << at;
for (const [at, quote] of QUOTES.entries()) SIGNS[quote] = quoteBit(at);

/** 256 flags: the bytes of which every SQL injection has one. */
export const sqliBytes: Uint8Array = SIGNS.map((sign) => (sign === 0 ? 0 : 1));

/**
 * The bits of all bytes; 0 when no attack can be spelled with them: neither a sign nor two blanks.
 * Most values end here.
 */
function signsOf(value: string, end: number): number {
  let signs = 0;
  let blanks = 0;
  for (let pos = 0; pos < end; pos++) {
    const sign = SIGNS[value.charCodeAt(pos) & 255] ?? 0;
    if (sign === BLANK) blanks++;
    signs |= sign;
  }
  return signs === BLANK && blanks < 2 ? 0 : signs;
}

/** Where a statement may start anew within a bare value. */
const UNION = /\bunion\b/gi;
const UNION_OF = /\bunion\s+(?:all|distinct|select)\b/i;

function inString(quote: number): string | undefined {
  const first = stringEnd(scan, 0, quote, true);
  if (first > 0) {
    const found = from(first, quote);
    if (found !== undefined) return found;
  }
  const plainEnd = stringEnd(scan, 0, quote, false);
  return plainEnd > 0 && plainEnd !== first ? from(plainEnd, quote) : undefined;
}

function from(pos: number, quote: number): string | undefined {
  scan.pos = pos;
  scan.breakout = quote === 0 ? 0 : pos;
  scan.conditional = 0;
  return readInjection(scan, quote);
}

/**
 * Judges a value (latin1, one char per byte), after decoding by the caller. The fingerprint spells
 * the classes of the tokens that led to the finding, as in `s&1=1`. Only the first
 * `SQLI_LIMITS.valueBytesMax` bytes are read.
 */
export function detectSqli(value: string): { readonly fingerprint: string } | undefined {
  const end = Math.min(value.length, SQLI_LIMITS.valueBytesMax);
  scan.steps = 0;
  const signs = end < 3 ? 0 : signsOf(value, end);
  if (signs === 0) return undefined;
  scan.text = value;
  scan.end = end;
  const found = inContexts(signs);
  scan.text = "";
  return found === undefined ? undefined : { fingerprint: found };
}

function inContexts(signs: number): string | undefined {
  const bare = from(0, 0);
  if (bare !== undefined) return bare;
  for (const [at, quote] of QUOTES.entries()) {
    const found = (signs & quoteBit(at)) === 0 ? undefined : inString(quote);
    if (found !== undefined) return found;
  }
  UNION.lastIndex = 1;
  const text = scan.end < scan.text.length ? scan.text.slice(0, scan.end) : scan.text;
  const union = UNION.exec(text);
  if (union === null) return undefined;
  return from(union.index, 0) ?? (UNION_OF.test(text) && hidesComment(text) ? "X" : undefined);
}

/** A comment opened within a comment: nobody writes that but to confuse a reader like this. */
function hidesComment(text: string): boolean {
  const open = text.indexOf("/*");
  const again = open < 0 ? -1 : text.indexOf("/*", open + 2);
  const close = open < 0 ? -1 : text.indexOf("*/", open + 2);
  return again > 0 && (close < 0 || again < close || again === close + 1);
}

/** Steps of the last call, for the test that work is linear. */
export const sqliSteps = (): number => scan.steps;
