/**
 * Reads tokens as the rest of a SQL statement whose beginning the application wrote, and stops at
 * the first token that cannot stand there. Prose breaks off within a few tokens; injections do not.
 */
import { nextSqlToken, type SqlScanner } from "./sql-token.ts";
import { SQL, STATEMENT_SECOND_WORDS } from "./sql-words.ts";

export const SQL_LIMITS = { tokensMax: 2048, fingerprintTokensMax: 12 } as const;

const GO = 0;
const HIT = 1;
const STOP = 2;

/** What has been read so far in one context. */
type Reading = {
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
  caseOpen: false,
  sorted: false,
  sortNumber: false,
  sink: false,
  conditional: false,
  print: "",
};

function open(scan: SqlScanner, quote: number): Reading {
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
  r.caseOpen = false;
  r.sorted = false;
  r.sortNumber = false;
  r.sink = false;
  r.conditional = false;
  r.print = quote === 0 ? "" : "s";
  return r;
}

/** True when the value cannot be a sentence: it left a string, or starts with a constant. */
const broken = (r: Reading): boolean => r.quote !== 0 || r.operators > 0 || r.conditional;

function next(r: Reading): number {
  const kind = nextSqlToken(r.scan);
  r.tokens++;
  if (r.scan.conditional > 0) r.conditional = true;
  if (r.print.length < SQL_LIMITS.fingerprintTokensMax) r.print += String.fromCharCode(kind);
  return kind;
}

/**
 * Reads from the scanner's position; `quote` is the quote just closed, or 0 for a value that
 * stands outside strings. Answers the fingerprint of an injection, or undefined.
 */
export function readInjection(scan: SqlScanner, quote: number): string | undefined {
  const r = open(scan, quote);
  while (r.tokens < SQL_LIMITS.tokensMax) {
    const kind = next(r);
    const step = r.expectOperand ? operand(r, kind) : operator(r, kind);
    if (step === HIT) return r.print;
    if (step === STOP) return undefined;
    r.last = kind;
  }
  return undefined;
}

