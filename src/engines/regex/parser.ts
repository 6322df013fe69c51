/**
 * Parser of PCRE syntax into the syntax tree: groups, flags, repeats, references, lookarounds.
 * Escapes and classes are read in escapes.ts. Not supported, and refused by name: recursion,
 * conditionals, \K, \G, \C, \X, Unicode properties, branch reset, callouts, verbs.
 */
import {
  atomic,
  LINE_END,
  LINE_START,
  lookaround,
  TEXT_END_OR_NEWLINE,
  TEXT_START,
} from "./assertions.ts";
import { countGroups, readClass, readEscape } from "./escapes.ts";
import {
  byteNode,
  complement,
  EMPTY,
  type Node,
  PatternSyntaxError,
  setNode,
  setOf,
} from "./syntax.ts";

const SOURCE_CHARS_MAX = 65_536;
const NESTING_MAX = 250;
const REPEAT_MAX = 65_535;

export type Flags = { i: boolean; s: boolean; m: boolean; x: boolean };
export type Parsed = { readonly node: Node; readonly groups: number };
export type Reader = {
  readonly source: string;
  at: number;
  flags: Flags;
  groups: number;
  readonly groupsTotal: number;
  readonly names: Map<string, number>;
  depth: number;
};

export function fail(reader: Reader, problem: string): never {
  throw new PatternSyntaxError(
    `parsing regular expression at position ${reader.at}: ${problem}`,
    reader.at,
  );
}

/** Parses a latin1 pattern; throws PatternSyntaxError. */
export function parsePattern(source: string, flags: Flags): Parsed {
  const groupsTotal = countGroups(source);
  const reader: Reader = {
    source,
    at: 0,
    flags,
    groups: 0,
    groupsTotal,
    names: new Map(),
    depth: 0,
  };
  if (source.length > SOURCE_CHARS_MAX) fail(reader, `longer than ${SOURCE_CHARS_MAX}`);
  const node = readAlternatives(reader);
  if (reader.at < source.length) fail(reader, 'unmatched ")"');
  return { node, groups: reader.groups };
}

function readAlternatives(reader: Reader): Node {
  if (++reader.depth > NESTING_MAX) fail(reader, `groups nested deeper than ${NESTING_MAX}`);
  const branches: Node[] = [readSequence(reader)];
  while (reader.source[reader.at] === "|") {
    reader.at++;
    branches.push(readSequence(reader));
  }
  reader.depth--;
  return branches.length === 1 ? (branches[0] ?? EMPTY) : { kind: "alt", items: branches };
}

function readSequence(reader: Reader): Node {
  const items: Node[] = [];
  while (reader.at < reader.source.length) {
    const char = reader.source[reader.at];
    if (char === "|" || char === ")") break;
    if (skipIgnored(reader)) continue;
    if (reader.source.startsWith("\\Q", reader.at)) {
      items.push(...readQuoted(reader));
      const last = items.pop();
      if (last !== undefined) items.push(readRepeats(reader, last));
      continue;
    }
    const atom = readAtom(reader);
    if (atom !== undefined) items.push(readRepeats(reader, atom));
  }
  return items.length === 1 ? (items[0] ?? EMPTY) : { kind: "cat", items };
}

/** Skips a comment, extended-mode space or stray \E; false when there is none. */
function skipIgnored(reader: Reader): boolean {
  const { source, at } = reader;
  if (source.startsWith("(?#", at)) {
    const end = source.indexOf(")", at);
    if (end < 0) fail(reader, 'comment without ")"');
    reader.at = end + 1;
    return true;
  }
  if (source.startsWith("\\E", at)) {
    reader.at += 2;
    return true;
  }
  if (!reader.flags.x) return false;
  const char = source[at] ?? "";
  if (char !== "" && " \t\n\v\f\r".includes(char)) {
    reader.at++;
    return true;
  }
  if (char !== "#") return false;
  const end = source.indexOf("\n", at);
  reader.at = end < 0 ? source.length : end + 1;
  return true;
}

function literal(reader: Reader, code: number): Node {
  if (code > 255) fail(reader, `character U+${code.toString(16)} is not a byte`);
  return byteNode(code, reader.flags.i);
}

function readQuoted(reader: Reader): Node[] {
  const from = reader.at + 2;
  const end = reader.source.indexOf("\\E", from);
  const text = reader.source.slice(from, end < 0 ? undefined : end);
  reader.at = end < 0 ? reader.source.length : end + 2;
  return [...text].map((char) => literal(reader, char.charCodeAt(0)));
}

function readAtom(reader: Reader): Node | undefined {
  const { source, flags } = reader;
  const char = source[reader.at];
  switch (char) {
    case "(":
      return readGroup(reader);
    case "[":
      return setNode(readClass(reader));
    case "\\":
      return readEscape(reader);
    case ".":
      reader.at++;
      return setNode(flags.s ? setOf(0, 255) : complement(setOf(10, 10)));
    case "^":
      reader.at++;
      return flags.m ? LINE_START : TEXT_START;
    case "$":
      reader.at++;
      return flags.m ? LINE_END : TEXT_END_OR_NEWLINE;
    case "*":
    case "+":
    case "?":
      return fail(reader, `"${char}" has nothing to repeat`);
    default:
      return literal(reader, source.charCodeAt(reader.at++));
  }
}

