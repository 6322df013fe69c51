/** Brings the database to the newest schema: numbered files, forward only, one at a time. */
import type pg from "pg";
import type { Connection } from "./database.ts";
import { type MigrationFile, migrationFiles, planMigrations } from "./plan-migrations.ts";
import { connectPrimary } from "./primary.ts";

/** Any number that no other program uses as an advisory lock on this database. */
export const MIGRATION_LOCK = 7_266_730_001;

export type MigrateOptions = {
  /** Runs before a database that holds a state is changed; when it fails, nothing is. */
  readonly beforeUpgrade?: (pending: readonly MigrationFile[]) => Promise<void>;
};

/**
 * Applies what is missing from `folder` (`NNNN-name.sql`), each file in a transaction of its own,
 * under an advisory lock so that several processes may start at once.
 *
 * @returns names of the files applied now.
 * @throws Error when an applied file has changed since, was left out, or the database is newer
 * than the program.
 */
export async function migrate(
  connection: Connection,
  folder: string,
  { beforeUpgrade }: MigrateOptions = {},
): Promise<string[]> {
  const files = await migrationFiles(folder);
  const client = await connectPrimary(connection);
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query(`create table if not exists migration (
      name text primary key, sha256 text not null, apply_time timestamptz not null default now())`);
    const { applied, pending, refusal } = planMigrations(files, await appliedIn(client));
    if (refusal !== undefined) throw new Error(refusal);
    if (applied.length > 0 && pending.length > 0) await beforeUpgrade?.(pending);
    for (const file of pending) await apply(client, file);
    return pending.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** Name and hash of each migration that the database has; none when it holds no state. */
export async function appliedIn(client: pg.Client): Promise<Map<string, string>> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "select to_regclass('migration') is not null as there",
  );
  if (there[0]?.there !== true) return new Map();
  const { rows } = await client.query<{ name: string; sha256: string }>(
    "select name, sha256 from migration order by name",
  );
  return new Map(rows.map((row) => [row.name, row.sha256]));
}

async function apply(client: pg.Client, { name, sha256, text }: MigrationFile): Promise<void> {
  await client.query("begin");
  await client.query(text);
  await client.query("insert into migration (name, sha256) values ($1, $2)", [name, sha256]);
  await client.query("commit");
}