/** An operand is complete; a comparison that it completes may be the proof. */
function take(r: Reading, constant: boolean): number {
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

function operand(r: Reading, kind: number): number {
  switch (kind) {
    case SQL.number:
      if (r.sorted) r.sortNumber = true;
      return take(r, true);
    case SQL.string:
    case SQL.constant:
    case SQL.variable:
      return take(r, true);
    case SQL.open:
      return r.scan.end - r.scan.start > 0 ? take(r, true) : STOP;
    case SQL.word:
    case SQL.limit:
      return name(r);
    case SQL.call:
      return take(r, true) === HIT ? HIT : callAhead(r);
    case SQL.sink:
      return sink(r);
    case SQL.left:
      r.depth++;
      return GO;
    case SQL.right:
      if (r.last !== SQL.left && r.tokens > 1) return STOP;
      r.depth--;
      return r.last === SQL.left ? take(r, r.constant) : take(r, true);
    case SQL.unary:
      return GO;
    case SQL.operator:
      return sign(r);
    case SQL.select:
      return select(r);
    case SQL.caseOpen:
      r.caseOpen = true;
      return GO;
    case SQL.caseArm:
      return r.caseOpen && r.last === SQL.caseOpen ? GO : name(r);
    case SQL.union:
      return r.tokens === 1 ? unionAhead(r) : STOP;
    case SQL.order:
      return r.tokens === 1 ? orderAhead(r) : STOP;
    case SQL.statement:
      return r.tokens === 1 ? statement(r, true) : name(r);
    case SQL.semicolon:
      return r.tokens === 1 ? stacked(r) : STOP;
    case SQL.wait:
      return wait(r);
    case SQL.logic:
    case SQL.having:
      return r.tokens === 1 && r.scan.word !== "" ? logic(r) : STOP;
    case SQL.comment:
      return r.quote !== 0 && r.logic && r.compared ? HIT : STOP;
    default:
      return STOP;
  }
}

/** A sign before an operand: `-1`, `+1`, `~1`, or the star of `count(*)` and `select *`. */
function sign(r: Reading): number {
  const code = r.scan.text.charCodeAt(r.scan.start);
  if (code === 43 || code === 45 || code === 126 || code === 64) return GO;
  const star = r.last === SQL.left || r.last === SQL.select || r.last === SQL.comma;
  if (code === 42 && (star || r.last === SQL.unary)) return take(r, true);
  return STOP;
}

/** A bare name, with what qualifies it; a name that is called is weighed as a name. */
function name(r: Reading): number {
  while (r.scan.text.charCodeAt(r.scan.pos) === SQL.dot && r.tokens < SQL_LIMITS.tokensMax) {
    next(r);
    const member = next(r);
    if (member === SQL.sink) return sink(r);
    if (member === SQL.operator && r.select) return take(r, true);
    if (member < 65 && member !== SQL.number && member !== SQL.dot) return STOP;
  }
  const step = take(r, false);
  return step === GO ? callAhead(r) : step;
}

/** After a name or a function: its parenthesis, when one follows, opens an operand. */
function callAhead(r: Reading): number {
  const { scan } = r;
  let pos = scan.pos;
  while (pos < scan.end && scan.text.charCodeAt(pos) <= 32) pos++;
  scan.steps += pos - scan.pos;
  if (pos >= scan.end || scan.text.charCodeAt(pos) !== SQL.left) return GO;
  const constant = r.constant;
  next(r);
  r.depth++;
  r.last = SQL.left;
  r.expectOperand = true;
  r.constant = constant;
  return GO;
}

function sink(r: Reading): number {
  if (broken(r)) return HIT;
  r.sink = true;
  if (r.scan.text.charCodeAt(r.scan.pos) === SQL.dot) return HIT;
  take(r, true);
  return callAhead(r);
}

function select(r: Reading): number {
  const start = r.tokens === 1 || r.last === SQL.left || r.union;
  if (!start) return STOP;
  r.select = true;
  r.from = false;
  r.columns = false;
  r.comparing = false;
  return GO;
}

function logic(r: Reading): number {
  r.logic = true;
  r.operators++;
  r.expectOperand = true;
  r.comparing = false;
  return GO;
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
      return r.quote !== 0 && r.depth < 0 ? statement(r, false) : STOP;
    case SQL.dot:
      return STOP;
    default:
      return kind === SQL.word && r.select && r.from ? alias(r) : STOP;
  }
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
  return r.operators > 0 && r.depth > 0 ? HIT : GO;
}

/** `substring(x from 1 for 1)`, `trim(both from x)`. */
function fromArgument(r: Reading): number {
  r.expectOperand = true;
  return GO;
}

/** After UNION: its quantifier, then parentheses, then SELECT or VALUES, then a list. */
function unionAhead(r: Reading): number {
  const prose = r.quote === 0 && !r.constant && r.operators === 0;
  for (let count = 0; count < 6; count++) {
    const kind = next(r);
    if (kind === SQL.unary && (r.scan.word === "all" || r.scan.word.startsWith("distinct")))
      continue;
    if (kind === SQL.left) {
      r.depth++;
      continue;
    }
    if (kind !== SQL.select && r.scan.word !== "values") return STOP;
    r.union = true;
    r.select = true;
    r.from = false;
    r.columns = false;
    r.comparing = false;
    r.expectOperand = true;
    if (!prose) r.operators++;
    return GO;
  }
  return STOP;
}

function orderAhead(r: Reading): number {
  next(r);
  if (r.scan.word !== "by") return STOP;
  r.sorted = true;
  r.sortNumber = false;
  r.expectOperand = true;
  r.comparing = false;
  return GO;
}

function into(r: Reading): number {
  next(r);
  if (r.scan.word !== "outfile" && r.scan.word !== "dumpfile") return r.select ? GO : STOP;
  const target = next(r);
  return target === SQL.string || target === SQL.open || target === SQL.number ? HIT : STOP;
}

