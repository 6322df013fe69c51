/** Reads the three parts of a rule: targets, operator, actions. */
import type { ParsedAction, ParsedOperator, ParsedTarget } from "./rule.ts";

/** `ARGS|!ARGS:foo|&TX:/^x/|XML:/*` → targets, or a message. */
export function parseTargets(text: string): ParsedTarget[] | string {
  const targets: ParsedTarget[] = [];
  for (const part of splitTargets(text)) {
    const match = /^([!&]?)([A-Za-z_]+)(?:[:.](.*))?$/s.exec(part.trim());
    if (match === null) return `has the target "${part}", which is no variable`;
    const [, mark, variable = "", rest] = match;
    const selector = unquote(rest);
    const regex = selector === undefined ? null : /^\/(.*)\/$/s.exec(selector);
    // XPath such as XML:/* is a path, not a regular expression.
    const isRegex = regex !== null && variable.toUpperCase() !== "XML";
    targets.push({
      variable: variable.toUpperCase(),
      selector: isRegex ? regex[1] : selector,
      selectorIsRegex: isRegex,
      count: mark === "&",
      exclude: mark === "!",
    });
  }
  return targets;
}

function unquote(text: string | undefined): string | undefined {
  const inner = text === undefined ? undefined : /^'(.*)'$/s.exec(text)?.[1];
  return inner ?? text;
}

/** Splits at `|` (or `,`) outside a regular expression selector. */
function splitTargets(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let inRegex = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (inRegex) {
      if (char === "\\") at += 1;
      else if (char === "/" && endsSelector(text, at + 1)) inRegex = false;
    } else if (
      char === "/" &&
      /[:.]'?$/.test(text.slice(start, at)) &&
      !/XML[:.]$/i.test(text.slice(start, at))
    ) {
      inRegex = true;
    } else if (char === "|" || char === ",") {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.filter((part) => part.trim() !== "");
}

function endsSelector(text: string, at: number): boolean {
  const next = text.charAt(at);
  return next === "" || next === "|" || next === "," || next === "'";
}

/** `!@rx ^a`, `@pm a b` or a bare regular expression. */
export function parseOperator(text: string): ParsedOperator {
  const negated = text.startsWith("!");
  const rest = negated ? text.slice(1).trimStart() : text;
  const match = /^@([A-Za-z][A-Za-z0-9_]*)(?:\s+(.*))?$/s.exec(rest);
  if (match === null) return { name: "rx", argument: rest, negated };
  return { name: match[1] ?? "", argument: match[2] ?? "", negated };
}

/** `id:1,phase:2,t:none,msg:'a, b',setvar:'tx.a=1'` → actions, or a message. */
export function parseActions(text: string): ParsedAction[] | string {
  const actions: ParsedAction[] = [];
  let at = 0;
  while (at < text.length) {
    while (at < text.length && /[\s,]/.test(text.charAt(at))) at += 1;
    if (at >= text.length) break;
    const nameEnd = scanUntil(text, at, /[:,]/);
    const name = text.slice(at, nameEnd).trim().toLowerCase();
    if (text.charAt(nameEnd) !== ":") {
      actions.push({ name, value: "" });
      at = nameEnd;
      continue;
    }
    const value = readValue(text, nameEnd + 1);
    if (value === undefined) return `has a quote after "${name}:" that is not closed`;
    actions.push({ name, value: value.text });
    at = value.end;
  }
  return actions;
}

function scanUntil(text: string, from: number, stop: RegExp): number {
  let at = from;
  while (at < text.length && !stop.test(text.charAt(at))) at += 1;
  return at;
}

function readValue(text: string, from: number): { text: string; end: number } | undefined {
  let start = from;
  while (text.charAt(start) === " ") start += 1;
  if (text.charAt(start) !== "'") {
    const end = scanUntil(text, start, /,/);
    return { text: text.slice(start, end).trim(), end };
  }
  for (let at = start + 1; at < text.length; at += 1) {
    if (text.charAt(at) === "\\") at += 1;
    else if (text.charAt(at) === "'" && /^\s*(?:,|$)/.test(text.slice(at + 1, at + 40))) {
      return { text: text.slice(start + 1, at).replaceAll("\\'", "'"), end: at + 1 };
    }
  }
  return undefined;
}
