/** What a backup says of itself: its first entry, written before, and its last, written after. */
import { BackupError } from "./sealed-file.ts";

/** Of the archive inside; a file of another is refused. */
export const FORMAT = 1;
export const MANIFEST = "manifest.json";
export const END = "end.json";
export const MANIFEST_BYTES_MAX = 4_194_304;

export type Migration = { readonly name: string; readonly sha256: string };

export type TableCopy = { readonly name: string; readonly columns: readonly string[] };

export type Manifest = {
  readonly format: number;
  readonly backupId: string;
  /** RFC 3339. */
  readonly createTime: string;
  /** Of Cordon, and of the PostgreSQL that was read. */
  readonly version: string;
  readonly databaseVersion: string;
  readonly migrations: readonly Migration[];
  readonly tables: readonly TableCopy[];
  /** pg_snapshot as text: which transactions the rows show. */
  readonly snapshot: string;
  /** Entries that the audit log surely had when the rows were read. */
  readonly auditSizeBefore: number;
  readonly contains: { readonly lake: boolean; readonly spools: boolean };
};

export type Sequence = { readonly name: string; readonly last: string; readonly called: boolean };

export type End = {
  readonly rows: Readonly<Record<string, number>>;
  readonly sequences: readonly Sequence[];
  readonly audit: { readonly size: number; readonly root: string };
  readonly files: number;
};

/** @throws BackupError when it is of a newer format. */
export function parseManifest(bytes: Buffer): Manifest {
  // Authenticated by the file's key: it is what `createBackup` wrote.
  const manifest = JSON.parse(bytes.toString("utf8")) as Manifest;
  if (manifest.format === FORMAT) return manifest;
  throw new BackupError(
    `Cannot read the backup: it is of format ${manifest.format}, this Cordon reads ${FORMAT}`,
    "use the version of Cordon that made it, or a newer one",
  );
}

/** True when the rows show what this transaction changed (pg_visible_in_snapshot). */
export function isVisible(snapshot: string, transactionId: string): boolean {
  const [minText = "0", maxText = "0", running = ""] = snapshot.split(":");
  const id = BigInt(transactionId);
  if (id < BigInt(minText)) return true;
  return id < BigInt(maxText) && !running.split(",").includes(transactionId);
}
