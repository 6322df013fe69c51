/**
 * `cordon upgrade --check`: which migrations the next start would run, and whether it may. The
 * upgrade itself is `cordon up` of the newer version.
 */
import { statfsSync } from "node:fs";
import { type Config, migrationsFolder, readConfig } from "../kernel/config.ts";
import { nearestFolder } from "../kernel/health.ts";
import { connectionFor } from "../kernel/postgres/connection.ts";
import type { Connection } from "../kernel/store/database.ts";
import { appliedIn } from "../kernel/store/migrate.ts";
import {
  type MigrationPlan,
  migrationFiles,
  planMigrations,
  purposeOf,
} from "../kernel/store/plan-migrations.ts";
import { connectPrimary } from "../kernel/store/primary.ts";
import { programVersion } from "../kernel/version.ts";
import { holding, isRunning, withDatabase } from "./backup/at-rest.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { withShortRunFolder } from "./up/folders.ts";

const MEBIBYTE = 1024 * 1024;
/** A backup and the new rows beside the old ones; more than enough for what migrations do. */
const SPACE_FACTOR = 2;

type Outlook = {
  readonly plan: MigrationPlan;
  readonly databaseVersion: string;
  readonly databaseBytes: number;
  readonly freeBytes: number;
};

/** @returns 0 when the next start may upgrade (or has nothing to do), else 1. */
export async function upgrade(args: readonly string[]): Promise<ExitStatus> {
  const words = args.join(" ").replace("--output=", "--output ");
  if (!/^--check(?: --output (?:json|table))?$/.test(words)) {
    throw new CommandError(`Cannot read "${words}": upgrade takes --check`, {
      fix: "the upgrade itself: stop Cordon, put the newer version in place, ./cordon up",
      status: EXIT.usage,
    });
  }
  const config = withShortRunFolder(readConfig(process.env));
  const outlook =
    isRunning(config) || config.databaseUrl !== undefined
      ? await look(config, connectionFor(config))
      : await holding(config, () => withDatabase(config, (at) => look(config, at)));
  const problems = problemsOf(outlook);
  if (words.endsWith("json")) printJson(outlook, problems);
  else process.stdout.write(told(outlook, problems));
  return problems.length === 0 ? EXIT.ok : EXIT.problem;
}

async function look(config: Config, connection: Connection): Promise<Outlook> {
  const client = await connectPrimary(connection);
  try {
    const plan = planMigrations(await migrationFiles(migrationsFolder), await appliedIn(client));
    const { rows } = await client.query<{ version: string; bytes: string }>(
      `select current_setting('server_version') as version,
         pg_database_size(current_database()) as bytes`,
    );
    const { bavail, bsize } = statfsSync(nearestFolder(config.backup.folder));
    return {
      plan,
      databaseVersion: rows[0]?.version ?? "unknown",
      databaseBytes: Number(rows[0]?.bytes ?? 0),
      freeBytes: bavail * bsize,
    };
  } finally {
    await client.end();
  }
}

function problemsOf({ plan, databaseBytes, freeBytes }: Outlook): readonly string[] {
  if (plan.refusal !== undefined) return [plan.refusal];
  if (plan.pending.length === 0 || freeBytes >= SPACE_FACTOR * databaseBytes) return [];
  return [
    `The disk of the backups has ${mebibytes(freeBytes)} free, wanted are ` +
      `${mebibytes(SPACE_FACTOR * databaseBytes)}: the upgrade begins with a backup`,
  ];
}

function told(outlook: Outlook, problems: readonly string[]): string {
  const { plan, databaseVersion, databaseBytes, freeBytes } = outlook;
  const lines = [
    `Cordon ${programVersion()}, PostgreSQL ${databaseVersion}, ` +
      `database ${mebibytes(databaseBytes)}, ${mebibytes(freeBytes)} free for the backup.`,
    `Applied: ${plan.applied.length} migrations${plan.applied.length > 0 ? `, the newest ${plan.applied.at(-1)}` : ""}.`,
    plan.pending.length === 0
      ? "Nothing to do: the schema is this version's."
      : `The next start backs up, then runs ${plan.pending.length}:`,
    ...plan.pending.map((file) => `  ${file.name}  ${purposeOf(file)}`),
    ...problems.map((problem) => `REFUSED  ${problem}`),
  ];
  return `${lines.join("\n")}\n`;
}

function printJson(outlook: Outlook, problems: readonly string[]): void {
  const { plan, ...rest } = outlook;
  const pending = plan.pending.map((file) => ({ name: file.name, purpose: purposeOf(file) }));
  const answer = {
    ok: problems.length === 0,
    version: programVersion(),
    ...rest,
    applied: plan.applied,
    pending,
    problems,
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / MEBIBYTE)} MiB`;
}
