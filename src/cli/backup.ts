/** `cordon backup create | verify | restore FILE`. */
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { basename, join, resolve } from "node:path";
import { createBackup } from "../kernel/backup/create.ts";
import { readCheckpointFile } from "../kernel/backup/known-state.ts";
import { readBackup, type Verified } from "../kernel/backup/read.ts";
import { type Restored, restoreBackup } from "../kernel/backup/restore.ts";
import { BackupError, type Keys, locksOf } from "../kernel/backup/sealed-file.ts";
import { type Config, configEnvironment, migrationsFolder, readConfig } from "../kernel/config.ts";
import type { KeydClient } from "../kernel/keyd/client.ts";
import { connectionFor } from "../kernel/postgres/connection.ts";
import type { Connection } from "../kernel/store/database.ts";
import { programVersion } from "../kernel/version.ts";
import {
  askingKeyd,
  holding,
  isRunning,
  withDatabase,
  withDeviceAlone,
  withOwnKeyd,
} from "./backup/at-rest.ts";
import { type BackupOptions, keysGiven, newPassphrase, readOptions } from "./backup/options.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { withShortRunFolder } from "./up/folders.ts";

const OPENING = ["--passphrase-file", "--passphrase", "--shares-file", "--shares"] as const;

/** Writes a new file; Cordon may run or not. */
export async function backupCreate(args: readonly string[]): Promise<ExitStatus> {
  const flags = ["--passphrase-file", "--passphrase", "--events"] as const;
  const options = readOptions(args, { verb: "create", flags });
  const config = withShortRunFolder(readConfig(process.env));
  return explained(async () => {
    const file = resolve(options.file);
    const passphrase = await newPassphrase(options, config);
    const create = (connection: Connection, wrapByRoot: WrapByRoot) =>
      createBackup(file, {
        config,
        connection,
        locks: { passphrase, wrapByRoot },
        version: programVersion(),
        clock: Date.now,
        settings: configEnvironment(config),
        withEvents: options.has("--events"),
      });
    const created = isRunning(config)
      ? await beside(config, options, create)
      : await holding(config, () =>
          withOwnKeyd(config, async (keyd) => {
            const wrap = await wrapperOf(keyd);
            return withDatabase(config, (connection) => create(connection, wrap));
          }),
        );
    const { manifest, end, bytes } = created;
    const locks = await locksOf(file);
    if (options.json) printJson({ file, bytes, ...manifest, ...end, opensWith: waysOf(locks) });
    else {
      process.stdout.write(
        `${file}: ${bytes} bytes, ${rowsOf(end.rows)} rows of ${manifest.tables.length} tables, ` +
          `${end.audit.size} audit entries, ${end.files} files.\n` +
          `It opens with ${waysOf(locks).join(" or ")}. ` +
          `${options.has("--events") ? "Events are in it" : "Events (lake, spools) are not in it"}.\n`,
      );
    }
    return EXIT.ok;
  });
}

/** Reads all of it and checks everything; needs nothing of this machine but what opens it. */
export async function backupVerify(args: readonly string[]): Promise<ExitStatus> {
  const options = readOptions(args, { verb: "verify", flags: OPENING });
  const config = withShortRunFolder(readConfig(process.env));
  return explained(async () => {
    const keys = await keysFor(config, options);
    const verified = await readBackup(options.file, keys);
    if (options.json) printJson(verdictOf(options.file, verified));
    else {
      const { manifest, end } = verified;
      process.stdout.write(
        `${options.file} is whole: made ${manifest.createTime} by Cordon ${manifest.version}, ` +
          `${rowsOf(end.rows)} rows of ${manifest.tables.length} tables, ` +
          `${end.audit.size} audit entries (root ${end.audit.root.slice(0, 16)}…), ` +
          `${end.files} files.\n`,
      );
    }
    return EXIT.ok;
  });
}

/** Puts the file in the place of what is here. Cordon must not run. */
export async function backupRestore(args: readonly string[]): Promise<ExitStatus> {
  const flags = [...OPENING, "--replace", "--older", "--known-checkpoint"] as const;
  const options = readOptions(args, { verb: "restore", flags });
  const config = withShortRunFolder(readConfig(process.env));
  const name = options.valueOf("--replace");
  if (name !== undefined && name !== basename(config.dataFolder)) {
    throw new CommandError(`Cannot replace: "${name}" is not the name of the data folder`, {
      fix: `the data folder is ${config.dataFolder}: --replace ${basename(config.dataFolder)}`,
      status: EXIT.usage,
    });
  }
  return explained(() =>
    holding(config, async () => {
      const keys = await keysFor(config, options, { held: true });
      const checkpoint = options.valueOf("--known-checkpoint");
      const knownCheckpoint =
        checkpoint === undefined ? undefined : await readCheckpointFile(checkpoint);
      const { uid, username } = userInfo();
      const restored = await withDatabase(config, (connection) =>
        restoreBackup(options.file, {
          ...{ config, connection, migrationsFolder, keys, clock: Date.now, knownCheckpoint },
          restoredBy: { userId: uid, userName: username },
          replace: name !== undefined,
          allowOlder: options.has("--older"),
        }),
      );
      if (options.json)
        printJson({ ...verdictOf(options.file, restored.verified), ...factsOf(restored) });
      else process.stdout.write(told(restored));
      return EXIT.ok;
    }),
  );
}

