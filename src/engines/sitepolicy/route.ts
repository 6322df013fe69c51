/** Which route of a site a path belongs to: exact paths, then globs, then the longest prefix. */
import { compilePattern } from "../regex/pattern.ts";
import { isBelow, type PathView } from "./path.ts";

export type RouteKind = "prefix" | "exact" | "glob";

export type RouteMatch = { readonly kind: RouteKind; readonly path: string };

/** `loosens`: the route checks less than its site. */
export type RouteDeclaration = RouteMatch & { readonly loosens: boolean };

/**
 * The place of the route of a path in the declarations, or -1. Of an ambiguous path every reading
 * is tried, and a route that loosens comes after those that do not.
 */
export type RouteTable = (path: PathView) => number;

/** Compiles the routes of a site; the order of globs is the order given. */
export function compileRoutes(routes: readonly RouteDeclaration[]): RouteTable {
  const exact = new Map<string, number>();
  const globs: { at: number; test: (path: string) => boolean }[] = [];
  const prefixes: { at: number; path: string }[] = [];
  for (const [at, { kind, path: given }] of routes.entries()) {
    const path = Buffer.from(given, "utf8").toString("latin1");
    if (kind === "exact" && !exact.has(path)) exact.set(path, at);
    if (kind === "glob") globs.push({ at, test: globTest(given) });
    if (kind === "prefix") prefixes.push({ at, path });
  }
  prefixes.sort((left, right) => right.path.length - left.path.length);
  const find = (path: string, mayLoosen: boolean): number => {
    const allowed = (at: number) => mayLoosen || routes[at]?.loosens === false;
    const named = exact.get(path);
    if (named !== undefined && allowed(named)) return named;
    for (const { at, test } of globs) if (allowed(at) && test(path)) return at;
    for (const { at, path: prefix } of prefixes) {
      if (allowed(at) && isBelow(path, prefix)) return at;
    }
    return -1;
  };
  return ({ normal, isAmbiguous, readings }) => {
    if (!isAmbiguous) return find(normal, true);
    for (const mayLoosen of [false, true]) {
      for (const reading of readings) {
        const at = find(reading, mayLoosen);
        if (at >= 0) return at;
      }
    }
    return -1;
  };
}

/** `*` is any text without a slash, `**` any text, `?` one character. */
function globTest(glob: string): (path: string) => boolean {
  const source = glob.replace(/\*\*|[*?]|[^A-Za-z0-9_/-]/g, (part) => {
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : hexEscape(part);
  });
  const pattern = compilePattern(`^${source}\\z`, {
    dotAll: true,
    multiline: false,
    ignoreCase: false,
  });
  return (path) => pattern.test(path);
}

function hexEscape(text: string): string {
  const bytes = [...Buffer.from(text, "utf8")];
  return bytes.map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
