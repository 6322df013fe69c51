/** The name that PHP gives to a request's variable: `a.b[c` is `$_GET["a_b_c"]` there. */
import { bytesOf } from "./bytes.ts";

export const phpNameTriggers = bytesOf(" .[");

/**
 * Leading spaces go; a space or a dot before the first bracket becomes `_`, as does a bracket that
 * nothing closes; what stands behind the last index goes. A name that begins with a bracket is
 * none: PHP drops the variable.
 */
export const phpArgsNames = (value: string): string => {
  const name = value.replace(/^ +/, "");
  const bracket = name.indexOf("[");
  if (bracket === 0) return "";
  const base = (bracket < 0 ? name : name.slice(0, bracket)).replace(/[ .]/g, "_");
  const result = bracket < 0 ? base : base + indexesOf(name, bracket);
  return result === value ? value : result;
};

/** `[a][ ]` from the bracket at `from` on; an index of one white space is an empty one. */
const indexesOf = (name: string, from: number): string => {
  let read = "";
  let at = from;
  while (name.charAt(at) === "[") {
    const isEmpty = /^\[\s?\]/.exec(name.slice(at, at + 3));
    const end = isEmpty === null ? name.indexOf("]", at + 1) : at + isEmpty[0].length - 1;
    if (end < 0) return `${read}_${name.slice(at + 1)}`;
    read += isEmpty === null ? name.slice(at, end + 1) : "[]";
    at = end + 1;
  }
  return read;
};
