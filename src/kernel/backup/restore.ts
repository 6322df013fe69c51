/**
 * Puts a backup in the place of what a machine has. The rows come in one transaction, the files
 * are staged aside and renamed; a note in the data folder says that it is under way until all is
 * done. Nothing of Cordon but its database may run meanwhile.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config.ts";
import type { Connection } from "../store/database.ts";
import { beginLoading, checkMigrations, type Loading } from "./database-load.ts";
import {
  type Comparison,
  compareWithBackup,
  isOlder,
  type KnownState,
  knownState,
  sizesWanted,
} from "./known-state.ts";
import { linkTables } from "./lake-files.ts";
import { beginRestore, endRestore, type RestoreMarker, unfinishedRestore } from "./marker.ts";
import { readBackup, type Verified } from "./read.ts";
import { type RestoredBy, recordRestore } from "./record-restore.ts";
import { BackupError, type Keys, unlock } from "./sealed-file.ts";
import { stagingArea } from "./staging.ts";

export type RestoreParts = {
  readonly config: Config;
  readonly connection: Connection;
  readonly migrationsFolder: string;
  readonly keys: Keys;
  readonly clock: () => number;
  readonly restoredBy: RestoredBy;
  /** What is here may be replaced. */
  readonly replace: boolean;
  /** An older state than the one known may be put back. */
  readonly allowOlder: boolean;
  /** A checkpoint of the audit log that was kept elsewhere. */
  readonly knownCheckpoint?: string | undefined;
};

export type Restored = {
  readonly verified: Verified;
  readonly comparison: Comparison;
  /** Where the former files are, when there were any. */
  readonly aside: string | undefined;
  /** Audited changes that the restored rows do not show. */
  readonly changesLost: number;
};

/** Sessions end: a credential that was revoked after the backup must not come back by it. */
const AFTER_LOADING = [
  "delete from session",
  "delete from role_session",
  "delete from setup_token",
  "delete from join_token",
] as const;

/** Data planes take only what is newer than what they run; they may run a later version. */
const INTENT_STEP = 1_000_000;

/**
 * Restores the file.
 *
 * @throws BackupError when the file is not whole, does not open, or would replace what may not be
 * replaced; then nothing was changed.
 */
export async function restoreBackup(file: string, given: RestoreParts): Promise<Restored> {
  const parts = { ...given, keys: { fileKey: await unlock(file, given.keys) } };
  const { config, connection, knownCheckpoint } = parts;
  const unfinished = unfinishedRestore(config);
  const known = await knownState(config, connection);
  const sizes = sizesWanted(known, knownCheckpoint);
  const verified = await readBackup(file, parts.keys, { sizes });
  await checkMigrations(verified.manifest.migrations, parts.migrationsFolder);
  const comparison =
    unfinished?.comparison ??
    (await compareWithBackup(known, verified, { config, checkpoint: knownCheckpoint }));
  refuseUnlessAllowed(parts, { known, comparison, unfinished });
  const marker: RestoreMarker = unfinished ?? {
    backupId: verified.manifest.backupId,
    startTime: new Date(parts.clock()).toISOString(),
    aside: `before-restore-${new Date(parts.clock()).toISOString().replace(/[:.]/g, "-")}`,
    comparison,
  };
  const staged = join(config.dataFolder, "restore.new");
  await rm(staged, { recursive: true, force: true });
  await mkdir(staged, { recursive: true, mode: 0o700 });
  const loading = await load(file, parts, { verified, staged, comparison });
  try {
    await beginRestore(config, marker);
    await loading.commit();
  } catch (error) {
    await loading.abandon();
    throw error;
  }
  const area = stagingArea(config, { staged, aside: join(config.dataFolder, marker.aside) });
  const moved = await area.putInPlace({ keepAudit: comparison.audit === "kept" });
  const changesLost = await recordRestore({ ...parts, verified, comparison });
  await endRestore(config);
  const aside = join(config.dataFolder, marker.aside);
  if (moved && !known.isEmpty) return { verified, comparison, aside, changesLost };
  // Nothing but what this machine made for its own empty database.
  await rm(aside, { recursive: true, force: true });
  return { verified, comparison, aside: undefined, changesLost };
}

function refuseUnlessAllowed(
  { config, replace, allowOlder }: RestoreParts,
  given: {
    readonly known: KnownState;
    readonly comparison: Comparison;
    readonly unfinished: RestoreMarker | undefined;
  },
): void {
  const { known, comparison, unfinished } = given;
  if (!known.isEmpty && !replace && unfinished === undefined) {
    throw new BackupError(
      `Cannot restore: ${config.dataFolder} or its database holds a state already, with ` +
        `${known.auditSize} audit entries`,
      "restore on an empty machine, or give --replace NAME with the name of the data folder",
    );
  }
  if (!isOlder(comparison) || allowOlder) return;
  const { backupTreeSize, knownTreeSize, olderKeys } = comparison;
  const keys = olderKeys.map(
    ({ account, knownEpoch, epoch }) => `; keys of ${account}: state ${epoch}, known ${knownEpoch}`,
  );
  throw new BackupError(
    `Cannot restore: the backup is older than what is known here: its audit log has ` +
      `${backupTreeSize} entries, known are ${knownTreeSize}${keys.join("")}`,
    "take a newer backup, or give --older: changes since then are lost, and it is recorded",
  );
}

/** Rows into an open transaction, files into the staging folder. */
async function load(
  file: string,
  parts: RestoreParts,
  given: { readonly verified: Verified; readonly staged: string; readonly comparison: Comparison },
): Promise<Loading> {
  const { connection, migrationsFolder, config } = parts;
  const { manifest, end } = given.verified;
  const loading = await beginLoading(connection, { manifest, migrationsFolder });
  try {
    const area = stagingArea(config, { staged: given.staged, aside: "" });
    await readBackup(file, parts.keys, {
      visitor: {
        rows: (table, bytes) => loading.write(table, bytes),
        file: area.writeFile,
        settings: (bytes) => area.writeFile("restored-settings.json", onePart(bytes)),
        audit: area.writeAudit,
      },
    });
    if (manifest.contains.lake) await linkTables(join(given.staged, "lake"));
    await area.sync();
    await loading.finish(end.rows, end.sequences);
    for (const statement of AFTER_LOADING) await loading.query(statement);
    await loading.query("update intent set version = version + $1", [INTENT_STEP]);
    // Positions in spools: they hold only beside the very spools that they count in.
    if (given.comparison.audit !== "kept" && !manifest.contains.spools) {
      await loading.query("delete from spool_cursor");
    }
    return loading;
  } catch (error) {
    await loading.abandon();
    throw error;
  }
}

async function* onePart(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
