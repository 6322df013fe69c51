/**
 * The embedded PostgreSQL server as a supervised child, and the wait for an external one.
 */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config.ts";
import type { ChildSpec } from "../process/child.ts";
import { StartError } from "../process/daemon.ts";
import { identify, isAlive, signal, workingFolderOf } from "../process/liveness.ts";
import { messageOf } from "../process/text.ts";
import { connectPrimary } from "../store/primary.ts";
import { postgresBinaries } from "./binaries.ts";
import { type Embedded, prepareCluster, socketFolder } from "./cluster.ts";
import { connectionFor, SOCKET_PORT } from "./connection.ts";
import { commandAs, type RunAs, runAsFor } from "./run-as.ts";

/** The oldest PostgreSQL that Cordon's SQL runs on. */
export const VERSION_MIN = 15;

const CONNECT_MAX_MS = 5_000;
const EXTERNAL_WAIT_MS = 60_000;
const RETRY_EVERY_MS = 500;
const STOP_GRACE_MS = 20_000;
/** Crash recovery replays the log since the last checkpoint, which may take a while. */
const START_MAX_MS = 300_000;
const LEFTOVER_STOP_MS = 30_000;
const LEFTOVER_KILL_MS = 5_000;

/** A modest server: it shares the machine with everything else. fsync stays on. */
const SETTINGS = {
  listen_addresses: "",
  port: String(SOCKET_PORT),
  unix_socket_permissions: "0700",
  max_connections: "60",
  shared_buffers: "64MB",
  work_mem: "4MB",
  maintenance_work_mem: "32MB",
  max_wal_size: "512MB",
  io_method: "sync",
  max_parallel_workers: "2",
  password_encryption: "scram-sha-256",
  log_timezone: "UTC",
  timezone: "UTC",
  log_line_prefix: "%m [%p] ",
} as const;

/**
 * The embedded server as a child for `supervise`.
 *
 * @throws StartError when its programs are missing or cannot run here.
 */
export function postgresChild(config: Config, only?: RunAs["kind"]): ChildSpec {
  const binaries = postgresBinaries();
  const embedded: Embedded = { config, binaries, runAs: runAsFor(binaries.postgres, only) };
  const folder = config.folders.postgres;
  const settings = { ...SETTINGS, unix_socket_directories: quoteListItem(socketFolder(config)) };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  return {
    name: "postgres",
    argv: commandAs(embedded.runAs, [binaries.postgres, "-D", folder, ...options]),
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" },
    needs: [],
    cwd: "/",
    ...(embedded.runAs.kind === "nobody" ? { user: embedded.runAs.user } : {}),
    ready: {
      probe: async () => ({ version: await askVersion(config), socket: socketFolder(config) }),
    },
    prepare: async () => {
      await stopLeftoverServer(config);
      await prepareCluster(embedded);
    },
    // Fast shutdown: sessions are cut, the checkpoint is written.
    stopSignal: "SIGINT",
    stopGraceMs: STOP_GRACE_MS,
    startMaxMs: START_MAX_MS,
  };
}

/**
 * Stops a server that outlived its supervisor, so that a new one can open the folder.
 * A `postmaster.pid` of a process that is not this folder's server is left to PostgreSQL, which
 * tells a stale one itself.
 *
 * @throws StartError when the server does not end.
 */
export async function stopLeftoverServer(config: Config): Promise<void> {
  const folder = config.folders.postgres;
  const file = join(folder, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  const server = Number.isInteger(pid) && pid > 1 ? identify(pid) : undefined;
  // The server works in its data folder; another process with that id does not.
  if (server === undefined || workingFolderOf(pid) !== realpathSync(folder)) return;
  const goneWithin = async (timeMaxMs: number): Promise<boolean> => {
    const until = performance.now() + timeMaxMs;
    while (isAlive(server) && performance.now() < until) await sleep(50);
    return !isAlive(server);
  };
  signal(pid, "SIGINT");
  if (await goneWithin(LEFTOVER_STOP_MS)) return;
  signal(pid, "SIGQUIT");
  if (await goneWithin(LEFTOVER_KILL_MS)) return;
  throw new StartError(`Cannot stop the PostgreSQL of an earlier run, process ${pid}`, {
    fix: `end it with: kill -QUIT ${pid}`,
  });
}

/**
 * Waits until an external database answers, and checks its version.
 *
 * @throws StartError when it does not answer in time or is too old.
 */
export async function waitForExternal(
  config: Config,
  options: { waitMaxMs?: number } = {},
): Promise<{ version: string }> {
  const waitMaxMs = options.waitMaxMs ?? EXTERNAL_WAIT_MS;
  const until = performance.now() + waitMaxMs;
  for (;;) {
    try {
      const version = await askVersion(config);
      if (Number.parseInt(version, 10) >= VERSION_MIN) return { version };
      throw new StartError(
        `Cannot use the database of CORDON_DATABASE_URL: it is PostgreSQL ${version}, ` +
          `wanted ${VERSION_MIN} or newer`,
        { fix: "upgrade it, or unset CORDON_DATABASE_URL to use the embedded one" },
      );
    } catch (error) {
      if (error instanceof StartError) throw error;
      if (performance.now() > until) {
        throw new StartError(
          `Cannot reach the database of CORDON_DATABASE_URL within ${waitMaxMs / 1000} s: ` +
            messageOf(error),
          { fix: "check host, port, user and password in CORDON_DATABASE_URL" },
        );
      }
      await sleep(RETRY_EVERY_MS);
    }
  }
}

/** The version of the server, such as "18.4"; rejects while it does not answer. */
export async function askVersion(config: Config): Promise<string> {
  const client = await connectPrimary(connectionFor(config), {
    connectionTimeoutMillis: CONNECT_MAX_MS,
    query_timeout: CONNECT_MAX_MS,
  });
  client.on("error", () => {});
  try {
    const result = await client.query<{ server_version: string }>("SHOW server_version");
    return result.rows[0]?.server_version ?? "unknown";
  } finally {
    await client.end().catch(() => {});
  }
}

/** One item of a comma-separated PostgreSQL list, safe for any path. */
function quoteListItem(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
