/** Cuts rule files into directives: continuation lines, comments and quotes. */
import type { Directive, Fault } from "./rule.ts";

const limits = { fileBytesMax: 16_777_216, argsMax: 64 } as const;

/**
 * Reads the directives of one file.
 *
 * @param text the file as latin1 or UTF-8 text.
 */
export function parseDirectives(
  file: string,
  text: string,
): { readonly directives: Directive[]; readonly faults: Fault[] } {
  const directives: Directive[] = [];
  const faults: Fault[] = [];
  if (text.length > limits.fileBytesMax) {
    faults.push({ file, line: 1, message: `is larger than ${limits.fileBytesMax} bytes` });
    return { directives, faults };
  }
  for (const { content, line } of logicalLines(text)) {
    const args = splitArguments(content);
    if (typeof args === "string") faults.push({ file, line, message: args });
    else {
      const [name = "", ...rest] = args;
      directives.push({ file, line, name: name.toLowerCase(), args: rest });
    }
  }
  return { directives, faults };
}

/** Joins lines that end in a backslash; leaves out comments and empty lines. */
function* logicalLines(text: string): Iterable<{ content: string; line: number }> {
  let content = "";
  let start = 0;
  for (const [at, raw] of text.split("\n").entries()) {
    const trimmed = raw.trim();
    if (content === "") start = at + 1;
    // A comment inside a continued directive ends nothing and adds nothing.
    if (trimmed.startsWith("#")) continue;
    if (trimmed.endsWith("\\")) {
      content += trimmed.slice(0, -1);
      continue;
    }
    content += trimmed;
    if (content !== "") yield { content, line: start };
    content = "";
  }
  if (content !== "") yield { content, line: start };
}

/** Splits at white space outside quotes; in quotes `\"` is a quote and all else stands as it is. */
function splitArguments(content: string): string[] | string {
  const args: string[] = [];
  let at = 0;
  while (at < content.length) {
    const char = content.charAt(at);
    if (char === " " || char === "\t") {
      at += 1;
      continue;
    }
    if (args.length >= limits.argsMax) return `has more than ${limits.argsMax} arguments`;
    const quoted = char === '"' || char === "'";
    const end = quoted ? closingQuote(content, at) : wordEnd(content, at);
    if (end === -1) return `has a ${char} that is not closed`;
    const part = content.slice(quoted ? at + 1 : at, end);
    args.push(quoted ? part.replaceAll(`\\${char}`, char) : part);
    at = quoted ? end + 1 : end;
  }
  return args;
}

function wordEnd(content: string, from: number): number {
  let at = from;
  while (at < content.length && content.charAt(at) !== " " && content.charAt(at) !== "\t") at += 1;
  return at;
}

function closingQuote(content: string, from: number): number {
  const quote = content.charAt(from);
  for (let at = from + 1; at < content.length; at += 1) {
    if (content.charAt(at) === "\\") at += 1;
    else if (content.charAt(at) === quote) return at;
  }
  return -1;
}
