/**
 * Reads JSON (RFC 8259) into named values: `{"a":[1,{"b":"x"}]}` → `json.a` = 1, `json.a.b` = x.
 * What stands in an array has the array's name, so that one exclusion means all its items.
 * Streaming over the bytes, with limits; no value of the text is built.
 */
export const limits = {
  depthMax: 128,
  valuesMax: 10_000,
  nameLengthMax: 1_024,
  /** Names remembered within a document; members without a value are not counted otherwise. */
  namesKeptMax: 1_000,
} as const;

/** `atEnd`: what there is may be well-formed, if more of it follows. */
export type BodyFault = { readonly message: string; readonly atEnd?: boolean };
export type TakeValue = (name: string, value: string) => void;

/**
 * What a value is called. The items of an array are mostly alike: each name is made once, so that
 * whatever compares or files it later knows it at once.
 */
type Name = { readonly text: string; members: Map<string, Name> | undefined };

type Reader = {
  readonly text: string;
  readonly depthMax: number;
  at: number;
  count: number;
  namesKept: number;
  readonly take: TakeValue;
};

/**
 * Reads a document; undefined when it is well-formed. Values read before a fault are kept.
 *
 * @param depthMax a lower limit than the reader's own.
 */
export function readJson(
  text: string,
  take: TakeValue,
  depthMax: number = limits.depthMax,
): BodyFault | undefined {
  const reader: Reader = {
    text,
    depthMax: Math.min(depthMax, limits.depthMax),
    at: 0,
    count: 0,
    namesKept: 0,
    take,
  };
  const fault = readValue(reader, { text: "json", members: undefined }, 0);
  if (fault !== undefined) return fault;
  skipBlank(reader);
  return reader.at < text.length ? faultAt(reader, "text follows the document") : undefined;
}

/** An escape or a word of at most so many bytes may be cut where the text ends. */
const CUT_BYTES_MAX = 12;

function faultAt({ at, text }: Reader, message: string): BodyFault {
  const fault = { message: `JSON: ${message} at byte ${at}` };
  return at + CUT_BYTES_MAX > text.length ? { ...fault, atEnd: true } : fault;
}

function skipBlank(reader: Reader): void {
  for (;;) {
    const code = reader.text.charCodeAt(reader.at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    reader.at += 1;
  }
}

function readValue(reader: Reader, name: Name, depth: number): BodyFault | undefined {
  const { depthMax } = reader;
  if (depth > depthMax) return faultAt(reader, `nests deeper than ${depthMax}`);
  skipBlank(reader);
  const char = reader.text.charAt(reader.at);
  if (char === "{") return readObject(reader, name, depth);
  if (char === "[") return readArray(reader, name, depth);
  if (char === '"') {
    const text = readString(reader, name);
    return text === undefined ? faultAt(reader, "a string is malformed") : give(reader, name, text);
  }
  const { text, at } = reader;
  const end = scalarEnd(text, at);
  if (end === at) return faultAt(reader, "a value is malformed");
  reader.at = end;
  const scalar = text.slice(at, end);
  return give(reader, name, scalar === "null" ? "" : scalar);
}

const WORDS = ["true", "false", "null"] as const;

/** Where the word or number at a place ends (RFC 8259 §3, §6); the place itself where none is. */
function scalarEnd(text: string, from: number): number {
  const word = WORDS.find((one) => text.startsWith(one, from));
  if (word !== undefined) return from + word.length;
  const first = text.charCodeAt(from) === 0x2d ? from + 1 : from;
  const whole = digitsEnd(text, first);
  if (whole === first) return from;
  let end = text.charCodeAt(first) === 0x30 ? first + 1 : whole;
  if (text.charCodeAt(end) === 0x2e) {
    const fraction = digitsEnd(text, end + 1);
    if (fraction > end + 1) end = fraction;
  }
  if ((text.charCodeAt(end) | 0x20) !== 0x65) return end;
  const sign = text.charCodeAt(end + 1);
  const exponent = end + (sign === 0x2b || sign === 0x2d ? 2 : 1);
  const last = digitsEnd(text, exponent);
  return last > exponent ? last : end;
}

function digitsEnd(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) >= 0x30 && text.charCodeAt(at) <= 0x39) at += 1;
  return at;
}

