/** Brings the database to the newest schema: numbered files, forward only, one at a time. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import type { Connection } from "./database.ts";

/** Any number that no other program uses as an advisory lock on this database. */
export const MIGRATION_LOCK = 7_266_730_001;

/**
 * Applies what is missing from `folder` (`NNNN-name.sql`), each file in a transaction of its own,
 * under an advisory lock so that several processes may start at once.
 *
 * @returns names of the files applied now.
 * @throws Error when an applied file has changed since, or the database is newer than the program.
 */
export async function migrate(connection: Connection, folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name));
  files.sort();
  const client = new pg.Client({ ...connection });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query(`create table if not exists migration (
      name text primary key, sha256 text not null, apply_time timestamptz not null default now())`);
    return await applyMissing(client, folder, files);
  } finally {
    await client.end();
  }
}

async function applyMissing(client: pg.Client, folder: string, files: string[]): Promise<string[]> {
  const { rows } = await client.query<{ name: string; sha256: string }>(
    "select name, sha256 from migration",
  );
  const applied = new Map(rows.map((row) => [row.name, row.sha256]));
  for (const name of applied.keys()) {
    if (!files.includes(name)) {
      throw new Error(
        `Cannot start on this database: it has migration "${name}", which this version of Cordon ` +
          `does not know. Start the newer version that made it`,
      );
    }
  }
  const done: string[] = [];
  for (const name of files) {
    const text = await readFile(join(folder, name), "utf8");
    const sha256 = createHash("sha256").update(text).digest("hex");
    const before = applied.get(name);
    if (before === sha256) continue;
    if (before !== undefined) {
      throw new Error(`Cannot start: migration "${name}" was changed after it was applied`);
    }
    await client.query("begin");
    await client.query(text);
    await client.query("insert into migration (name, sha256) values ($1, $2)", [name, sha256]);
    await client.query("commit");
    done.push(name);
  }
  return done;
}
