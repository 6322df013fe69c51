/**
 * Reads escapes (`\d`, `\x41`, `\R`, references) and bracket classes of a pattern, on bytes.
 */
import {
  NO_WORD_EDGE,
  notFollowedBy,
  TEXT_END,
  TEXT_END_OR_NEWLINE,
  TEXT_START,
  WORD_EDGE,
  WORD_SET,
} from "./assertions.ts";
import { fail, type Reader } from "./parser.ts";
import {
  type ByteSet,
  byteNode,
  complement,
  foldCase,
  type Node,
  setNode,
  setOf,
} from "./syntax.ts";

const DIGIT = setOf(48, 57);
const SPACE = setOf(9, 13, 32, 32);
const BLANK = setOf(9, 9, 32, 32, 160, 160);
const VERTICAL = setOf(10, 13, 133, 133);

const SETS = new Map<string, ByteSet>([
  ["d", DIGIT],
  ["D", complement(DIGIT)],
  ["s", SPACE],
  ["S", complement(SPACE)],
  ["w", WORD_SET],
  ["W", complement(WORD_SET)],
  ["h", BLANK],
  ["H", complement(BLANK)],
  ["v", VERTICAL],
  ["V", complement(VERTICAL)],
]);

const POSIX = new Map<string, ByteSet>([
  ["alpha", setOf(65, 90, 97, 122)],
  ["digit", DIGIT],
  ["alnum", setOf(48, 57, 65, 90, 97, 122)],
  ["upper", setOf(65, 90)],
  ["lower", setOf(97, 122)],
  ["space", SPACE],
  ["blank", setOf(9, 9, 32, 32)],
  ["punct", setOf(33, 47, 58, 64, 91, 96, 123, 126)],
  ["cntrl", setOf(0, 31, 127, 127)],
  ["print", setOf(32, 126)],
  ["graph", setOf(33, 126)],
  ["xdigit", setOf(48, 57, 65, 70, 97, 102)],
  ["word", WORD_SET],
  ["ascii", setOf(0, 127)],
]);

const ASSERTIONS = new Map<string, Node>([
  ["b", WORD_EDGE],
  ["B", NO_WORD_EDGE],
  ["A", TEXT_START],
  ["z", TEXT_END],
  ["Z", TEXT_END_OR_NEWLINE],
]);

const CONTROLS = new Map([
  ["n", 10],
  ["r", 13],
  ["t", 9],
  ["f", 12],
  ["e", 27],
  ["a", 7],
]);

const one = (code: number): Node => byteNode(code, false);

/** `\R` cannot give back the "\n" of "\r\n", which a neighbor assertion says. */
const LINE_BREAK: Node = {
  kind: "alt",
  items: [
    { kind: "cat", items: [one(13), one(10)] },
    { kind: "cat", items: [one(13), notFollowedBy(setOf(10, 10))] },
    setNode(setOf(10, 12, 133, 133)),
  ],
};

