/**
 * Secrets in JSON. A scanner rather than a parser: it goes on behind faults, and a text that was
 * cut off, or quotes as JavaScript does, hides what it can still tell. One pass.
 */
import type { IsSecret } from "./names.ts";
import type { Hidden } from "./ranges.ts";

type Scan = {
  readonly text: string;
  readonly isSecret: IsSecret;
  readonly hidden: Hidden[];
  at: number;
  depth: number;
  /** Depth of the object or list that is hidden as a whole; 0 = none. */
  hiddenFrom: number;
  /** The next value belongs to a secret's name. */
  isNext: boolean;
};

export const looksLikeJson = (text: string): boolean =>
  /^[\s\ufeff\u00ef\u00bb\u00bf]*[[{]/.test(text);

/** The values of secrets, without their quotes. */
export function jsonSecrets(text: string, isSecret: IsSecret): Hidden[] {
  const start = { at: 0, depth: 0, hiddenFrom: 0, isNext: false };
  const scan: Scan = { text, isSecret, hidden: [], ...start };
  while (scan.at < text.length) step(scan);
  return scan.hidden;
}

function step(scan: Scan): void {
  const char = scan.text.charAt(scan.at);
  if (char === '"' || char === "'") quoted(scan, char);
  else if (char === "{" || char === "[") open(scan);
  else if (char === "}" || char === "]") close(scan);
  else if (char === ",") {
    scan.isNext = false;
    scan.at += 1;
  } else if (char === ":" || char <= " ") scan.at += 1;
  else bare(scan);
}

function open(scan: Scan): void {
  scan.at += 1;
  scan.depth += 1;
  if (scan.isNext && scan.hiddenFrom === 0) scan.hiddenFrom = scan.depth;
  scan.isNext = false;
}

function close(scan: Scan): void {
  scan.at += 1;
  if (scan.depth === scan.hiddenFrom) scan.hiddenFrom = 0;
  scan.depth = Math.max(0, scan.depth - 1);
  scan.isNext = false;
}

function quoted(scan: Scan, quote: string): void {
  const { text, isSecret } = scan;
  const start = scan.at + 1;
  const end = endOfQuoted(text, start, quote);
  const inner = unescaped(text.slice(start, end));
  scan.at = end + 1;
  let next = scan.at;
  while (text.charCodeAt(next) <= 0x20) next += 1;
  scan.at = next;
  if (text.charAt(next) === ":") {
    scan.isNext = isSecret(inner);
    scan.at = next + 1;
    return;
  }
  // A text that is JSON itself is hidden whole when there is a secret in it.
  const isNested = looksLikeJson(inner) && jsonSecrets(inner, isSecret).length > 0;
  if (scan.isNext || scan.hiddenFrom > 0 || isNested) scan.hidden.push({ start, end });
  scan.isNext = false;
}

function endOfQuoted(text: string, start: number, quote: string): number {
  const stops = quote === '"' ? /["\\]/g : /['\\]/g;
  stops.lastIndex = start;
  for (let found = stops.exec(text); found !== null; found = stops.exec(text)) {
    if (found[0] === quote) return found.index;
    stops.lastIndex = found.index + 2;
  }
  return text.length;
}

/** A number, a word, or what is no JSON: up to what ends a value. */
function bare(scan: Scan): void {
  const { text, isSecret } = scan;
  const start = scan.at;
  const stops = /[,:{}[\]"'\r\n]/g;
  stops.lastIndex = start;
  scan.at = stops.exec(text)?.index ?? text.length;
  const value = text.slice(start, scan.at).trimEnd();
  if (text.charAt(scan.at) === ":") {
    scan.isNext = isSecret(value);
    scan.at += 1;
    return;
  }
  const says = !/^(?:true|false|null)$/.test(value);
  if (says && (scan.isNext || scan.hiddenFrom > 0)) {
    scan.hidden.push({ start, end: start + value.length, isBare: true });
  }
  // What goes on behind a comma is another value; behind a line end it may be the same.
  scan.isNext = scan.isNext && /[\r\n]/.test(text.charAt(scan.at));
}

const SHORT: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|(.))/gs,
    (_, code: string | undefined, one: string) =>
      code === undefined
        ? (SHORT[one] ?? one)
        : // As the bytes of UTF-8, as everything else is.
          Buffer.from(String.fromCharCode(Number.parseInt(code, 16)), "utf8").toString("latin1"),
  );
}
