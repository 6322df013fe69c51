/**
 * PostgreSQL: a pool, transactions in the scope of one account, and a tagged template that only
 * ever sends values as parameters. Row-level security is the second wall behind the account
 * column of every statement.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import { type Connection, createPrimary, type Primary } from "./primary.ts";

export type { Connection } from "./primary.ts";

/** Connections for transactions, and as many again for those begun inside another one. */
const POOL_SIZE = 12;
const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;

/** Runs one statement; interpolated values become parameters. Column names arrive in camelCase. */
export type Sql = <Row extends object>(
  text: TemplateStringsArray,
  ...values: readonly unknown[]
) => Promise<Row[]>;

/** `system` sees every account: for sign-in, jobs and intent, never for a caller's input. */
export type Scope = { readonly accountId: string } | "system";

export type Database = {
  /** Runs `work` in one transaction; commits when it resolves, rolls back when it rejects. */
  transaction<Result>(scope: Scope, work: (sql: Sql) => Promise<Result>): Promise<Result>;
  /** A connection of its own for LISTEN; ends with `close`. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

/** A date column is read as RFC 3339 text, so that no time zone can slip in. */
const TIMESTAMPTZ_OID = 1184;
const INT8_OID = 20;

/**
 * Opens the pool.
 *
 * @param connection a URL, or the folder of a Unix socket with credentials.
 */
export function openDatabase(connection: Connection): Database {
  const primary = createPrimary(connection);
  const outer = openPool(primary);
  const inner = openPool(primary);
  const within = new AsyncLocalStorage<true>();
  return {
    // INVARIANT: a transaction never waits for a connection that one like it holds: calls that
    // begin a second transaction would otherwise, all together, wait for each other.
    transaction: (scope, work) =>
      runTransaction(
        { pool: within.getStore() === true ? inner : outer, primary },
        { scope, work: (sql) => within.run(true, () => work(sql)) },
      ),
    listen: (channel, onNotify) => listenOn(primary, channel, onNotify),
    async close() {
      await Promise.all([outer.end(), inner.end()]);
    },
  };
}

function openPool(primary: Primary): pg.Pool {
  const pool = new pg.Pool({
    Client: primary.client,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    types: { getTypeParser: parserFor },
  });
  // A connection that breaks while idle is replaced by the pool; without a listener it would end
  // the process.
  pool.on("error", () => {});
  return pool;
}

function parserFor(oid: number, format?: "text" | "binary") {
  if (oid === TIMESTAMPTZ_OID) return (text: string) => new Date(text).toISOString();
  if (oid === INT8_OID) return Number;
  return pg.types.getTypeParser(oid, format ?? "text");
}

async function runTransaction<Result>(
  { pool, primary }: { readonly pool: pg.Pool; readonly primary: Primary },
  { scope, work }: { readonly scope: Scope; readonly work: (sql: Sql) => Promise<Result> },
): Promise<Result> {
  const client = await connected(pool, primary);
  let broken: Error | undefined;
  // The pool listens while a connection is idle only: one that breaks between two statements would
  // otherwise end the process. The next statement then fails, and says so.
  const lost = (error: Error): void => {
    broken = error;
  };
  client.on("error", lost);
  try {
    await client.query(`begin; ${scopeStatements(scope)}`);
    const result = await work(sqlFor(client));
    await client.query("commit");
    return result;
  } catch (error) {
    if (isUnavailable(error)) primary.lost();
    // A primary that became a replica keeps its sessions: this one must not be used again.
    if (isReadOnly(error)) broken = new Error("this session cannot write");
    await client.query("rollback").catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off("error", lost);
    client.release(broken);
  }
}

/**
 * Runs work in the system's scope inside a transaction of another scope, which comes back after it.
 *
 * INVARIANT: nothing else runs on the transaction meanwhile; the caller awaits the work.
 */
export async function inSystemScope<Result>(
  sql: Sql,
  scope: Scope,
  work: (sql: Sql) => Promise<Result>,
): Promise<Result> {
  if (scope === "system") return work(sql);
  await sql`set local role cordon_system`;
  const result = await work(sql);
  // Work that failed has ended the transaction; there is no scope to come back to.
  await sql`set local role cordon_account`;
  return result;
}

const ACCOUNT_ID = /^acc-[0-9a-z]{10}$/;

function scopeStatements(scope: Scope): string {
  if (scope === "system") return "set local role cordon_system";
  // INVARIANT: only an id of this exact form is ever put into the text of a statement.
  if (!ACCOUNT_ID.test(scope.accountId)) {
    throw new Error(`Cannot open a transaction: "${scope.accountId}" is no account id`);
  }
  return `set local role cordon_account; set local cordon.account_id = '${scope.accountId}'`;
}

/** Makes the tagged template of one connection. */
export function sqlFor(client: {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}): Sql {
  return async <Row extends object>(text: TemplateStringsArray, ...values: readonly unknown[]) => {
    let statement = text[0] ?? "";
    for (let position = 1; position < text.length; position += 1) {
      statement += `$${position}${text[position] ?? ""}`;
    }
    const { rows } = await client.query(statement, [...values]);
    return rows.map((row) => camelCaseKeys(row as Record<string, unknown>) as Row);
  };
}

const camelNames = new Map<string, string>();
const CAMEL_NAMES_MAX = 10_000;

function camelCaseKeys(row: Record<string, unknown>): Record<string, unknown> {
  const named: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(row)) {
    let name = camelNames.get(column);
    if (name === undefined) {
      name = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      if (camelNames.size < CAMEL_NAMES_MAX) camelNames.set(column, name);
    }
    named[name] = value;
  }
  return named;
}

