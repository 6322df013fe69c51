/** Backups that the control plane makes: on schedule, by hand, and before an upgrade. */
import { type BackupKind, keepBackup, waysOf } from "../kernel/backup/kept.ts";
import { passphraseIn } from "../kernel/backup/passphrase-file.ts";
import type { Locks } from "../kernel/backup/sealed-file.ts";
import { configEnvironment } from "../kernel/config.ts";
import type { KeydClient } from "../kernel/keyd/client.ts";
import { StartError } from "../kernel/process/daemon.ts";
import { messageOf } from "../kernel/process/text.ts";
import type { Connection, Database } from "../kernel/store/database.ts";
import type { MigrationFile } from "../kernel/store/plan-migrations.ts";
import type { BackupParts } from "../services/backup/service.ts";
import { clock, config, log, VERSION } from "./settings.ts";

/** Upgrades keep the states before the last so many. */
const UPGRADES_KEPT = 5;

/** What the service and its job are given. */
export function backupParts({
  database,
  connection,
  keyd,
}: {
  readonly database: Database;
  readonly connection: Connection;
  readonly keyd: KeydClient;
}): BackupParts {
  return {
    ...{ database, config, clock },
    opensWith: async () => waysOf(await locksNow(keyd)),
    make: (kind, keep) => make({ connection, keyd }, { kind, keep }),
  };
}

/**
 * The state as it was, before migrations change it.
 *
 * @throws StartError when it cannot be kept; then nothing is migrated.
 */
export async function backupBeforeUpgrade(
  parts: { readonly connection: Connection; readonly keyd: KeydClient },
  pending: readonly MigrationFile[],
): Promise<void> {
  if (process.env.CORDON_UPGRADE_WITHOUT_BACKUP === "yes") {
    log({
      level: "warning",
      message: "upgrading without a backup, as CORDON_UPGRADE_WITHOUT_BACKUP says",
    });
    return;
  }
  try {
    const { name } = await make(parts, { kind: "upgrade", keep: UPGRADES_KEPT });
    log({ level: "info", message: "backup before the upgrade", name, pending: pending.length });
  } catch (error) {
    throw new StartError(`Cannot upgrade without a backup: ${messageOf(error)}`, {
      fix:
        "set CORDON_BACKUP_PASSPHRASE_FILE, or make one by ./cordon backup create FILE and start " +
        "once with CORDON_UPGRADE_WITHOUT_BACKUP=yes",
      permanent: true,
    });
  }
}

async function make(
  { connection, keyd }: { readonly connection: Connection; readonly keyd: KeydClient },
  kept: { readonly kind: BackupKind; readonly keep: number },
) {
  return keepBackup(
    {
      ...{ config, connection, clock },
      locks: await locksNow(keyd),
      version: VERSION,
      settings: configEnvironment(config),
      withEvents: false,
    },
    kept,
  );
}

/** The passphrase of the settings, and the root while it is open. */
async function locksNow(keyd: KeydClient): Promise<Locks> {
  const { passphraseFile } = config.backup;
  const passphrase = passphraseFile === undefined ? undefined : await passphraseIn(passphraseFile);
  const health = await keyd.health().catch(() => undefined);
  const isOpen = health?.state === "ready";
  const wrapByRoot = (fileKey: Buffer) => keyd.wrapBackupKey(fileKey);
  const rootIsDevice = health !== undefined && health.root !== "software";
  return { passphrase, wrapByRoot: isOpen ? wrapByRoot : undefined, rootIsDevice };
}
