/**
 * Blanks out what is not code in TypeScript (comments, strings, template text, regular
 * expressions), keeping every line break. Good enough for formatted code; not a parser.
 */

const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*<>~^%]|\b(?:return|typeof|case|of|in|do|else))\s*$/;
/** How far back the text decides whether a slash starts a regular expression. */
const LOOK_BACK_CHARS = 40;

export type BlankOptions = { readonly keepStrings?: boolean };

/** @returns text without comments and literals; with `keepStrings`, quoted strings stay */
export function blank(text: string, options: BlankOptions = {}): string {
  let out = "";
  let index = 0;
  // One entry per open `${`: how many braces are open inside it.
  const holes: number[] = [];
  while (index < text.length) {
    const end = literalEnd(text, { index, out });
    if (end > index) {
      const literal = text.slice(index, end);
      const keep = options.keepStrings === true && /^["']/.test(literal);
      out += keep ? literal : hollow(literal);
      index = end;
      continue;
    }
    const char = text[index] ?? "";
    const depth = holes.at(-1);
    const closesHole = char === "}" && depth === 0;
    if (char === "`" || closesHole) {
      if (closesHole) holes.pop();
      const stop = templateEnd(text, index + 1);
      if (text[stop - 1] === "{") holes.push(0);
      out += hollow(text.slice(index, stop));
      index = stop;
      continue;
    }
    if (depth !== undefined && (char === "{" || char === "}"))
      holes[holes.length - 1] = depth + (char === "{" ? 1 : -1);
    out += char;
    index += 1;
  }
  return out;
}

/** End of the comment, string or regular expression at `index`, or `index` when there is none. */
function literalEnd(text: string, at: { index: number; out: string }): number {
  const { index } = at;
  const char = text[index];
  if (char === '"' || char === "'") return stringEnd(text, index);
  if (char !== "/") return index;
  if (text[index + 1] === "/") return orEnd(text, text.indexOf("\n", index));
  if (text[index + 1] === "*") return orEnd(text, text.indexOf("*/", index + 2) + 2, 2);
  return BEFORE_REGEX.test(at.out.slice(-LOOK_BACK_CHARS)) ? regexEnd(text, index) : index;
}

function orEnd(text: string, found: number, none = 0): number {
  return found < none || found === -1 ? text.length : found;
}

function stringEnd(text: string, start: number): number {
  const quote = text[start];
  for (let index = start + 1; index < text.length; index += 1) {
    if (text[index] === "\\") index += 1;
    else if (text[index] === quote || text[index] === "\n") return index + 1;
  }
  return text.length;
}

function regexEnd(text: string, start: number): number {
  let inClass = false;
  for (let index = start + 1; index < text.length; index += 1) {
    const char = text[index];
    if (char === "\n") return start;
    if (char === "\\") index += 1;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return index + 1;
  }
  return start;
}

/** After the closing backtick or the next `${`. */
function templateEnd(text: string, start: number): number {
  for (let index = start; index < text.length; index += 1) {
    if (text[index] === "\\") index += 1;
    else if (text[index] === "`") return index + 1;
    else if (text[index] === "$" && text[index + 1] === "{") return index + 2;
  }
  return text.length;
}

/** The line breaks of a literal only: a line's length then says how long its code is. */
function hollow(literal: string): string {
  return literal.replace(/[^\n]+/g, "");
}
