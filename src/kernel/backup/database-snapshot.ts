/**
 * The rows of the database as one moment saw them: one repeatable-read transaction, one COPY for
 * each table. Works with any PostgreSQL that Cordon runs on; no program of PostgreSQL is needed.
 */
import type { Readable } from "node:stream";
import pg from "pg";
import { to as copyTo } from "pg-copy-streams";
import type { Connection } from "../store/database.ts";
import { connectPrimary } from "../store/primary.ts";
import type { Migration, Sequence, TableCopy } from "./manifest.ts";
import { BackupError } from "./sealed-file.ts";

export type Snapshot = {
  readonly databaseVersion: string;
  readonly snapshot: string;
  readonly migrations: readonly Migration[];
  readonly tables: readonly TableCopy[];
  /** Entries of the audit log that the database's copy of it has: the log has at least these. */
  readonly auditSize: number;
  /** COPY text format, one row a line. */
  copyOf(table: TableCopy): Promise<Readable>;
  /** Read after the tables: a sequence is never behind the rows then. */
  sequences(): Promise<readonly Sequence[]>;
  close(): Promise<void>;
};

const CONNECT_MAX_MS = 10_000;

/** A client for long work: no limit on a statement's time. */
export async function connectForCopy(connection: Connection): Promise<pg.Client> {
  // A lost connection is told by the statement that runs or comes next.
  return connectPrimary(connection, { connectionTimeoutMillis: CONNECT_MAX_MS });
}

/**
 * Begins the snapshot.
 *
 * @param log the control plane whose audit log is backed up with it.
 *
 * @throws BackupError when there is no state, or a table has rows that Cordon's roles do not see.
 */
export async function openSnapshot(connection: Connection, log: string): Promise<Snapshot> {
  const client = await connectForCopy(connection);
  try {
    await client.query("begin isolation level repeatable read read only");
    const { rows } = await client.query<{ snapshot: string; version: string; seesAll: boolean }>(
      `select pg_current_snapshot()::text as snapshot,
         current_setting('server_version') as version, (select rolsuper or rolbypassrls from pg_roles
           where rolname = current_user) as "seesAll"`,
    );
    const [row] = rows;
    const migrations = await migrationsIn(client);
    const found = await tablesIn(client);
    const bySystem = new Set<string>();
    for (const table of found) {
      if (row?.seesAll === true || !table.rowSecurity) continue;
      if (!table.systemSeesAll) throw hiddenRows(table.name);
      bySystem.add(table.name);
    }
    await client.query("set local role cordon_system");
    const { rows: indexed } = await client.query<{ size: string }>(
      "select coalesce(max(index), -1) + 1 as size from audit_entry where log in ($1, '')",
      [log],
    );
    return {
      auditSize: Number(indexed[0]?.size ?? 0),
      databaseVersion: row?.version ?? "unknown",
      snapshot: row?.snapshot ?? "",
      migrations,
      tables: found.map(({ name, columns }) => ({ name, columns })),
      async copyOf({ name, columns }) {
        await client.query(bySystem.has(name) ? "set local role cordon_system" : "reset role");
        const list = columns.map((column) => pg.escapeIdentifier(column)).join(", ");
        const select = `select ${list} from ${pg.escapeIdentifier(name)}`;
        return client.query(copyTo(`copy (${select}) to stdout`));
      },
      async sequences() {
        await client.query("reset role");
        return sequencesIn(client);
      },
      close: () => client.end(),
    };
  } catch (error) {
    await client.end().catch(() => {});
    throw error;
  }
}

/** Applied migrations in order. @throws BackupError when there are none. */
export async function migrationsIn(client: pg.Client): Promise<Migration[]> {
  const { rows: there } = await client.query<{ there: boolean }>(
    "select to_regclass('migration') is not null as there",
  );
  if (there[0]?.there !== true) {
    throw new BackupError(
      "Cannot back up: the database holds no state of Cordon",
      "start it once with ./cordon up",
    );
  }
  const { rows } = await client.query<Migration>(
    "select name, sha256 from migration order by name",
  );
  return rows;
}

type FoundTable = TableCopy & { readonly rowSecurity: boolean; readonly systemSeesAll: boolean };

/** Tables and leaf partitions; generated columns are made again by the database. */
async function tablesIn(client: pg.Client): Promise<FoundTable[]> {
  const { rows } = await client.query<FoundTable>(
    `select c.relname as name, c.relrowsecurity as "rowSecurity",
       array(select attname::text from pg_attribute where attrelid = c.oid and attnum > 0
         and not attisdropped and attgenerated = '' order by attnum) as columns,
       has_table_privilege('cordon_system', c.oid, 'select')
         and exists (select from pg_policy where polrelid = c.oid and polpermissive
           and polcmd = '*' and 'cordon_system'::regrole::oid = any (polroles)
           and pg_get_expr(polqual, polrelid) = 'true')
         and not exists (select from pg_policy where polrelid = c.oid and not polpermissive)
         as "systemSeesAll"
     from pg_class c where c.relkind = 'r' and c.relname <> 'migration'
       and c.relnamespace = current_schema()::regnamespace
     order by c.relname`,
  );
  return rows;
}

async function sequencesIn(client: pg.Client): Promise<Sequence[]> {
  const { rows } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relkind = 'S'
       and relnamespace = current_schema()::regnamespace order by relname`,
  );
  const sequences: Sequence[] = [];
  for (const { name } of rows) {
    const { rows: values } = await client.query<{ last: string; called: boolean }>(
      `select last_value::text as last, is_called as called from ${pg.escapeIdentifier(name)}`,
    );
    const [value] = values;
    if (value !== undefined) sequences.push({ name, ...value });
  }
  return sequences;
}

/** INVARIANT: rows are never left out in silence. */
function hiddenRows(table: string): BackupError {
  return new BackupError(
    `Cannot back up the table ${table}: its row-level security hides rows from cordon_system`,
    "its migration must give cordon_system the policy using (true) and the right to select",
  );
}
