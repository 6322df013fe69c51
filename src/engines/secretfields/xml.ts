/** Secrets in XML: elements and attributes by name. One pass, which goes on behind faults. */
import type { IsSecret } from "./names.ts";
import type { Hidden } from "./ranges.ts";

/** Begins and ends of what is no element; the text between them is hidden inside of a secret. */
const SECTIONS = [
  ["<!--", "-->"],
  ["<![CDATA[", "]]>"],
] as const;

/** Attributes that name a field: `<input name="password" value="…"/>`. */
const NAMING = /^(?:name|key|id|field)$/i;

/** The texts and attributes of secrets. */
export function xmlSecrets(text: string, isSecret: IsSecret): Hidden[] {
  const hidden: Hidden[] = [];
  let at = 0;
  while (at < text.length) {
    const begin = text.indexOf("<", at);
    if (begin < 0) break;
    const tag = readTag(text, begin);
    at = tag.end;
    const local = localName(tag.name);
    const named = tag.attributes.some(
      ({ name, start, end }) => NAMING.test(name) && isSecret(text.slice(start, end)),
    );
    for (const { name, start, end } of tag.attributes) {
      const holds = isSecret(localName(name)) || (named && !NAMING.test(name));
      if (holds) hidden.push({ start, end });
    }
    if (tag.name === "" || tag.isEmpty || !(named || isSecret(local))) continue;
    at = endOfElement(text, tag.end, tag.name);
    hidden.push(...textsWithin(text, tag.end, at));
  }
  return hidden;
}

const localName = (name: string): string => name.slice(name.indexOf(":") + 1);

type Attribute = { readonly name: string; readonly start: number; readonly end: number };
type Tag = {
  /** Empty for an end tag, a comment and the like. */
  readonly name: string;
  readonly attributes: readonly Attribute[];
  readonly isEmpty: boolean;
  readonly end: number;
};

const behind = (text: string, mark: string, from: number): number => {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + mark.length;
};

function readTag(text: string, begin: number): Tag {
  const none = { name: "", attributes: [], isEmpty: true };
  for (const [open, close] of SECTIONS) {
    if (text.startsWith(open, begin)) return { ...none, end: behind(text, close, begin) };
  }
  if (/[/!?]/.test(text.charAt(begin + 1))) return { ...none, end: behind(text, ">", begin) };
  let at = begin + 1;
  while (at < text.length && !/[\s/>]/.test(text.charAt(at))) at += 1;
  const name = text.slice(begin + 1, at);
  const attributes: Attribute[] = [];
  let last = at;
  while (at < text.length && text.charAt(at) !== ">") {
    const quote = text.charAt(at);
    if (quote !== '"' && quote !== "'") {
      at += 1;
      continue;
    }
    const close = text.indexOf(quote, at + 1);
    const end = close < 0 ? text.length : close;
    const label = /([^\s=/]+)\s{0,8}=\s{0,8}$/.exec(text.slice(Math.max(last, at - 256), at));
    attributes.push({ name: label?.[1] ?? "", start: at + 1, end });
    at = Math.min(text.length, end + 1);
    last = at;
  }
  return { name, attributes, isEmpty: text.charAt(at - 1) === "/", end: at + 1 };
}

function endOfElement(text: string, from: number, name: string): number {
  const end = text.indexOf(`</${name}`, from);
  return end < 0 ? text.length : end;
}

/** All text of an element that holds a secret, whatever markup there is in it. */
function textsWithin(text: string, from: number, end: number): Hidden[] {
  const hidden: Hidden[] = [];
  let at = from;
  while (at < end) {
    const section = SECTIONS.find(([open]) => text.startsWith(open, at));
    if (section !== undefined) {
      const [open, close] = section;
      const found = text.indexOf(close, at);
      const stop = found < 0 ? end : Math.min(found, end);
      hidden.push({ start: at + open.length, end: stop });
      at = stop + close.length;
    } else if (text.charAt(at) === "<") at = behind(text, ">", at);
    else {
      const next = text.indexOf("<", at);
      const stop = next < 0 ? end : Math.min(next, end);
      if (text.slice(at, stop).trim() !== "") hidden.push({ start: at, end: stop });
      at = stop;
    }
  }
  return hidden;
}