/** A session of the primary: those of a host that was it before are given up. */
async function connected(pool: pg.Pool, primary: Primary): Promise<pg.PoolClient> {
  if (!primary.isOneOfMany) return pool.connect();
  for (let attempt = 0; ; attempt += 1) {
    await primary.found();
    try {
      const client = await pool.connect();
      if (!primary.isStale(client)) return client;
      client.release(true);
    } catch (error) {
      primary.lost();
      if (attempt > 0) throw error;
    }
  }
}

async function listenOn(
  primary: Primary,
  channel: string,
  onNotify: (payload: string) => void,
): Promise<() => Promise<void>> {
  const RECONNECT_MS = 500;
  let ended = false;
  let client: pg.Client | undefined;
  const again = (): void => {
    setTimeout(() => void connect().catch(() => !ended && again()), RECONNECT_MS).unref();
  };
  const connect = async (): Promise<void> => {
    await primary.found();
    const next = new primary.client();
    next.on("notification", (message) => onNotify(message.payload ?? ""));
    next.on("error", () => {});
    try {
      await next.connect();
      await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      primary.lost();
      await next.end().catch(() => {});
      throw error;
    }
    // Only now: a connection that never stood is tried again by who asked for it, and by nobody
    // else, or each failure would make two tries of one.
    next.once("end", () => {
      primary.lost();
      if (!ended) again();
    });
    client = next;
    // What happened while nobody listened is not repeated by PostgreSQL: look once.
    onNotify("");
  };
  await connect();
  return async () => {
    ended = true;
    await client?.end();
  };
}

/** True when PostgreSQL's disk took no more (SQLSTATE 53100, or a WAL it could not extend). */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && error.code === "53100") || /No space left/.test(error.message);
}

/** True when a session was found to be a replica's (read_only_sql_transaction). */
function isReadOnly(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "25006";
}

/** True for the errors that say "not now": connection lost, starting up, shutting down. */
export function isUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return (
    /^(?:08|57P)/.test(code) ||
    ["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE"].includes(code) ||
    isReadOnly(error) ||
    /Connection terminated|not queryable|no primary among|timeout exceeded when trying to connect/.test(
      error.message,
    )
  );
}

/** True when a unique constraint of this name refused the row. */
export function violates(error: unknown, constraint: string): boolean {
  return error instanceof Error && "constraint" in error && error.constraint === constraint;
}