type WrapByRoot = ((fileKey: Buffer) => Promise<Buffer>) | undefined;

/** Beside a running Cordon: its database and its keyd. */
async function beside<Result>(
  config: Config,
  options: BackupOptions,
  create: (connection: Connection, wrapByRoot: WrapByRoot) => Promise<Result>,
): Promise<Result> {
  if (options.has("--events")) {
    throw new CommandError("Cannot copy events while Cordon runs: they are written all the time", {
      fix: "stop it with ./cordon down, or leave --events out",
      status: EXIT.conflict,
    });
  }
  return askingKeyd(config, async (keyd) => create(connectionFor(config), await wrapperOf(keyd)));
}

/** Undefined while the root is sealed: then the passphrase alone opens the file. */
async function wrapperOf(keyd: KeydClient): Promise<WrapByRoot> {
  const health = await keyd.health().catch(() => undefined);
  return health?.state === "ready" ? (fileKey) => keyd.wrapBackupKey(fileKey) : undefined;
}

/** What was given; when that is nothing, the root of this very machine, or of its device. */
async function keysFor(
  config: Config,
  options: BackupOptions,
  { held = false }: { readonly held?: boolean } = {},
): Promise<Keys> {
  const given = await keysGiven(options, config);
  if (given.passphrase !== undefined || given.root !== undefined) return given;
  const { wrappedByRoot } = await locksOf(options.file);
  const hasRoot = ["root.json", "root-in-use.json"].some((name) =>
    existsSync(join(config.folders.keys, name)),
  );
  const isInDevice = !hasRoot && (process.env.CORDON_PKCS11_KEY_ID ?? "") !== "";
  if (wrappedByRoot === undefined || !(hasRoot || isInDevice)) return {};
  const unwrap = (keyd: KeydClient) => keyd.unwrapBackupKey(wrappedByRoot).catch(() => undefined);
  const own = () => (isInDevice ? withDeviceAlone(unwrap) : withOwnKeyd(config, unwrap));
  const fileKey =
    isRunning(config) && !held
      ? await askingKeyd(config, unwrap)
      : await (held ? own() : holding(config, own));
  return { unwrapByRoot: async () => (fileKey === undefined ? undefined : Buffer.from(fileKey)) };
}

function told({ verified, comparison, aside, changesLost }: Restored): string {
  const { manifest, end } = verified;
  const lines = [
    `Restored: the state of ${manifest.createTime}, ${rowsOf(end.rows)} rows of ` +
      `${manifest.tables.length} tables, ${end.files} files.`,
    `Audit log: ${LOGS[comparison.audit]}; an entry tells of this restore ` +
      `(backup ${comparison.backupTreeSize} entries, known ${comparison.knownTreeSize}).`,
  ];
  if (changesLost > 0) lines.push(`${changesLost} audited changes are not in the restored state.`);
  if (aside !== undefined)
    lines.push(`The former files are in ${aside}; remove them when all is well.`);
  lines.push("All console sessions have ended. Next: ./cordon up, then ./cordon keys status");
  return `${lines.join("\n")}\n`;
}

const LOGS = {
  kept: "the longer one of this machine was kept",
  replaced: "the one of the backup",
  foreign: "the one of the backup; the other one that was here is with the former files",
} as const;

function factsOf({ comparison, aside, changesLost }: Restored) {
  return { comparison, aside: aside ?? null, changesLost };
}

function verdictOf(file: string, { manifest, end }: Verified) {
  return { ok: true, file, ...manifest, ...end };
}

function waysOf(locks: { passphrase: boolean; wrappedByRoot: Buffer | undefined }): string[] {
  return [
    ...(locks.passphrase ? ["its passphrase"] : []),
    ...(locks.wrappedByRoot === undefined
      ? []
      : ["the root of trust (its recovery shares, or its device)"]),
  ];
}

function rowsOf(rows: Readonly<Record<string, number>>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** A backup's own errors as the command line tells them. */
async function explained(run: () => Promise<ExitStatus>): Promise<ExitStatus> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof BackupError)) throw error;
    throw new CommandError(error.message, { fix: error.fix });
  }
}
