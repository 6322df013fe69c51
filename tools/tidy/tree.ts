/** The files that the rules of the house look at, as plain data; reads them, judges nothing. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Path from the project's root → text. */
export type Tree = ReadonlyMap<string, string>;
export type Fault = { readonly path: string; readonly message: string };
export type Rule = (tree: Tree) => readonly Fault[];

const LISTING_BYTES_MAX = 16 * 1024 * 1024;
const TEXT = /(?:\.(?:ts|tsx|md|sh|sql|json|css|html|conf|ya?ml)|^cordon|^\.ci\/run)$/;

/** All text files of the project that git tracks or would track. */
export function readTree(root: string): Tree {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listing = execFileSync("git", args, {
    cwd: root,
    encoding: "utf8",
    maxBuffer: LISTING_BYTES_MAX,
  });
  const paths = listing.split("\0").filter((path) => TEXT.test(path));
  const present = [...new Set(paths)].filter((path) => existsSync(join(root, path)));
  return new Map(present.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

export function isCode(path: string): boolean {
  return path.endsWith(".ts") || path.endsWith(".tsx");
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.endsWith(".test.tsx") || path.startsWith("test/");
}

/** Applies a check of one file's text to all code files. */
export function eachCode(
  tree: Tree,
  check: (text: string, path: string) => readonly string[],
): readonly Fault[] {
  return [...tree]
    .filter(([path]) => isCode(path))
    .flatMap(([path, text]) => check(text, path).map((message) => ({ path, message })));
}
