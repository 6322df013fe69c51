/**
 * The files of the embedded lake in a backup: all but the rows of request records, which end after
 * days, where a backup is kept for years.
 */
import { mkdir, realpath, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
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

/**
 * Makes the link by which chDB finds the definitions of its tables in restored files: a backup
 * holds no links. Without it the engine makes new tables, and the rows lie there unread. Links to
 * the tables' parts are made by the engine.
 *
 * @param folder the lake's, with nothing of `metadata` in it.
 */
export async function linkTables(folder: string): Promise<void> {
  const store = join(folder, "chdb", "store");
  const definition = (await filesBelow(store)).find((path) => path.endsWith(`${sep}event.sql`));
  if (definition === undefined) return;
  const metadata = join(folder, "chdb", "metadata");
  await mkdir(metadata, { recursive: true, mode: 0o700 });
  await symlink(join("..", "store", dirname(definition)), join(metadata, "default"));
}
