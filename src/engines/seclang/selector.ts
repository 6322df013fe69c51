/** Which items of a collection a target means. */
import { compilePattern } from "../regex/pattern.ts";
import type { Selector } from "./compiled.ts";
import { remembered } from "./remembered.ts";

/**
 * Compiles a selector; names are compared without case.
 *
 * @throws PatternSyntaxError when a regular expression cannot be read.
 */
export function compileSelector(text: string | undefined, isRegex: boolean): Selector {
  if (text === undefined) return { kind: "all" };
  if (!isRegex) return { kind: "name", lowered: text.toLowerCase() };
  const prefix = /^\^([\w-]+)$/.exec(text)?.[1]?.toLowerCase();
  if (prefix !== undefined) return { kind: "pattern", test: startTest(prefix) };
  const pattern = compilePattern(text, { dotAll: true, multiline: false, ignoreCase: true });
  return { kind: "pattern", test: remembered((name) => pattern.test(name)) };
}

/** `^name_`: most patterns of selectors are no more than that. */
function startTest(prefix: string): (name: string) => boolean {
  const first = prefix.charCodeAt(0);
  return (name) => {
    if (name.charCodeAt(0) !== first && name.charAt(0).toLowerCase() !== prefix.charAt(0)) {
      return false;
    }
    return name.slice(0, prefix.length).toLowerCase() === prefix;
  };
}

export function selects(selector: Selector, name: string, lowered: string): boolean {
  if (selector.kind === "all") return true;
  return selector.kind === "name" ? selector.lowered === lowered : selector.test(name);
}
