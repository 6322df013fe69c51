/**
 * Reads tokens as the rest of a SQL statement whose beginning the application wrote, and stops at
 * the first token that cannot stand there. Prose breaks off within a few tokens; injections do not.
 */
import { operand } from "./sql-operands.ts";
import {
  broken,
  GO,
  HIT,
  logic,
  next,
  open,
  type Reading,
  SQL_LIMITS,
  STOP,
} from "./sql-reading.ts";
import { into, orderAhead, stacked, statement, unionAhead, wait } from "./sql-statements.ts";
import type { SqlScanner } from "./sql-token.ts";
import { SQL } from "./sql-words.ts";

/**
 * Reads from the scanner's position; `quote` is the quote just closed, or 0 for a value that
 * stands outside strings. Answers the fingerprint of an injection, or undefined.
 */
export function readInjection(scan: SqlScanner, quote: number): string | undefined {
  const r = open(scan, quote);
  while (r.tokens < SQL_LIMITS.tokensMax) {
    const kind = next(r);
    const { tokens } = r;
    const step = r.expectOperand ? operand(r, kind) : operator(r, kind);
    if (step === HIT) return r.print;
    if (step === STOP) return undefined;
    // A call has read its parenthesis, too.
    const opened = r.tokens > tokens && r.last === SQL.left && r.expectOperand;
    r.last = opened ? SQL.left : kind;
  }
  return undefined;
}

function operator(r: Reading, kind: number): number {
  if (r.sink && r.depth === 0 && kind !== SQL.semicolon && kind !== SQL.unknown) {
    if (kind !== SQL.word && kind !== SQL.dot) return HIT;
  }
  switch (kind) {
    case SQL.logic:
      return r.select && !r.from && !r.columns ? STOP : logic(r);
    case SQL.compare:
    case SQL.compareWord:
      return compare(r);
    case SQL.operator:
      r.operators++;
      r.expectOperand = true;
      if (r.scan.text.charCodeAt(r.scan.start) === 124) r.logic = r.logic || r.quote !== 0;
      return GO;
    case SQL.unary:
      return r.scan.word === "not" ? GO : STOP;
    case SQL.comma:
      r.expectOperand = true;
      r.comparing = false;
      if (r.quote === 0 || r.depth > 0 || r.select) r.operators++;
      return r.tokens === 1 ? STOP : GO;
    case SQL.right:
      r.depth--;
      if (r.depth < 0 && r.quote === 0) r.operators++;
      return r.select && r.from && r.operators > 0 ? HIT : GO;
    case SQL.semicolon:
      return stacked(r);
    case SQL.comment:
      return comment(r);
    case SQL.end:
      return ending(r);
    default:
      return clause(r, kind);
  }
}

function compare(r: Reading): number {
  if (r.select && !r.from && !r.columns) return STOP;
  if (r.scan.word === "isnull" || r.scan.word === "notnull") {
    r.compared = true;
    return GO;
  }
  r.leftConstant = r.constant;
  r.comparing = true;
  r.expectOperand = true;
  r.operators++;
  return GO;
}

/** Words that open the next part of a statement. */
function clause(r: Reading, kind: number): number {
  switch (kind) {
    case SQL.union:
      return unionAhead(r);
    case SQL.order:
      return orderAhead(r);
    case SQL.having:
      return broken(r) || r.constant ? logic(r) : STOP;
    case SQL.clause:
      return from(r);
    case SQL.limit:
      r.expectOperand = true;
      r.sorted = true;
      return r.quote !== 0 || r.constant ? GO : STOP;
    case SQL.into:
      return into(r);
    case SQL.procedure:
      return next(r) === SQL.word && r.scan.word === "analyse" ? HIT : STOP;
    case SQL.wait:
      return wait(r);
    case SQL.caseArm:
      return caseArm(r);
    case SQL.string:
      return r.last === SQL.string && r.operators > 0 ? GO : STOP;
    case SQL.open:
      return r.last === SQL.string && r.operators > 0 ? GO : STOP;
    case SQL.sink:
      return r.quote !== 0 ? HIT : STOP;
    case SQL.statement:
      return followsBare(r) ? statement(r, false) : STOP;
    case SQL.select:
      // MSSQL needs no semicolon; a variable of the server is no prose.
      return r.quote !== 0 && r.tokens === 1 && next(r) === SQL.variable ? HIT : STOP;
    case SQL.dot:
      return STOP;
    default:
      return kind === SQL.word && r.select && r.from ? alias(r) : STOP;
  }
}

