/** What has been read of a value as SQL, and the steps that every part of the grammar takes. */
import { nextSqlToken, type SqlScanner } from "./sql-token.ts";
import { SQL } from "./sql-words.ts";

export const SQL_LIMITS = { tokensMax: 2048, fingerprintTokensMax: 12 } as const;

/** Verdicts on one token: read on, an injection is proven, or this is no SQL. */
export const GO = 0;
export const HIT = 1;
export const STOP = 2;

/** What has been read so far in one context. */
export type Reading = {
  scan: SqlScanner;
  /** Quote the value broke out of, 0 when the value is no part of a string. */
  quote: number;
  expectOperand: boolean;
  /** Class of the operand last read: constants, calls and sub-selects weigh more than names. */
  constant: boolean;
  last: number;
  depth: number;
  tokens: number;
  operators: number;
  logic: boolean;
  /** A comparison waits for its right side. */
  comparing: boolean;
  leftConstant: boolean;
  compared: boolean;
  union: boolean;
  /** Inside a select list or what follows it. */
  select: boolean;
  from: boolean;
  /** A constant, call, star or comma was seen in the select list. */
  columns: boolean;
  /** One of them was a star, which prose has not. */
  star: boolean;
  caseOpen: boolean;
  /** ORDER BY, GROUP BY or LIMIT was read and has its operand. */
  sorted: boolean;
  sortNumber: boolean;
  sink: boolean;
  conditional: boolean;
  print: string;
};

const reading: Reading = {
  scan: {
    text: "",
    pos: 0,
    end: 0,
    start: 0,
    word: "",
    conditional: 0,
    steps: 0,
    breakout: 0,
  },
  quote: 0,
  expectOperand: true,
  constant: false,
  last: 0,
  depth: 0,
  tokens: 0,
  operators: 0,
  logic: false,
  comparing: false,
  leftConstant: false,
  compared: false,
  union: false,
  select: false,
  from: false,
  columns: false,
  star: false,
  caseOpen: false,
  sorted: false,
  sortNumber: false,
  sink: false,
  conditional: false,
  print: "",
};

/** A fresh reading; there is one at a time, since nothing here waits. */
export function open(scan: SqlScanner, quote: number): Reading {
  const r = reading;
  r.scan = scan;
  r.quote = quote;
  r.expectOperand = quote === 0;
  r.constant = quote !== 0;
  r.last = quote === 0 ? 0 : SQL.string;
  r.depth = 0;
  r.tokens = 0;
  r.operators = 0;
  r.logic = false;
  r.comparing = false;
  r.leftConstant = false;
  r.compared = false;
  r.union = false;
  r.select = false;
  r.from = false;
  r.columns = false;
  r.star = false;
  r.caseOpen = false;
  r.sorted = false;
  r.sortNumber = false;
  r.sink = false;
  r.conditional = false;
  r.print = quote === 0 ? "" : "s";
  return r;
}

/** True when the value cannot be a sentence: it left a string, or starts with a constant. */
export const broken = (r: Reading): boolean => r.quote !== 0 || r.operators > 0 || r.conditional;

/** Reads the next token and notes it in the fingerprint. */
export function next(r: Reading): number {
  const kind = nextSqlToken(r.scan);
  r.tokens++;
  if (r.scan.conditional > 0) r.conditional = true;
  if (r.print.length < SQL_LIMITS.fingerprintTokensMax) r.print += String.fromCharCode(kind);
  return kind;
}

/** An operand is complete; a comparison that it completes may be the proof. */
export function take(r: Reading, constant: boolean): number {
  r.expectOperand = false;
  r.constant = constant;
  if (r.select && !r.from) {
    if (constant) r.columns = true;
    if (r.union && r.columns) return HIT;
    if (r.columns && r.quote !== 0) return HIT;
    if (r.columns && r.operators > 0 && r.depth > 0) return HIT;
  }
  if (!r.comparing) return GO;
  r.comparing = false;
  r.compared = true;
  if (r.quote !== 0) return r.logic ? HIT : GO;
  return r.logic && r.leftConstant && constant ? HIT : GO;
}

/** AND, OR and their like: a new condition begins. */
export function logic(r: Reading): number {
  r.logic = true;
  r.operators++;
  r.expectOperand = true;
  r.comparing = false;
  return GO;
}
