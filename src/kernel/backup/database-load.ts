/**
 * Puts copied rows into a database, all in one transaction: until it commits, the database is as
 * it was. The schema is made by the very migrations that the rows were written under.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { Connection } from "../store/database.ts";
import { MIGRATION_LOCK } from "../store/migrate.ts";
import { connectForCopy } from "./database-snapshot.ts";
import type { Manifest, Migration, Sequence, TableCopy } from "./manifest.ts";
import { BackupError } from "./sealed-file.ts";

export type Loading = {
  /** Begins the table, or goes on with it; parts of one table come one after another. */
  write(table: TableCopy, bytes: Buffer): Promise<void>;
  /** Checks and finishes everything but the commit. */
  finish(rows: Readonly<Record<string, number>>, sequences: readonly Sequence[]): Promise<void>;
  /** For what a restore changes in the rows, in the same transaction. */
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  commit(): Promise<void>;
  /** Leaves the database as it was. */
  abandon(): Promise<void>;
};

type Taken = { readonly constraints: readonly Constraint[]; readonly forced: readonly string[] };
type Constraint = { readonly table: string; readonly name: string; readonly definition: string };

/**
 * Whether the program has each of these migrations, unchanged.
 *
 * @throws BackupError naming the first that it has not.
 */
export async function checkMigrations(
  migrations: readonly Migration[],
  folder: string,
): Promise<readonly { name: string; sha256: string; text: string }[]> {
  return Promise.all(
    migrations.map(async ({ name, sha256 }) => {
      const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
      if (text === undefined || createHash("sha256").update(text).digest("hex") !== sha256) {
        throw new BackupError(
          `Cannot restore: the backup was made under the migration "${name}", which this ` +
            `version of Cordon ${text === undefined ? "does not have" : "has in another form"}`,
          "restore it with the version that made it, or a newer one, then upgrade",
        );
      }
      return { name, sha256, text };
    }),
  );
}

