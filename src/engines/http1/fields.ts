/** Header and trailer fields in the order and spelling received, and their strict parser. */

import type { FaultKind } from "./fault.ts";
import { allIn, COLON, CR, HT, LF, SP, tokenChars, trimOws, valueChars } from "./grammar.ts";

/**
 * Parallel arrays, one entry per field line: name as received, its lower-case form, value without
 * OWS.
 */
export type Fields = { names: string[]; lower: string[]; values: string[] };

export const emptyFields = (): Fields => ({ names: [], lower: [], values: [] });

/** Appends one field line. */
export const addField = (fields: Fields, name: string, value: string): void => {
  fields.names.push(name);
  fields.lower.push(name.toLowerCase());
  fields.values.push(value);
};

/** The first value of the field with this lower-case name, or undefined. */
export const fieldValue = (fields: Fields, lowerName: string): string | undefined => {
  const at = fields.lower.indexOf(lowerName);
  return at < 0 ? undefined : fields.values[at];
};

/** Where parsing stopped, and the first fault met. */
export type FieldsEnd = { at: number; fault: FaultKind | null };

/**
 * Parses field lines of `text` (latin1) from `start` up to and with the empty line, RFC 9112 §5.
 * After a fault it reads on leniently, so that rules see as complete a view as can be had.
 */
export function parseFields(
  text: string,
  start: number,
  fields: Fields,
  countMax: number,
): FieldsEnd {
  let at = start;
  let fault: FaultKind | null = null;
  while (at < text.length) {
    const first = text.charCodeAt(at);
    if (first === CR && text.charCodeAt(at + 1) === LF) return { at: at + 2, fault };
    if (first === LF) return { at: at + 1, fault: fault ?? "bareLf" };
    if (fields.names.length >= countMax) return { at, fault: fault ?? "tooManyFields" };
    const end = parseFieldLine(text, at, fields);
    if (end > 0) {
      at = end;
      continue;
    }
    const lf = text.indexOf("\n", at);
    const lineEnd = lf < 0 ? text.length : lf;
    const found = keepOddLine(text, at, lineEnd, fields);
    fault ??= lf < 0 ? "truncatedHead" : found;
    at = lineEnd + 1;
  }
  return { at: text.length, fault: fault ?? "truncatedHead" };
}

/** Parses one well-formed field line and returns where the next begins, or -1 for any other. */
function parseFieldLine(text: string, start: number, fields: Fields): number {
  let at = start;
  let code = text.charCodeAt(at);
  while (tokenChars[code] === 1) code = text.charCodeAt(++at);
  if (code !== COLON || at === start) return -1;
  const nameEnd = at;
  code = text.charCodeAt(++at);
  while (code === SP || code === HT) code = text.charCodeAt(++at);
  const valueStart = at;
  while (valueChars[code] === 1) code = text.charCodeAt(++at);
  if (code !== CR || text.charCodeAt(at + 1) !== LF) return -1;
  let valueEnd = at;
  while (valueEnd > valueStart && isOws(text.charCodeAt(valueEnd - 1))) valueEnd--;
  const name = text.substring(start, nameEnd);
  fields.names.push(name);
  fields.lower.push(name.toLowerCase());
  fields.values.push(text.substring(valueStart, valueEnd));
  return at + 2;
}

const isOws = (code: number): boolean => code === SP || code === HT;

/** Keeps what can be read of a line that breaks the grammar, and names the fault. */
function keepOddLine(text: string, start: number, lf: number, fields: Fields): FaultKind {
  const hasCr = lf > start && text.charCodeAt(lf - 1) === CR;
  const line = text.substring(start, hasCr ? lf - 1 : lf);
  const colon = line.indexOf(":");
  const fold = isOws(line.charCodeAt(0));
  const last = fields.values.length - 1;
  if (fold && last >= 0) fields.values[last] = `${fields.values[last]} ${trimOws(line)}`;
  else if (colon < 0) addField(fields, trimOws(line), "");
  else addField(fields, trimOws(line, 0, colon), trimOws(line, colon + 1));
  if (line.includes("\0")) return "nul";
  if (line.includes("\r")) return "bareCr";
  if (fold) return "obsFold";
  if (!hasCr) return "bareLf";
  if (colon < 0) return "missingColon";
  if (colon > 0 && isOws(line.charCodeAt(colon - 1))) return "spaceBeforeColon";
  return allIn(tokenChars, line, 0, colon) && colon > 0 ? "invalidFieldValue" : "invalidFieldName";
}
