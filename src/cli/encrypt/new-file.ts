/** A file that appears under its name only when it is whole. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { codeOf } from "../../kernel/process/text.ts";
import { CommandError, EXIT } from "../exit.ts";

/**
 * Lets `write` fill a file that only its owner can read, and gives it its name when it is on disk.
 *
 * @throws CommandError when there is a file of this name and it may not be replaced.
 */
export async function writeNewFile(
  path: string,
  { replace }: { readonly replace: boolean },
  write: (file: Writable) => Promise<void>,
): Promise<void> {
  const part = `${path}.${randomBytes(6).toString("hex")}.part`;
  const file = createWriteStream(part, { flags: "wx", mode: 0o600, flush: true });
  try {
    await write(file);
    file.end();
    await finished(file);
    // A link never takes the place of another file, not even of one that has just appeared.
    if (replace) await rename(part, path);
    else await link(part, path);
  } catch (error) {
    throw codeOf(error) === "EEXIST" ? exists(path) : error;
  } finally {
    file.destroy();
    await rm(part, { force: true });
  }
  const folder = await open(dirname(path), "r");
  await folder.sync().finally(() => folder.close());
}

/** @throws CommandError before any work is done for nothing. */
export function exists(path: string): CommandError {
  return new CommandError(`Cannot write ${path}: it exists already`, {
    fix: "name another with --out, or let --replace take its place",
    status: EXIT.conflict,
  });
}