function wait(r: Reading): number {
  next(r);
  if (r.scan.word !== "delay" && r.scan.word !== "time") return STOP;
  const target = next(r);
  return target === SQL.string || target === SQL.open || target === SQL.variable ? HIT : STOP;
}

/** After `;`: a statement of its own, or nothing but a comment. */
function stacked(r: Reading): number {
  r.depth = 0;
  r.select = false;
  r.union = false;
  const kind = next(r);
  if (kind === SQL.statement) return statement(r, false);
  if (kind === SQL.wait) return wait(r);
  if (kind === SQL.sink) return HIT;
  if (kind === SQL.semicolon) return r.quote !== 0 || r.constant ? stacked(r) : STOP;
  if (kind === SQL.comment) return r.quote !== 0 || r.compared || r.sink ? HIT : STOP;
  if (kind === SQL.word && r.scan.word === "if") return r.quote !== 0 ? HIT : STOP;
  if (kind === SQL.word && r.scan.word === "with") return r.quote !== 0 ? GO : STOP;
  if (kind === SQL.select) {
    r.select = true;
    r.from = false;
    r.columns = false;
    r.expectOperand = true;
    r.operators++;
    r.union = r.quote !== 0 || r.constant;
    return GO;
  }
  return r.compared && kind === SQL.end && r.quote !== 0 ? HIT : STOP;
}

/** A verb has been read: its second word decides whether it is a statement or English. */
function statement(r: Reading, first: boolean): number {
  const verb = r.scan.word;
  const kind = next(r);
  const second = r.scan.word;
  const admitted = STATEMENT_SECOND_WORDS.get(verb);
  if (verb === "exec" || verb === "execute") return execute(r, kind, first);
  if (verb === "declare") return kind === SQL.variable && (!first || r.quote !== 0) ? HIT : STOP;
  if (verb === "shutdown" && (kind === SQL.end || kind === SQL.comment)) return first ? STOP : HIT;
  if (verb === "set" && kind === SQL.variable) return first ? STOP : HIT;
  if (verb === "do" && kind === SQL.sink) return HIT;
  if (verb === "update") return update(r, kind, first);
  if (admitted === undefined) {
    if (first || kind !== SQL.word) return STOP;
    const after = next(r);
    return after === SQL.end ||
      after === SQL.comment ||
      after === SQL.semicolon ||
      after === SQL.left
      ? HIT
      : STOP;
  }
  if (!admitted.has(second)) return STOP;
  if (!first) return object(r);
  return STOP;
}

/** What follows DROP TABLE and its like must be a name, and no sentence. */
function object(r: Reading): number {
  for (let count = 0; count < 3; count++) {
    const kind = next(r);
    if (kind === SQL.word || kind === SQL.variable || kind === SQL.string) break;
    if (kind === SQL.left) return HIT;
    if (r.scan.word === "") return r.quote !== 0 && kind === SQL.comment ? HIT : STOP;
  }
  if (r.quote !== 0) return HIT;
  return next(r) === SQL.word && next(r) === SQL.word ? STOP : HIT;
}

function update(r: Reading, kind: number, first: boolean): number {
  if (kind !== SQL.word) return STOP;
  const after = next(r);
  if (after !== SQL.statement || r.scan.word !== "set") return STOP;
  next(r);
  return next(r) === SQL.compare && !first ? HIT : STOP;
}

function execute(r: Reading, kind: number, first: boolean): number {
  const word = r.scan.word;
  if (word.startsWith("xp_") || word.startsWith("sp_") || word === "immediate") return HIT;
  if (word === "master") return HIT;
  if (kind === SQL.left || kind === SQL.variable) return first ? STOP : HIT;
  return !first && r.quote !== 0 && (kind === SQL.word || kind === SQL.string) ? HIT : STOP;
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