/** Count of capture groups, needed to tell `\12` the reference from `\12` the octal byte. */
export function countGroups(source: string): number {
  let count = 0;
  let inClass = false;
  for (let i = 0; i < source.length; i++) {
    const char = source[i];
    if (char === "\\") i++;
    else if (inClass) inClass = char !== "]";
    else if (char === "[") {
      inClass = true;
      if (source[i + 1] === "^") i++;
      if (source[i + 1] === "]") i++;
    } else if (char === "(") {
      const after = source.slice(i + 1, i + 5);
      if (!after.startsWith("?") || /^\?(?:P<|<[^=!]|')/.test(after)) count++;
    }
  }
  return count;
}

const HEX = /x(?:\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{0,2}))/y;
const OCTAL = /[0-7]{1,3}/y;

/** Reads an escape that names one byte, with `reader.at` after the backslash. */
function readByteEscape(reader: Reader): number {
  const char = reader.source[reader.at];
  if (char === undefined) return fail(reader, "a backslash ends the pattern");
  const control = CONTROLS.get(char);
  if (control !== undefined) {
    reader.at++;
    return control;
  }
  if (char === "x") {
    HEX.lastIndex = reader.at;
    const match = HEX.exec(reader.source);
    const code = Number.parseInt(match?.[1] ?? match?.[2] ?? "0", 16) || 0;
    if (code > 255) fail(reader, `\\${match?.[0]} is above one byte`);
    reader.at += match?.[0].length ?? 1;
    return code;
  }
  if (char === "c") {
    reader.at += 2;
    return (reader.source.toUpperCase().charCodeAt(reader.at - 1) & 127) ^ 64;
  }
  if (char >= "0" && char <= "7") {
    OCTAL.lastIndex = reader.at;
    const digits = OCTAL.exec(reader.source)?.[0] ?? "0";
    reader.at += digits.length;
    const code = Number.parseInt(digits, 8);
    if (code > 255) fail(reader, `\\${digits} is above one byte`);
    return code;
  }
  if (/[A-Za-z0-9]/.test(char)) fail(reader, `escape "\\${char}" is not supported here`);
  reader.at++;
  return char.charCodeAt(0);
}

const REFERENCE =
  /(?:g(?:\{(-?\d{1,4})\}|(-?\d{1,4})|\{(\w+)\})|k(?:\{(\w+)\}|<(\w+)>|'(\w+)')|([1-9]\d{0,3}))/y;

function readReference(reader: Reader): Node | undefined {
  REFERENCE.lastIndex = reader.at;
  const match = REFERENCE.exec(reader.source);
  if (match === null) return undefined;
  const digits = match[1] ?? match[2] ?? match[7];
  const name = match[3] ?? match[4] ?? match[5] ?? match[6] ?? "";
  let index = digits === undefined ? reader.names.get(name) : Number(digits);
  if (index !== undefined && index < 0) index = reader.groups + 1 + index;
  // A two-digit number above the count of groups is an octal byte, if it can be one.
  if (match[7] !== undefined && Number(match[7]) > 9 && Number(match[7]) > reader.groupsTotal) {
    return undefined;
  }
  if (index === undefined || index < 1 || index > reader.groupsTotal) {
    return fail(reader, `reference "\\${match[0]}" names no group`);
  }
  reader.at += match[0].length;
  return { kind: "backref", index, fold: reader.flags.i };
}

/** Reads `\…` outside a class. */
export function readEscape(reader: Reader): Node {
  reader.at++;
  const char = reader.source[reader.at] ?? "";
  const known = ASSERTIONS.get(char) ?? (char === "R" ? LINE_BREAK : undefined);
  const named = char === "N" ? complement(setOf(10, 10)) : SETS.get(char);
  if (known !== undefined || named !== undefined) {
    reader.at++;
    return known ?? setNode(named ?? setOf());
  }
  const reference = readReference(reader);
  if (reference !== undefined) return reference;
  const code = readByteEscape(reader);
  return byteNode(code, reader.flags.i);
}

const POSIX_CLASS = /\[:(\^?)([a-z]+):\]/y;

/** One class member: a byte that may begin a range, or a whole set. */
function readMember(reader: Reader): number | ByteSet {
  const { source } = reader;
  const char = source[reader.at];
  if (char === undefined) return fail(reader, '"[" without "]"');
  POSIX_CLASS.lastIndex = reader.at;
  const posix = char === "[" ? POSIX_CLASS.exec(source) : null;
  if (posix !== null) {
    const set = POSIX.get(posix[2] ?? "");
    if (set === undefined) return fail(reader, `POSIX class "${posix[0]}" is unknown`);
    reader.at += posix[0].length;
    return posix[1] === "^" ? complement(set) : set;
  }
  if (char !== "\\") {
    const code = source.charCodeAt(reader.at++);
    return code > 255 ? fail(reader, `character U+${code.toString(16)} is not a byte`) : code;
  }
  reader.at++;
  const next = source[reader.at] ?? "";
  const set = SETS.get(next);
  if (set !== undefined || next === "b") {
    reader.at++;
    return set ?? 8;
  }
  return readByteEscape(reader);
}

/** Reads a range's end when "-" and a byte follow; otherwise the byte itself. */
function readRangeEnd(reader: Reader, low: number): number {
  if (reader.source[reader.at] !== "-" || reader.source[reader.at + 1] === "]") return low;
  const back = reader.at++;
  const high = readMember(reader);
  if (typeof high !== "number") {
    reader.at = back;
    return low;
  }
  if (high < low) fail(reader, "class range has its ends in the wrong order");
  return high;
}

/** Reads `[...]` into a set, folded when the flag says so. */
export function readClass(reader: Reader): ByteSet {
  const { source } = reader;
  reader.at++;
  const negative = source[reader.at] === "^";
  if (negative) reader.at++;
  let set = setOf();
  for (let first = true; first || source[reader.at] !== "]"; first = false) {
    if (source.startsWith("\\E", reader.at)) {
      reader.at += 2;
      continue;
    }
    const member = readMember(reader);
    if (typeof member === "number") set.fill(1, member, readRangeEnd(reader, member) + 1);
    else for (let b = 0; b < 256; b++) set[b] = (set[b] ?? 0) | (member[b] ?? 0);
  }
  reader.at++;
  if (reader.flags.i) set = foldCase(set);
  return negative ? complement(set) : set;
}