/** Begins: in one transaction, what the database held is dropped and the schema made anew. */
export async function beginLoading(
  connection: Connection,
  given: { readonly manifest: Manifest; readonly migrationsFolder: string },
): Promise<Loading> {
  const migrations = await checkMigrations(given.manifest.migrations, given.migrationsFolder);
  const client = await connectForCopy(connection);
  try {
    await client.query("select pg_advisory_lock($1)", [MIGRATION_LOCK]);
    await client.query("begin");
    await client.query(DROP_ALL);
    await client.query(`create table migration (
      name text primary key, sha256 text not null, apply_time timestamptz not null default now())`);
    for (const { name, sha256, text } of migrations) {
      await client.query(text);
      await client.query("insert into migration (name, sha256) values ($1, $2)", [name, sha256]);
    }
    const taken = await clearTheWay(client, given.manifest.tables);
    return loadingOf(client, taken);
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

function loadingOf(client: pg.Client, taken: Taken): Loading {
  let current: { table: string; stream: ReturnType<typeof copyFrom> } | undefined;
  const loaded = new Map<string, number>();
  const endTable = async (): Promise<void> => {
    if (current === undefined) return;
    const { table, stream } = current;
    current = undefined;
    const finished = once(stream, "finish");
    stream.end();
    await finished;
    loaded.set(table, stream.rowCount);
  };
  return {
    async write(table, bytes) {
      if (current?.table !== table.name) {
        await endTable();
        const list = table.columns.map((column) => pg.escapeIdentifier(column)).join(", ");
        const text = `copy ${pg.escapeIdentifier(table.name)} (${list}) from stdin`;
        current = { table: table.name, stream: client.query(copyFrom(text)) };
      }
      const { stream } = current;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      stream.once("error", reject);
      stream.write(bytes, (error) => (error ? reject(error) : resolve()));
      await promise;
      stream.off("error", reject);
    },
    async finish(rows, sequences) {
      await endTable();
      for (const [table, count] of Object.entries(rows)) {
        if ((loaded.get(table) ?? 0) === count) continue;
        throw new BackupError(
          `Cannot restore the table ${table}: ${loaded.get(table) ?? 0} rows arrived of ${count}`,
        );
      }
      await putBack(client, taken);
      for (const { name, last, called } of sequences) {
        const regclass = pg.escapeIdentifier(name);
        await client.query("select setval($1::regclass, $2, $3)", [regclass, last, called]);
      }
    },
    query: async (text, values = []) =>
      (await client.query<Record<string, unknown>>(text, [...values])).rows,
    async commit() {
      await client.query("commit");
      await client.end();
    },
    async abandon() {
      // Ending the session rolls back; a COPY that is under way ends with it.
      await client.end().catch(() => {});
    },
  };
}

/** Everything of the schema that this role made. Roles stay. */
const DROP_ALL = `do $$
declare o record;
begin
  for o in select c.relname, c.relkind from pg_class c
    where c.relnamespace = current_schema()::regnamespace and not c.relispartition
      and c.relkind in ('r', 'p', 'v', 'm') and pg_get_userbyid(c.relowner) = current_user
  loop
    execute format('drop %s if exists %I cascade', case o.relkind when 'v' then 'view'
      when 'm' then 'materialized view' else 'table' end, o.relname);
  end loop;
  for o in select c.relname from pg_class c where c.relkind = 'S'
    and c.relnamespace = current_schema()::regnamespace
    and pg_get_userbyid(c.relowner) = current_user
  loop execute format('drop sequence if exists %I cascade', o.relname); end loop;
  for o in select p.oid::regprocedure as signature from pg_proc p
    where p.pronamespace = current_schema()::regnamespace
      and pg_get_userbyid(p.proowner) = current_user
  loop execute format('drop routine if exists %s cascade', o.signature); end loop;
  for o in select t.typname from pg_type t
    where t.typnamespace = current_schema()::regnamespace and t.typtype in ('e', 'd')
      and pg_get_userbyid(t.typowner) = current_user
  loop execute format('drop type if exists %I cascade', o.typname); end loop;
end $$`;

/**
 * Rows that migrations made give way to those of the backup. Foreign keys, triggers and the owner's
 * own row-level security would stand in the way of rows that come table by table.
 */
async function clearTheWay(client: pg.Client, tables: readonly TableCopy[]): Promise<Taken> {
  const all = tables.map(({ name }) => pg.escapeIdentifier(name));
  const { rows: constraints } = await client.query<Constraint>(
    `select conrelid::regclass::text as table, conname as name,
       pg_get_constraintdef(oid) as definition
     from pg_constraint where contype = 'f' and conparentid = 0
       and connamespace = current_schema()::regnamespace order by conname`,
  );
  const { rows: forced } = await client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relforcerowsecurity
       and relnamespace = current_schema()::regnamespace`,
  );
  for (const { table, name } of constraints) {
    await client.query(`alter table ${table} drop constraint ${pg.escapeIdentifier(name)}`);
  }
  for (const { name } of forced)
    await client.query(`alter table ${name} no force row level security`);
  for (const name of all) await client.query(`alter table ${name} disable trigger user`);
  if (all.length > 0) await client.query(`truncate ${all.join(", ")} cascade`);
  return { constraints, forced: forced.map(({ name }) => name) };
}

/** Every foreign key is checked against every row as it comes back. */
async function putBack(client: pg.Client, { constraints, forced }: Taken): Promise<void> {
  for (const { table, name, definition } of constraints) {
    const constraint = pg.escapeIdentifier(name);
    await client.query(`alter table ${table} add constraint ${constraint} ${definition}`);
  }
  for (const name of forced) await client.query(`alter table ${name} force row level security`);
  const { rows } = await client.query<{ name: string }>(
    `select distinct tgrelid::regclass::text as name from pg_trigger where not tgisinternal`,
  );
  for (const { name } of rows) await client.query(`alter table ${name} enable trigger user`);
}
