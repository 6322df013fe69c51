/** Comments of SQL, C, shell and HTML: removed, replaced, or only their marks removed. */
import { bytesOf } from "./bytes.ts";

export const commentTriggers = bytesOf("/-#<");
export const commentCharTriggers = bytesOf("/*-#<");

/** Every closed `/*…*\/` and an unclosed one at the end become one space. */
export const replaceComments = (value: string): string => {
  let open = value.indexOf("/*");
  if (open < 0) return value;
  let result = "";
  let from = 0;
  while (open >= 0) {
    result += `${value.slice(from, open)} `;
    const close = value.indexOf("*/", open + 2);
    if (close < 0) return result;
    from = close + 2;
    open = value.indexOf("/*", from);
  }
  return result + value.slice(from);
};

const commentStart = /\/\*|<!--|--|#/g;
const commentEnd = /\*\/|-->/g;

/**
 * Removes `/*…*\/` and `<!--…-->` (either end closes either start); `--` and `#` cut the rest.
 * As both ModSecurity versions do, the byte after a closed comment is copied unread (NUL at the
 * end of the value), and an unclosed comment leaves a space.
 */
export const removeComments = (value: string): string => {
  commentStart.lastIndex = 0;
  let start = commentStart.exec(value);
  if (start === null) return value;
  let result = "";
  let from = 0;
  while (start !== null) {
    result += value.slice(from, start.index);
    if (start[0] === "--" || start[0] === "#") return result;
    commentEnd.lastIndex = start.index + start[0].length;
    const end = commentEnd.exec(value);
    if (end === null) return `${result} `;
    from = end.index + end[0].length;
    if (from === value.length) return `${result}\0`;
    result += value.charAt(from);
    from++;
    commentStart.lastIndex = from;
    start = commentStart.exec(value);
  }
  return result + value.slice(from);
};

const commentChars = /\/\*|\*\/|<!--|-->|--|#/;
const everyCommentChars = new RegExp(commentChars, "g");

/** Removes the marks `/*`, `*\/`, `<!--`, `-->`, `--` and `#`, and keeps what they enclose. */
export const removeCommentsChar = (value: string): string =>
  commentChars.test(value) ? value.replace(everyCommentChars, "") : value;
