/** Checks that ask a database which runs: its schema, certificates that end, nodes that lag. */

import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { type Config, migrationsFolder } from "../kernel/config.ts";
import { connectionFor } from "../kernel/postgres/connection.ts";
import { appliedIn } from "../kernel/store/migrate.ts";
import { migrationFiles, planMigrations } from "../kernel/store/plan-migrations.ts";
import { connectPrimary } from "../kernel/store/primary.ts";
import { isRunning } from "./backup/at-rest.ts";
import { type Check, type Finding, off, on, warning } from "./doctor-check.ts";

const DAY_MS = 86_400_000;
const CERTIFICATE_DAYS_MIN = 14;
const AUTHORITY_DAYS_MIN = 90;
/** A node is asked for at least every 25 s. */
const SILENT_SECONDS = 75;
const CONNECT_MAX_MS = 5_000;

export const DATABASE_CHECKS: readonly Check[] = [
  { name: "schema", needed: true, run: (config) => asking(config, schema) },
  { name: "certificates", needed: false, run: (config) => certificates(config, Date.now()) },
  { name: "node-lag", needed: false, run: (config) => asking(config, nodeLag) },
];

/** Only a database that runs is asked: the doctor starts nothing. */
async function asking(
  config: Config,
  ask: (client: pg.Client) => Promise<Finding>,
): Promise<Finding> {
  if (config.databaseUrl === undefined && !isRunning(config)) return on("Cordon does not run");
  const client = await connectPrimary(connectionFor(config), {
    connectionTimeoutMillis: CONNECT_MAX_MS,
  });
  try {
    return await ask(client);
  } finally {
    await client.end();
  }
}

async function schema(client: pg.Client): Promise<Finding> {
  const files = await migrationFiles(migrationsFolder);
  const { applied, pending, refusal } = planMigrations(files, await appliedIn(client));
  if (refusal !== undefined) return off(refusal, "see ./cordon upgrade --check");
  if (pending.length === 0) return on(`${applied.length} migrations, none is missing`);
  const why = `${pending.length} migrations run at the next start`;
  return applied.length === 0 ? on(why) : warning(why, "see ./cordon upgrade --check");
}

/** @param nowMs milliseconds since 1970. */
async function certificates(config: Config, nowMs: number): Promise<Finding> {
  const file = join(config.folders.keys, "authority.pem");
  const daysTo = (time: string | Date) => Math.floor((Number(new Date(time)) - nowMs) / DAY_MS);
  if (existsSync(file)) {
    const { validTo } = new X509Certificate(readFileSync(file));
    const days = daysTo(validTo);
    if (days < AUTHORITY_DAYS_MIN) {
      return warning(`Cordon's own authority ends in ${days} days`, "see docs/operating.md");
    }
  }
  return asking(config, async (client) => {
    await client.query("begin read only; set local role cordon_system");
    const { rows } = await client.query<{ expire: Date | null; count: string }>(
      `select min(expire_time) as expire, count(*) as count from (
         select expire_time from site_certificate
         union all select c.expire_time from certificate c
           join certificate_binding b using (certificate_id)) as served`,
    );
    const { expire = null, count = "0" } = rows[0] ?? {};
    if (expire === null) return on("no site serves a certificate yet");
    const days = daysTo(expire);
    const why = `the first of ${count} served certificates ends in ${days} days`;
    if (days >= CERTIFICATE_DAYS_MIN) return on(why);
    return warning(why, "see ./cordon certificates certificate list");
  });
}

async function nodeLag(client: pg.Client): Promise<Finding> {
  await client.query("begin read only; set local role cordon_system");
  const { rows } = await client.query<{ name: string; silent: boolean; behind: string }>(
    `select node.name, coalesce(last_seen_time < now() - make_interval(secs => $1), true) as silent,
       coalesce(intent.version, 0) - running_version as behind
     from node left join intent on intent.plane = node.plane`,
    [SILENT_SECONDS],
  );
  const late = rows.filter(({ silent, behind }) => silent || Number(behind) > 0);
  if (late.length === 0) return on(`${rows.length} nodes run what they should`);
  const names = late.map(({ name, silent }) => `${name} (${silent ? "silent" : "behind"})`);
  return warning(
    `${late.length} of ${rows.length} nodes: ${names.join(", ")}`,
    "see ./cordon logs",
  );
}
