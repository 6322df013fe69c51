/** Operands: constants, names, calls, sub-selects, and what may stand in their place. */
import {
  broken,
  GO,
  HIT,
  logic,
  next,
  type Reading,
  SQL_LIMITS,
  STOP,
  take,
} from "./sql-reading.ts";
import { orderAhead, stacked, statement, unionAhead, wait } from "./sql-statements.ts";
import { SQL } from "./sql-words.ts";

/** Judges a token where an operand is due. */
export function operand(r: Reading, kind: number): number {
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
  if (code === 42 && (star || r.last === SQL.unary)) {
    r.star = r.star || r.select;
    return take(r, true);
  }
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
