/**
 * The files of the embedded lake that a backup holds: all but the rows of request records. Those
 * end after days, and a backup is kept for years.
 */
import { realpath } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { filesBelow } from "./key-files.ts";

/** chDB links each table's name to the folder of its parts. */
const RECORDS = join("chdb", "data", "default", "request_record");

/** Relative to the lake's folder, in order. */
export async function lakeFiles(folder: string): Promise<readonly string[]> {
  const files = await filesBelow(folder);
  const table = await realpath(join(folder, RECORDS)).catch(() => undefined);
  if (table === undefined) return files;
  const below = relative(await realpath(folder), table) + sep;
  // A file of the table itself says its format; parts are folders.
  return files.filter((path) => !path.startsWith(below) || !path.slice(below.length).includes(sep));
}