const BARE_VERBS = new Set(["declare", "exec", "execute"]);

/** Whether a verb may follow without a semicolon: behind a parenthesis, or as MSSQL has it. */
function followsBare({ quote, depth, tokens, scan }: Reading): boolean {
  return quote !== 0 && (depth < 0 || (tokens === 1 && BARE_VERBS.has(scan.word)));
}

/** A second bare name after a table: an alias, once; prose has a third. */
function alias(r: Reading): number {
  return r.last === SQL.word || r.last === SQL.right || r.last === SQL.number ? GO : STOP;
}

function caseArm(r: Reading): number {
  const word = r.scan.word;
  if (!r.caseOpen) return STOP;
  if (word === "then" && r.compared && (r.leftConstant || broken(r))) return HIT;
  r.expectOperand = word !== "end";
  r.comparing = false;
  return GO;
}

function from(r: Reading): number {
  if (r.scan.word === "where") {
    r.logic = true;
    r.expectOperand = true;
    r.comparing = false;
    return r.select || r.quote !== 0 ? GO : STOP;
  }
  if (!r.select) return r.depth > 0 ? fromArgument(r) : STOP;
  if (r.union || r.columns || r.quote !== 0) {
    if (r.operators > 0 || r.union || r.quote !== 0) return HIT;
  }
  r.from = true;
  r.expectOperand = true;
  if (r.star && r.depth > 0) return HIT;
  return r.operators > 0 && r.depth > 0 ? HIT : GO;
}

/** `substring(x from 1 for 1)`, `trim(both from x)`. */
function fromArgument(r: Reading): number {
  r.expectOperand = true;
  return GO;
}

/** A comment hides what the application wrote after the value. */
function comment(r: Reading): number {
  if (r.logic || r.compared || r.sink || r.sorted) return broken(r) || r.constant ? HIT : STOP;
  if (r.quote === 0) return r.union && r.columns ? HIT : STOP;
  if (r.operators > 0) return HIT;
  return truncates(r) ? HIT : STOP;
}

/**
 * `admin'--` against `the dogs' -- and cats`: after a possessive, prose may follow; a quote that
 * comes again after the sign means that the first one opened a quotation (`href='#top'`).
 */
function truncates(r: Reading): boolean {
  const { text, start, end, breakout } = r.scan;
  const before = breakout >= 2 ? text.charCodeAt(breakout - 2) : -1;
  const opener = before < 0 || before === 32 || before === 61 || before === 40 || before === 58;
  const rest = text.slice(start + 1, Math.min(end, start + 80));
  if (opener && rest.includes(String.fromCharCode(r.quote))) return false;
  const possessive = r.quote === 39 && (before | 32) === 115;
  return !(possessive && /[a-z]{2} +[a-z]/i.test(rest));
}

/** The value ends: proof is complete, or a string was opened for the application to close. */
function ending(r: Reading): number {
  if (r.sink && r.depth <= 0) return HIT;
  if (r.union && r.columns) return HIT;
  if (r.sorted && r.sortNumber && (r.quote !== 0 || r.operators > 0 || r.constant)) return HIT;
  if (r.last !== SQL.open || r.quote === 0) return STOP;
  if (r.logic || r.operators > 1) return HIT;
  const { text, breakout } = r.scan;
  const before = breakout >= 2 ? text.charCodeAt(breakout - 2) : -1;
  const spaced = before === 32 || before === 40 || before === 61;
  return r.operators > 0 && !spaced && text.charCodeAt(r.scan.end - 1) !== 32 ? HIT : STOP;
}