const COUNT = /\{(\d{1,9})(,(\d{0,9}))?\}/y;

/** Reads the repeat counts at the current place, or undefined. */
function readCounts(reader: Reader): { min: number; max: number } | undefined {
  const char = reader.source[reader.at];
  if (char === "*" || char === "+" || char === "?") {
    reader.at++;
    return { min: char === "+" ? 1 : 0, max: char === "?" ? 1 : Number.POSITIVE_INFINITY };
  }
  if (char !== "{") return undefined;
  COUNT.lastIndex = reader.at;
  const match = COUNT.exec(reader.source);
  if (match === null) return undefined;
  const min = Number(match[1]);
  const open = match[3] === "";
  const max = match[2] === undefined ? min : open ? Number.POSITIVE_INFINITY : Number(match[3]);
  if (min > REPEAT_MAX || (!open && max > REPEAT_MAX)) {
    fail(reader, `repeat ${match[0]} is above ${REPEAT_MAX}`);
  }
  if (max < min) fail(reader, `repeat ${match[0]} has its bounds in the wrong order`);
  reader.at += match[0].length;
  return { min, max };
}

function readRepeats(reader: Reader, atom: Node): Node {
  let node = atom;
  for (let rounds = 0; ; rounds++) {
    while (reader.flags.x && skipIgnored(reader));
    const counts = readCounts(reader);
    if (counts === undefined) return node;
    if (rounds > NESTING_MAX) fail(reader, `more than ${NESTING_MAX} repeats in a row`);
    const mode = reader.source[reader.at];
    if (mode === "?" || mode === "+") reader.at++;
    node = { kind: "repeat", node, ...counts, lazy: mode === "?" };
    if (mode === "+") node = atomic(node);
  }
}

const NAMED = /\(\?(?:P?<([A-Za-z_]\w{0,31})>|'([A-Za-z_]\w{0,31})')/y;
const NAMED_REFERENCE = /\(\?P=([A-Za-z_]\w{0,31})\)/y;
const FLAGS = /\(\?(\^?)([imsxJn]*)(?:-([imsxJn]*))?([:)])/y;
const LOOKS = [
  ["(?=", { ahead: true, negative: false }],
  ["(?!", { ahead: true, negative: true }],
  ["(?<=", { ahead: false, negative: false }],
  ["(?<!", { ahead: false, negative: true }],
] as const;

function readGroup(reader: Reader): Node | undefined {
  const { source, at } = reader;
  if (source[at + 1] === "*") fail(reader, "verbs (*…) are not supported");
  if (source[at + 1] !== "?") return readBody(reader, { skip: 1, capture: true });
  NAMED.lastIndex = at;
  const named = NAMED.exec(source);
  if (named !== null) {
    reader.names.set(named[1] ?? named[2] ?? "", reader.groups + 1);
    return readBody(reader, { skip: named[0].length, capture: true });
  }
  NAMED_REFERENCE.lastIndex = at;
  const reference = NAMED_REFERENCE.exec(source);
  if (reference !== null) {
    const index = reader.names.get(reference[1] ?? "");
    if (index === undefined) fail(reader, `no group is named "${reference[1]}"`);
    reader.at += reference[0].length;
    return { kind: "backref", index, fold: reader.flags.i };
  }
  for (const [opening, look] of LOOKS) {
    if (!source.startsWith(opening, at)) continue;
    return lookaround({ ...look, node: readBody(reader, { skip: opening.length }) });
  }
  if (source.startsWith("(?>", at)) return atomic(readBody(reader, { skip: 3 }));
  FLAGS.lastIndex = at;
  const match = FLAGS.exec(source);
  if (match === null) return fail(reader, `group "${source.slice(at, at + 4)}" is not supported`);
  return readFlags(reader, match);
}

function readFlags(reader: Reader, match: RegExpExecArray): Node | undefined {
  const [text, caret, on = "", off = "", end] = match;
  if (/[Jn]/.test(on + off)) fail(reader, `flags "${on}-${off}" are not supported`);
  const base = caret === "^" ? { i: false, s: false, m: false, x: false } : reader.flags;
  const pick = (key: "i" | "s" | "m" | "x"): boolean =>
    !off.includes(key) && (on.includes(key) || base[key]);
  const flags = { i: pick("i"), s: pick("s"), m: pick("m"), x: pick("x") };
  if (end === ":") return readBody(reader, { skip: text.length, flags });
  reader.at += text.length;
  reader.flags = flags;
  return undefined;
}

type Body = { skip: number; capture?: boolean; flags?: Flags };

function readBody(reader: Reader, body: Body): Node {
  const opened = reader.at;
  const outer = reader.flags;
  reader.at += body.skip;
  reader.flags = body.flags ?? outer;
  const index = body.capture ? ++reader.groups : 0;
  const node = readAlternatives(reader);
  if (reader.source[reader.at] !== ")") {
    reader.at = opened;
    fail(reader, '"(" without ")"');
  }
  reader.at++;
  reader.flags = outer;
  return body.capture ? { kind: "group", index, node } : node;
}
