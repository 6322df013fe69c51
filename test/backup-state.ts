/** What the tests of backups look at: every row of a stopped Cordon, and commands with an input. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { type Config, migrationsFolder, programFolder, readConfig } from "../src/kernel/config.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { postgresChild } from "../src/kernel/postgres/server.ts";
import { createChild } from "../src/kernel/process/child.ts";
import { freePorts } from "./stack.ts";

export type Outcome = { readonly code: number; readonly text: string };

/** One command of the command line, with lines on its standard input. */
export function cordon(
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  input = "",
): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const main = join(programFolder, "src", "cli", "main.ts");
  const child = spawn(process.execPath, [main, ...args], { env, stdio: "pipe" });
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => {
    text += bytes.toString("utf8");
  });
  child.stderr.on("data", (bytes: Buffer) => {
    text += bytes.toString("utf8");
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  child.on("close", (code) => resolve({ code: code ?? -1, text }));
  return promise;
}

/** The same settings for another, empty data folder. */
export async function elsewhere(
  env: Readonly<Record<string, string>>,
  dataFolder: string,
): Promise<Record<string, string>> {
  const [console = 0, fleet = 0, http = 0, https = 0] = await freePorts(4);
  return {
    ...env,
    CORDON_DATA: dataFolder,
    CORDON_CONSOLE_PORT: String(console),
    CORDON_FLEET_PORT: String(fleet),
    CORDON_GATEWAY_HTTP_PORT: String(http),
    CORDON_GATEWAY_HTTPS_PORT: String(https),
  };
}

/** Runs `work` with the embedded database of a Cordon that does not run. */
export async function withRows<Result>(
  dataFolder: string,
  work: (client: pg.Client, config: Config) => Promise<Result>,
): Promise<Result> {
  const config = readConfig({ CORDON_DATA: dataFolder });
  mkdirSync(config.folders.logs, { recursive: true });
  const child = createChild(postgresChild(config), {
    onChange: () => {},
    onProgress: () => {},
    logsFolder: config.folders.logs,
  });
  await child.start();
  const client = new pg.Client({ ...connectionFor(config) });
  await client.connect();
  try {
    return await work(client, config);
  } finally {
    await client.end();
    await child.stop();
  }
}

export type TableState = { readonly rows: number; readonly hash: string };

/** Every table with its number of rows and the hash of all of them, whatever their order. */
export async function tableStates(client: pg.Client): Promise<Record<string, TableState>> {
  const { rows: tables } = await client.query<{ name: string; hidden: boolean }>(
    `select relname as name, relrowsecurity as hidden from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace order by relname`,
  );
  const states: Record<string, TableState> = {};
  for (const { name, hidden } of tables) {
    await client.query(hidden ? "set role cordon_system" : "reset role");
    const { rows } = await client.query<{ text: string }>(
      `select t::text as text from ${pg.escapeIdentifier(name)} t order by 1`,
    );
    const hash = createHash("sha256");
    for (const { text } of rows) hash.update(text).update("\n");
    states[name] = { rows: rows.length, hash: hash.digest("hex") };
  }
  await client.query("reset role");
  return states;
}

/** The migrations up to and with `last`, in a folder of their own: the program as it was then. */
export function migrationsUntil(last: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(migrationsFolder)) {
    if (name.slice(0, 4) <= last) copyFileSync(join(migrationsFolder, name), join(folder, name));
  }
  return folder;
}

/** Rows that people would miss, in tables of the first migrations. */
export async function fill(client: pg.Client, count: number): Promise<void> {
  await client.query("set role cordon_system");
  await client.query(
    `insert into account (account_id, name, operator, create_time)
     values ('acc-aaaaaaaaaa', 'main', true, now())`,
  );
  await client.query(
    `insert into iam_user (account_id, user_id, name, password_hash, create_time)
     select 'acc-aaaaaaaaaa', 'user-' || n, E'name\\t\\n\\\\' || n, 'hash', now()
     from generate_series(1, $1::int) n`,
    [count],
  );
  await client.query(
    `insert into outbox (account_id, event)
     select 'acc-aaaaaaaaaa', jsonb_build_object('n', n, 'text', repeat('ü', 200))
     from generate_series(1, $1::int) n`,
    [count],
  );
  await client.query("reset role");
}
