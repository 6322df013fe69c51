/**
 * Which of a database's hosts is the primary now. libpq does this by `target_session_attrs`; `pg`
 * knows one host only. After a failover the next transaction looks again.
 */
import pg from "pg";

export type Connection =
  | { readonly connectionString: string; readonly standbys?: readonly string[] }
  | {
      /** Folder of the Unix socket. */
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

const PROBE_MAX_MS = 3_000;
/** A failover takes this long at most before a call is answered "not now". */
const SEARCH_MAX_MS = 8_000;
const SEARCH_AGAIN_MS = 200;

export type Primary = {
  /** True when there are several hosts. */
  readonly isOneOfMany: boolean;
  /** Makes clients of the host that is the primary now. */
  readonly client: typeof pg.Client;
  /** Resolves when the primary is known. @throws Error when none answers in time. */
  found(): Promise<void>;
  /** True for a session of a host that is the primary no more, even if it still answers. */
  isStale(client: pg.ClientBase): boolean;
  /** Says that the known one does not answer or is none any more. */
  lost(): void;
};

/** Looks after the hosts of one connection; a single one is always the primary. */
export function createPrimary(connection: Connection): Primary {
  const all = settingsOf(connection);
  const isOneOfMany = all.length > 1;
  let [current] = isOneOfMany ? [] : all;
  let searching: Promise<void> | undefined;

  const search = async (): Promise<void> => {
    const until = performance.now() + SEARCH_MAX_MS;
    for (;;) {
      current = await newestWritable(all);
      if (current !== undefined) return;
      if (performance.now() > until) {
        throw new Error(`There is no primary among the ${all.length} hosts of the database`);
      }
      await new Promise((resolve) => setTimeout(resolve, SEARCH_AGAIN_MS));
    }
  };

  class PrimaryClient extends pg.Client {
    readonly target = current;
    constructor(options: pg.ClientConfig = {}) {
      super({ ...options, ...(current ?? all[0]) });
      // A connection that breaks between two statements has no query to fail: without a listener
      // it would end the process. The next statement fails instead.
      this.on("error", () => {});
    }
  }

  return {
    isOneOfMany,
    client: PrimaryClient,
    isStale: (client) => client instanceof PrimaryClient && client.target !== current,
    async found() {
      if (current !== undefined) return;
      searching ??= search().finally(() => {
        searching = undefined;
      });
      await searching;
    },
    lost() {
      if (isOneOfMany) current = undefined;
    },
  };
}

function settingsOf(connection: Connection): pg.ClientConfig[] {
  if (!("connectionString" in connection)) return [connection];
  const { connectionString, standbys = [] } = connection;
  return [connectionString, ...standbys].map((one) => ({ connectionString: one }));
}

/**
 * All are asked at once. Of several that can write, the one on the newest timeline is taken: a
 * promotion begins a new one, so an old primary that came back is not mistaken for the new.
 */
async function newestWritable(all: readonly pg.ClientConfig[]) {
  const timelines = await Promise.all(all.map(timelineOf));
  const newest = timelines.toSorted().at(-1) ?? "";
  return newest === "" ? undefined : all[timelines.indexOf(newest)];
}

/** Eight hexadecimal digits; empty when the host does not answer or cannot write. */
async function timelineOf(settings: pg.ClientConfig): Promise<string> {
  const limits = { connectionTimeoutMillis: PROBE_MAX_MS, query_timeout: PROBE_MAX_MS };
  const client = new pg.Client({ ...settings, ...limits });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ timeline: string }>(
      `select case when pg_is_in_recovery() or current_setting('transaction_read_only') = 'on'
        then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline`,
    );
    return rows[0]?.timeline ?? "";
  } catch {
    return "";
  } finally {
    await client.end().catch(() => {});
  }
}

/** A client of the primary, connected; the caller ends it. */
export async function connectPrimary(
  connection: Connection,
  options: pg.ClientConfig = {},
): Promise<pg.Client> {
  const primary = createPrimary(connection);
  await primary.found();
  const client = new primary.client(options);
  await client.connect();
  return client;
}
