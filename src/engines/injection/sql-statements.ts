/** What must follow a word that opens a statement or a clause, or else it is prose. */
import { GO, HIT, next, type Reading, STOP } from "./sql-reading.ts";
import { SQL, STATEMENT_SECOND_WORDS } from "./sql-words.ts";

/** After UNION: its quantifier, then parentheses, then SELECT or VALUES, then a list. */
export function unionAhead(r: Reading): number {
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

/** After ORDER or GROUP: BY must follow. */
export function orderAhead(r: Reading): number {
  next(r);
  if (r.scan.word !== "by") return STOP;
  r.sorted = true;
  r.sortNumber = false;
  r.expectOperand = true;
  r.comparing = false;
  return GO;
}

/** INTO OUTFILE and INTO DUMPFILE, with their target. */
export function into(r: Reading): number {
  next(r);
  if (r.scan.word !== "outfile" && r.scan.word !== "dumpfile") return r.select ? GO : STOP;
  const target = next(r);
  return target === SQL.string || target === SQL.open || target === SQL.number ? HIT : STOP;
}

/** WAITFOR DELAY and WAITFOR TIME, with their target. */
export function wait(r: Reading): number {
  next(r);
  if (r.scan.word !== "delay" && r.scan.word !== "time") return STOP;
  const target = next(r);
  return target === SQL.string || target === SQL.open || target === SQL.variable ? HIT : STOP;
}

/** After `;`: a statement of its own, or nothing but a comment. */
export function stacked(r: Reading): number {
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
export function statement(r: Reading, first: boolean): number {
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
