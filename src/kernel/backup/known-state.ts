/**
 * What a machine knows already, compared with what a backup holds: whether a restore would put
 * back an older state, and whether the audit log here goes on from the one in the backup.
 */
import { createPublicKey } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../../engines/tlog/checkpoint.ts";
import { measureLog } from "../audit-log/read-files.ts";
import { readIfThere } from "../audit-log/tile-files.ts";
import type { Config } from "../config.ts";
import type { Connection } from "../store/database.ts";
import { connectForCopy } from "./database-snapshot.ts";
import { epochOf, readHeads } from "./key-files.ts";
import type { Verified } from "./read.ts";
import { BackupError } from "./sealed-file.ts";

/** An account whose keys were changed since the backup. */
export type OlderKeys = {
  readonly account: string;
  readonly knownEpoch: number;
  readonly epoch: number;
};

export type KnownState = {
  /** Nothing here would be lost. */
  readonly isEmpty: boolean;
  readonly auditSize: number;
  readonly auditKey: string;
  readonly epochs: ReadonlyMap<string, number>;
};

export type Comparison = {
  /**
   * `kept`: the log here begins with the backup's and stays. `replaced`: it gives way, because
   * the backup's goes on from it (or there is none). `foreign`: it is another log and gives way.
   */
  readonly audit: "kept" | "replaced" | "foreign";
  readonly backupTreeSize: number;
  /** The largest log known of: here, or signed by a checkpoint that was kept elsewhere. */
  readonly knownTreeSize: number;
  readonly olderKeys: readonly OlderKeys[];
};

/** What is here before anything is changed. */
export async function knownState(config: Config, connection: Connection): Promise<KnownState> {
  const { audit, keys } = config.folders;
  const { size } = await measureLog(audit);
  const publicKey = await readIfThere(join(keys, "audit.pub"));
  const epochs = new Map<string, number>();
  for (const [name, bytes] of await readHeads(keys))
    epochs.set(accountOf(name), epochOf(bytes) ?? 0);
  const roots = ["root.json", "root-in-use.json"].some((name) => existsSync(join(keys, name)));
  const hasKeys = roots || (await namesIn(join(keys, "accounts"))).length > 0;
  const isEmpty = size === 0 && !hasKeys && !(await hasRows(connection));
  return { isEmpty, auditSize: size, auditKey: publicKey?.toString("utf8") ?? "", epochs };
}

/**
 * Compares them.
 *
 * @param given.checkpoint a signed checkpoint of the log that was kept elsewhere.
 * @throws BackupError when that checkpoint is of another log than the backup's.
 */
export async function compareWithBackup(
  known: KnownState,
  verified: Verified,
  given: { readonly config: Config; readonly checkpoint?: string | undefined },
): Promise<Comparison> {
  const { size, root } = verified.end.audit;
  const witnessed = witnessedSize(verified, given.checkpoint);
  const knownTreeSize = Math.max(known.auditSize, witnessed);
  const olderKeys = await olderKeysOf(known, verified);
  const base = { backupTreeSize: size, knownTreeSize, olderKeys };
  if (known.auditSize === 0) return { audit: "replaced", ...base };
  if (known.auditKey !== verified.auditPublicKey) return { audit: "foreign", ...base };
  const here = await measureLog(given.config.folders.audit, Math.min(size, known.auditSize));
  if (known.auditSize >= size) {
    const goesOn = here.rootAt?.toString("hex") === root;
    return { audit: goesOn ? "kept" : "foreign", ...base };
  }
  const before = verified.roots.get(known.auditSize);
  return { audit: before === here.root.toString("hex") ? "replaced" : "foreign", ...base };
}

/** True when what is known is newer than what the backup holds. */
export function isOlder(comparison: Comparison): boolean {
  const { backupTreeSize, knownTreeSize, olderKeys } = comparison;
  return knownTreeSize > backupTreeSize || olderKeys.length > 0;
}

/** Sizes of the log at which a comparison wants the backup's root. */
export function sizesWanted(known: KnownState, checkpoint: string | undefined): number[] {
  const size = sizeIn(checkpoint);
  return [known.auditSize, ...(size === undefined ? [] : [size])];
}

function sizeIn(note: string | undefined): number | undefined {
  const size = Number(note?.split("\n")[1]);
  return Number.isSafeInteger(size) ? size : undefined;
}

function witnessedSize(verified: Verified, note: string | undefined): number {
  if (note === undefined) return 0;
  const opened = openCheckpoint(note, createPublicKey(verified.auditPublicKey));
  if (!opened.ok) {
    throw new BackupError(
      `Cannot use the known checkpoint: ${opened.reason}`,
      "take a checkpoint of this very log",
    );
  }
  const { size, root } = opened.checkpoint;
  const here = verified.roots.get(size);
  if (here === undefined || here === root.toString("hex")) return size;
  throw new BackupError(
    "Cannot restore: the audit log in the backup is not the one that the known checkpoint signs",
    "one of the two was forged or belongs to another Cordon; find out which before you go on",
  );
}

async function olderKeysOf(known: KnownState, verified: Verified): Promise<OlderKeys[]> {
  return [...known.epochs].flatMap(([account, knownEpoch]) => {
    const epoch = verified.epochs.get(account) ?? 0;
    return epoch < knownEpoch ? [{ account, knownEpoch, epoch }] : [];
  });
}

/** The account of a head's file name. */
export function accountOf(name: string): string {
  return name.replace(/\.head$/, "");
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return existsSync(folder) ? readdir(folder) : [];
}

/** Whether the database holds an account: only then is there something to lose. */
async function hasRows(connection: Connection): Promise<boolean> {
  const client = await connectForCopy(connection);
  try {
    const { rows: there } = await client.query<{ there: boolean }>(
      "select to_regclass('account') is not null as there",
    );
    if (there[0]?.there !== true) return false;
    await client.query("begin; set local role cordon_system");
    const { rows } = await client.query("select from account limit 1");
    return rows.length > 0;
  } finally {
    await client.end();
  }
}

/** The known checkpoint's text. @throws BackupError when it cannot be read. */
export async function readCheckpointFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new BackupError(`Cannot read ${file}: ${String(error)}`);
  }
}
