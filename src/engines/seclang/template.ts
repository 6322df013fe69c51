/** Macros: `%{TX.score}`, `%{MATCHED_VAR}`, `%{rule.id}`. */
import type { Template } from "./compiled.ts";

/** Cuts text at its macros. */
export function parseTemplate(text: string): Template {
  const parts: Template[number][] = [];
  let last = 0;
  for (const match of text.matchAll(/%\{([A-Za-z_]+)(?:[.:]([^}]*))?\}/g)) {
    if (match.index > last) parts.push(text.slice(last, match.index));
    parts.push({ variable: (match[1] ?? "").toUpperCase(), key: match[2]?.toLowerCase() });
    last = match.index + match[0].length;
  }
  if (last < text.length) parts.push(text.slice(last));
  return parts;
}

export function hasMacros(template: Template): boolean {
  return template.some((part) => typeof part !== "string");
}
