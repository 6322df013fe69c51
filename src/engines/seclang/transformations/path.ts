/** Path normalization: what a file system would open, without looking at one. */
import { bytesOf } from "./bytes.ts";

export const pathTriggers = bytesOf("/.");
export const pathWinTriggers = bytesOf("/.\\");

const worthwhile = /\/\/|(?:^|\/)\.{1,2}(?:\/|$)/;

/**
 * Removes empty and `.` segments and resolves `..`, which stays only at the front of a relative
 * path. A final slash stays if there was one; a path that resolves to the root without one is
 * empty, as in both ModSecurity versions.
 */
export const normalizePath = (value: string): string => {
  if (!worthwhile.test(value)) return value;
  const absolute = value.startsWith("/");
  const kept: string[] = [];
  for (const segment of value.split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 0 && kept[kept.length - 1] !== "..") kept.pop();
    else if (!absolute) kept.push(segment);
  }
  const trailing = value.endsWith("/");
  if (kept.length === 0) return absolute && trailing ? (value === "/" ? value : "/") : "";
  const result = `${absolute ? "/" : ""}${kept.join("/")}${trailing ? "/" : ""}`;
  return result === value ? value : result;
};

/** normalizePath after every backslash became a slash. */
export const normalizePathWin = (value: string): string =>
  normalizePath(value.includes("\\") ? value.replaceAll("\\", "/") : value);
