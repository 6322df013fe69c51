/**
 * SQL-injection recognition: reads a value in each context in which an application may have put it
 * (bare, inside '…', "…" or `…`) and asks the grammar. It is no parser of whole statements.
 */
import { readInjection } from "./sql-grammar.ts";
import { type SqlScanner, sqlScanner, stringEnd } from "./sql-token.ts";

export const SQLI_LIMITS = { valueBytesMax: 65_536 } as const;

const scan: SqlScanner = sqlScanner();

const QUOTES = [39, 34, 96] as const;

/** Byte → 1 sign that an injection needs, 2 space or letter, 0 else. */
const SIGNS = new Uint8Array(256);
for (const sign of "'\"`();=<>|&#-/*+%^@!,~") SIGNS[sign.charCodeAt(0)] = 1;
SIGNS[32] = 2;
for (let control = 0; control < 32; control++) SIGNS[control] = 2;
SIGNS[0xa0] = 2;

/** Without a sign and without two blanks no attack can be spelled: most values end here. */
function plain(value: string, end: number): boolean {
  let blanks = 0;
  for (let pos = 0; pos < end; pos++) {
    const sign = SIGNS[value.charCodeAt(pos) & 255];
    if (sign === 1) return false;
    if (sign === 2 && ++blanks > 1) return false;
  }
  return true;
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
  if (end < 3 || plain(value, end)) return undefined;
  scan.text = value;
  scan.end = end;
  const found = inContexts();
  scan.text = "";
  return found === undefined ? undefined : { fingerprint: found };
}

function inContexts(): string | undefined {
  const bare = from(0, 0);
  if (bare !== undefined) return bare;
  for (const quote of QUOTES) {
    const found = inString(quote);
    if (found !== undefined) return found;
  }
  UNION.lastIndex = 1;
  const text = scan.text.slice(0, scan.end);
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