function memberOf(reader: Reader, name: Name, key: string): Name {
  const known = name.members?.get(key);
  if (known !== undefined) return known;
  const text = `${name.text}.${key}`.slice(0, limits.nameLengthMax);
  const made: Name = { text, members: undefined };
  if (reader.namesKept < limits.namesKeptMax) {
    reader.namesKept += 1;
    name.members ??= new Map();
    name.members.set(key, made);
  }
  return made;
}

function give(reader: Reader, name: Name, value: string): BodyFault | undefined {
  reader.count += 1;
  if (reader.count > limits.valuesMax)
    return faultAt(reader, `more than ${limits.valuesMax} values`);
  reader.take(name.text, value);
  return undefined;
}

function readObject(reader: Reader, name: Name, depth: number): BodyFault | undefined {
  reader.at += 1;
  skipBlank(reader);
  if (reader.text.charAt(reader.at) === "}") {
    reader.at += 1;
    return undefined;
  }
  for (;;) {
    skipBlank(reader);
    const key = reader.text.charAt(reader.at) === '"' ? readString(reader, name) : undefined;
    if (key === undefined) return faultAt(reader, "a member has no name");
    skipBlank(reader);
    if (reader.text.charAt(reader.at) !== ":") return faultAt(reader, "a colon is missing");
    reader.at += 1;
    const fault = readValue(reader, memberOf(reader, name, key), depth + 1);
    if (fault !== undefined) return fault;
    skipBlank(reader);
    const char = reader.text.charAt(reader.at);
    reader.at += 1;
    if (char === "}") return undefined;
    if (char !== ",") return faultAt(reader, "an object is not closed");
  }
}

function readArray(reader: Reader, name: Name, depth: number): BodyFault | undefined {
  reader.at += 1;
  skipBlank(reader);
  if (reader.text.charAt(reader.at) === "]") {
    reader.at += 1;
    return undefined;
  }
  for (;;) {
    const fault = readValue(reader, name, depth + 1);
    if (fault !== undefined) return fault;
    skipBlank(reader);
    const char = reader.text.charAt(reader.at);
    reader.at += 1;
    if (char === "]") return undefined;
    if (char !== ",") return faultAt(reader, "an array is not closed");
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/**
 * The string at the reader as UTF-8 bytes (latin1); undefined when it is malformed. One that does
 * not end is taken as far as it goes, as a value of `name`.
 */
function readString(reader: Reader, name: Name): string | undefined {
  const { text } = reader;
  let value = "";
  let start = reader.at + 1;
  for (let at = start; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20) return undefined;
    if (code === 0x22) {
      reader.at = at + 1;
      return value + text.slice(start, at);
    }
    if (code !== 0x5c) continue;
    value += text.slice(start, at);
    start = at;
    const isNearEnd = at + CUT_BYTES_MAX > text.length;
    const letter = text.charAt(at + 1);
    if (letter === "u") {
      const unit = readUnicode(text, at);
      if (unit === undefined && isNearEnd) break;
      if (unit === undefined) return undefined;
      value += Buffer.from(unit.text, "utf8").toString("latin1");
      at = unit.end - 1;
    } else {
      const plain = ESCAPES[letter];
      if (plain === undefined && isNearEnd) break;
      if (plain === undefined) return undefined;
      value += plain;
      at += 1;
    }
    start = at + 1;
  }
  give(reader, name, value + text.slice(start));
  reader.at = text.length;
  return undefined;
}

/** `\uD83D\uDE00` and its like. */
function readUnicode(text: string, at: number): { text: string; end: number } | undefined {
  const first = /^\\u([0-9A-Fa-f]{4})/.exec(text.slice(at, at + 6));
  if (first === null) return undefined;
  const high = Number.parseInt(first[1] ?? "", 16);
  const second = /^\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})/.exec(text.slice(at + 6, at + 12));
  if (high >= 0xd800 && high <= 0xdbff && second !== null) {
    const low = Number.parseInt(second[1] ?? "", 16);
    return { text: String.fromCharCode(high, low), end: at + 12 };
  }
  return { text: String.fromCharCode(high), end: at + 6 };
}
