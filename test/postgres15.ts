/** Debian's PostgreSQL 15 for a test: servers of its own in a folder that goes away. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, until } from "./stack.ts";

const BIN = "/usr/lib/postgresql/15/bin";
const NOBODY = { uid: 65_534, gid: 65_534 };
const isRoot = process.getuid?.() === 0;
/** PostgreSQL refuses root. */
const as: { uid?: number; gid?: number; cwd: string } = { ...(isRoot ? NOBODY : {}), cwd: "/" };

export const hasPostgres15 = existsSync(join(BIN, "postgres"));

/** A primary with an empty database `cordon`; servers are numbered, it is 0. */
export async function startPostgres15(serverCount = 1) {
  const folder = mkdtempSync(join(tmpdir(), "cordon-pg15-"));
  if (isRoot) chownSync(folder, NOBODY.uid, NOBODY.gid);
  const ports = await freePorts(serverCount);
  const servers: (ChildProcess | undefined)[] = [];
  const run = (program: string, args: readonly string[]) =>
    execFileSync(join(BIN, program), args, { ...as, stdio: "pipe" }).toString();
  const dataOf = (at: number) => join(folder, `data-${at}`);
  const at = (server: number) => ["-h", folder, "-p", String(ports[server]), "-U", "postgres"];
  const psql = (server: number, sql: string, database = "postgres") =>
    run("psql", [...at(server), "-d", database, "-tAc", sql]).trim();
  const start = async (server: number): Promise<void> => {
    const options = ["-D", dataOf(server), "-p", String(ports[server]), "-k", folder];
    const argv = [...options, "-c", "listen_addresses=127.0.0.1"];
    servers[server] = spawn(join(BIN, "postgres"), argv, { ...as, stdio: "ignore" });
    const answers = async () => {
      try {
        return psql(server, "select 1") === "1";
      } catch {
        return false;
      }
    };
    await until(`PostgreSQL ${server} answers`, answers, 30_000);
  };
  const auth = ["--auth-local=trust", "--auth-host=scram-sha-256"];
  run("initdb", ["-D", dataOf(0), "-U", "postgres", "-E", "UTF8", ...auth]);
  appendFileSync(join(dataOf(0), "pg_hba.conf"), "local replication all trust\n");
  appendFileSync(join(dataOf(0), "postgresql.conf"), "wal_level = replica\nhot_standby = on\n");
  await start(0);
  psql(0, "create role cordon login createrole password 'a secret'");
  psql(0, "create database cordon owner cordon");
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  return {
    url: `postgresql://cordon:a%20secret@${hosts}/cordon?target_session_attrs=read-write`,
    psql,
    start,
    dataOf,
    /** Copies the primary to the second server, without which no commit is answered from then. */
    async replicate(): Promise<void> {
      run("pg_basebackup", [...at(0), "-D", dataOf(1), "-R", "-X", "stream", "-c", "fast"]);
      await start(1);
      psql(0, "alter system set synchronous_standby_names = '*'");
      psql(0, "select pg_reload_conf()");
      const isSynchronous = async () =>
        psql(0, "select sync_state from pg_stat_replication") === "sync";
      await until("the replica is synchronous", isSynchronous, 20_000);
    },
    promote(server: number): void {
      run("pg_ctl", ["promote", "-D", dataOf(server)]);
      psql(server, "alter system set synchronous_standby_names = ''");
      psql(server, "select pg_reload_conf()");
    },
    kill: (server: number) => servers[server]?.kill("SIGKILL"),
    stop(): void {
      for (const server of servers) server?.kill("SIGQUIT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Postgres15 = Awaited<ReturnType<typeof startPostgres15>>;
