/**
 * Script-injection recognition: reads a value as HTML from each context in which a page may have
 * put it (text, or an attribute value of each quoting). It builds no tree and runs no script.
 */
import {
  ACTIVE_TAGS,
  ACTIVE_WITH_ATTRIBUTES,
  dangerousAttribute,
  TAG_NAME_BYTES_MAX,
} from "./xss-attributes.ts";

export const XSS_LIMITS = { valueBytesMax: 65_536 } as const;

const QUOTES = ['"', "'", "`"] as const;
const DECLARATION = /^<(?:!doctype|!entity|!\[cdata\[|!--\[if|!\[if|\?import|\?xml-stylesheet)/i;
const DECLARATION_BYTES_MAX = 20;

function blank(code: number): boolean {
  return code <= 32;
}

function letter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

/** The end of a name that starts at `from`: blank, `/`, `>` or the end. */
function nameEnd(value: string, from: number): number {
  let pos = from;
  for (; pos < value.length; pos++) {
    const code = value.charCodeAt(pos);
    if ((blank(code) && code !== 0) || code === 47 || code === 62) break;
  }
  return pos;
}

function activeTag(value: string, open: number): boolean {
  const head = value.slice(open + 1, open + 1 + TAG_NAME_BYTES_MAX);
  const end = nameEnd(head, 0);
  let name = head.slice(0, end).replaceAll("\0", "").toLowerCase();
  name = name.slice(name.lastIndexOf(":") + 1);
  if (ACTIVE_TAGS.has(name)) return true;
  if (!ACTIVE_WITH_ATTRIBUTES.has(name)) return false;
  const after = value[open + 1 + end];
  return after !== undefined && after !== ">";
}

/** Index after the tag whose attributes start at `from`, or -1 when one of them is dangerous. */
function readAttributes(value: string, from: number, inTag: boolean): number {
  let pos = from;
  while (pos < value.length) {
    const code = value.charCodeAt(pos);
    if (code === 62) return pos + 1;
    if (blank(code) || code === 47) {
      pos++;
      continue;
    }
    const start = pos++;
    while (pos < value.length) {
      const inner = value.charCodeAt(pos);
      if ((blank(inner) && inner !== 0) || inner === 47 || inner === 62 || inner === 61) break;
      pos++;
    }
    const name = value.slice(start, pos);
    while (pos < value.length && blank(value.charCodeAt(pos))) pos++;
    if (value[pos] !== "=") continue;
    pos++;
    while (pos < value.length && blank(value.charCodeAt(pos))) pos++;
    const quote = value[pos];
    let content: string;
    if (quote === '"' || quote === "'") {
      const close = value.indexOf(quote, pos + 1);
      const end = close < 0 ? value.length : close;
      content = value.slice(pos + 1, end);
      pos = end + 1;
    } else {
      const begin = pos;
      for (; pos < value.length; pos++) {
        const inner = value.charCodeAt(pos);
        if (blank(inner) || inner === 62) break;
      }
      content = value.slice(begin, pos);
    }
    if (dangerousAttribute(name, content, inTag)) return -1;
  }
  return value.length;
}

/** What ends a part of a page in which tags mean nothing: behind it they mean something again. */
const RAW_ENDS = /(?:-->|<\/(?:comment|noembed|noframes|noscript|style|textarea|title|xmp)>)$/i;
const RAW_END_BYTES_MAX = 12;
const RAW_ENDS_MAX = 16;

function inText(value: string): boolean {
  // INVARIANT: `read` only grows but `RAW_ENDS_MAX` times, so that attributes of nested openings
  // are read once.
  let read = 0;
  let rawEnds = 0;
  for (let open = value.indexOf("<"); open >= 0; open = value.indexOf("<", open + 1)) {
    if (open < read && value.charCodeAt(open - 1) === 62 && rawEnds < RAW_ENDS_MAX) {
      if (RAW_ENDS.test(value.slice(Math.max(0, open - RAW_END_BYTES_MAX), open))) {
        rawEnds += 1;
        read = open;
      }
    }
    const next = value.charCodeAt(open + 1);
    if (next === 33 || next === 63) {
      if (DECLARATION.test(value.slice(open, open + DECLARATION_BYTES_MAX))) return true;
    } else if (letter(next)) {
      if (activeTag(value, open)) return true;
      if (open < read) continue;
      read = readAttributes(value, nameEnd(value, open + 1), true);
      if (read < 0) return true;
    }
  }
  return false;
}

function inAttribute(value: string): boolean {
  const bare = /[\t\n\f\r >]/.exec(value);
  if (bare !== null && readAttributes(value, bare.index, false) < 0) return true;
  for (const quote of QUOTES) {
    const close = value.indexOf(quote);
    if (close >= 0 && readAttributes(value, close + 1, false) < 0) return true;
  }
  return false;
}

/** 256 flags: the bytes of which every script injection has one. */
export const xssBytes: Uint8Array = new Uint8Array(256);
for (const sign of "<=") xssBytes[sign.charCodeAt(0)] = 1;

/**
 * Whether `value` (latin1, one char per byte, decoded) would run script in some HTML context.
 * Reads at most `XSS_LIMITS.valueBytesMax` bytes, in time linear in them; never throws.
 */
export function detectXss(value: string): boolean {
  const max = XSS_LIMITS.valueBytesMax;
  const bytes = value.length > max ? value.slice(0, max) : value;
  if (bytes.includes("<") && inText(bytes)) return true;
  return bytes.includes("=") && inAttribute(bytes);
}
