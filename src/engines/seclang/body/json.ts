/**
 * Reads JSON (RFC 8259) into named values: `{"a":[1,{"b":"x"}]}` → `json.a` = 1, `json.a.b` = x.
 * What stands in an array has the array's name, so that one exclusion means all its items.
 * Streaming over the bytes, with limits; no value of the text is built.
 */
export const limits = { depthMax: 128, valuesMax: 10_000, nameLengthMax: 1_024 } as const;

/** `atEnd`: what there is may be well-formed, if more of it follows. */
export type BodyFault = { readonly message: string; readonly atEnd?: boolean };
export type TakeValue = (name: string, value: string) => void;

type Reader = {
  readonly text: string;
  readonly depthMax: number;
  at: number;
  count: number;
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
    take,
  };
  const fault = readValue(reader, "json", 0);
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

function readValue(reader: Reader, name: string, depth: number): BodyFault | undefined {
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
  const scalar = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/.exec(
    reader.text.slice(reader.at, reader.at + 64),
  );
  if (scalar === null) return faultAt(reader, "a value is malformed");
  reader.at += scalar[0].length;
  return give(reader, name, scalar[0] === "null" ? "" : scalar[0]);
}

function give(reader: Reader, name: string, value: string): BodyFault | undefined {
  reader.count += 1;
  if (reader.count > limits.valuesMax)
    return faultAt(reader, `more than ${limits.valuesMax} values`);
  reader.take(name.slice(0, limits.nameLengthMax), value);
  return undefined;
}

function readObject(reader: Reader, name: string, depth: number): BodyFault | undefined {
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
    const fault = readValue(reader, `${name}.${key}`, depth + 1);
    if (fault !== undefined) return fault;
    skipBlank(reader);
    const char = reader.text.charAt(reader.at);
    reader.at += 1;
    if (char === "}") return undefined;
    if (char !== ",") return faultAt(reader, "an object is not closed");
  }
}

function readArray(reader: Reader, name: string, depth: number): BodyFault | undefined {
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
function readString(reader: Reader, name: string): string | undefined {
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
