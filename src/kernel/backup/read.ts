/**
 * One pass over a backup from its first byte to its last, with every check there is; what is done
 * with the contents is the visitor's. Verifying is a pass with no visitor.
 */
import { createPublicKey } from "node:crypto";
import { openCheckpoint } from "../../engines/tlog/checkpoint.ts";
import { emptyFrontier, extendFrontier, frontierRoot } from "../../engines/tlog/frontier.ts";
import { leafHash } from "../../engines/tlog/merkle.ts";
import { decodeEntryBundle, ENTRY_BYTES_MAX, TILE_WIDTH } from "../../engines/tlog/tile.ts";
import { type ArchiveEntry, readArchive, wholeEntry } from "./archive.ts";
import { epochOf } from "./key-files.ts";
import {
  END,
  type End,
  MANIFEST,
  MANIFEST_BYTES_MAX,
  type Manifest,
  parseManifest,
  type TableCopy,
} from "./manifest.ts";
import { asBackupError, BackupError, type Keys, openSealed } from "./sealed-file.ts";

export type Visitor = {
  readonly manifest?: (manifest: Manifest) => Promise<void>;
  readonly settings?: (bytes: Buffer) => Promise<void>;
  /** Rows of a table in COPY's text format. */
  readonly rows?: (table: TableCopy, bytes: Buffer) => Promise<void>;
  /** A file of `keys`, `rules`, `lake` or `spool`; must be read to its end. */
  readonly file?: (path: string, bytes: AsyncIterable<Buffer>) => Promise<void>;
  /** Audit entries in order, from `first` on. */
  readonly audit?: (entries: readonly Buffer[], first: number) => Promise<void>;
};

export type Verified = {
  readonly manifest: Manifest;
  readonly end: End;
  readonly checkpoint: { readonly note: string; readonly size: number } | undefined;
  /** PEM; the key that signs the log's checkpoints. */
  readonly auditPublicKey: string;
  /** By account, of keyd's record. */
  readonly epochs: ReadonlyMap<string, number>;
  /** Roots of the log at the sizes asked for, hexadecimal. */
  readonly roots: ReadonlyMap<number, string>;
};

const ROWS_BYTES_MAX = 268_435_456;
const BUNDLE_BYTES_MAX = TILE_WIDTH * (ENTRY_BYTES_MAX + 2);
const CHECKPOINT_BYTES_MAX = 16_384;
const AUDIT_KEY = "keys/audit.pub";
const HEAD = /^keys\/heads\/([^/]+)\.head$/;
const FILE_KINDS = /^(?:keys|rules|lake|spool)\//;

type Pass = {
  readonly visitor: Visitor;
  /** Sizes of the log at which its root is noted. */
  readonly sizes: Set<number>;
  manifest: Manifest | undefined;
  end: End | undefined;
  checkpoint: { note: string; size: number; root: string } | undefined;
  auditPublicKey: string;
  rows: Record<string, number>;
  files: number;
  epochs: Map<string, number>;
  frontier: typeof emptyFrontier;
  roots: Map<number, string>;
};

/**
 * Reads all of it.
 *
 * @param sizes of the audit log at which its root is wanted.
 * @throws BackupError at the first byte that is not what was written, and at anything missing.
 */
export async function readBackup(
  file: string,
  keys: Keys,
  { visitor = {}, sizes = [] }: { visitor?: Visitor; sizes?: readonly number[] } = {},
): Promise<Verified> {
  const pass: Pass = {
    visitor,
    sizes: new Set(sizes),
    manifest: undefined,
    end: undefined,
    checkpoint: undefined,
    auditPublicKey: "",
    rows: {},
    files: 0,
    epochs: new Map(),
    frontier: emptyFrontier,
    roots: new Map(),
  };
  try {
    noteRoot(pass);
    await readArchive(await openSealed(file, keys), (entry) => takeEntry(pass, entry));
    return finished(pass);
  } catch (error) {
    throw asBackupError(file, error);
  }
}

async function takeEntry(pass: Pass, entry: ArchiveEntry): Promise<void> {
  const { name } = entry;
  if (pass.end !== undefined) throw unexpected(name);
  if (name === MANIFEST && pass.manifest === undefined) {
    pass.manifest = parseManifest(await wholeEntry(entry, MANIFEST_BYTES_MAX));
    return pass.visitor.manifest?.(pass.manifest);
  }
  if (pass.manifest === undefined) throw unexpected(name);
  if (name === END) {
    // Authenticated by the file's key: it is what `createBackup` wrote.
    pass.end = JSON.parse((await wholeEntry(entry, MANIFEST_BYTES_MAX)).toString("utf8")) as End;
    return;
  }
  if (name === "settings.json") {
    const bytes = await wholeEntry(entry, MANIFEST_BYTES_MAX);
    return pass.visitor.settings?.(bytes);
  }
  if (name.startsWith("database/")) return takeRows(pass, entry, pass.manifest);
  if (name === "audit/checkpoint") {
    return takeCheckpoint(pass, (await wholeEntry(entry, CHECKPOINT_BYTES_MAX)).toString("utf8"));
  }
  if (name.startsWith("audit/")) return takeAudit(pass, entry);
  if (!FILE_KINDS.test(name)) throw unexpected(name);
  pass.files += 1;
  const head = HEAD.exec(name)?.[1];
  if (name === AUDIT_KEY || head !== undefined) {
    const bytes = await wholeEntry(entry, CHECKPOINT_BYTES_MAX);
    if (head === undefined) pass.auditPublicKey = bytes.toString("utf8");
    else pass.epochs.set(head, epochOf(bytes) ?? 0);
    return pass.visitor.file?.(name, one(bytes));
  }
  if (pass.visitor.file !== undefined) return pass.visitor.file(name, entry.bytes);
  for await (const _ of entry.bytes);
}

async function takeRows(pass: Pass, entry: ArchiveEntry, manifest: Manifest): Promise<void> {
  const table = manifest.tables.find(({ name }) => entry.name.startsWith(`database/${name}/`));
  if (table === undefined) throw unexpected(entry.name);
  const bytes = await wholeEntry(entry, ROWS_BYTES_MAX);
  let rows = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) rows += 1;
  pass.rows[table.name] = (pass.rows[table.name] ?? 0) + rows;
  await pass.visitor.rows?.(table, bytes);
}

async function takeAudit(pass: Pass, entry: ArchiveEntry): Promise<void> {
  const bytes = await wholeEntry(entry, BUNDLE_BYTES_MAX);
  const { entries, complete } = decodeEntryBundle(bytes, TILE_WIDTH);
  if (!complete || entries.length === 0 || pass.frontier.size % TILE_WIDTH !== 0) {
    throw new BackupError(`its audit log is cut at entry ${pass.frontier.size}`);
  }
  const first = pass.frontier.size;
  for (const leaf of entries.map(leafHash)) {
    pass.frontier = extendFrontier(pass.frontier, [leaf]);
    noteRoot(pass);
  }
  await pass.visitor.audit?.(entries, first);
}

/** It comes after the key that signed it and before the entries that it signs. */
function takeCheckpoint(pass: Pass, note: string): void {
  const opened = openCheckpoint(note, createPublicKey(pass.auditPublicKey));
  if (!opened.ok) throw new BackupError(`its audit log: ${opened.reason}`);
  const { size, root } = opened.checkpoint;
  pass.checkpoint = { note, size, root: root.toString("hex") };
  pass.sizes.add(size);
  noteRoot(pass);
}

function noteRoot({ frontier, sizes, roots }: Pass): void {
  if (sizes.has(frontier.size)) roots.set(frontier.size, frontierRoot(frontier).toString("hex"));
}

function finished(pass: Pass): Verified {
  const { manifest, end, checkpoint, auditPublicKey, frontier, roots } = pass;
  if (manifest === undefined || end === undefined) throw new BackupError("it is not whole");
  for (const { name } of manifest.tables) {
    const [has, wanted] = [pass.rows[name] ?? 0, end.rows[name] ?? 0];
    if (has !== wanted) throw new BackupError(`its table ${name} has ${has} rows of ${wanted}`);
  }
  if (pass.files !== end.files) {
    throw new BackupError(`it has ${pass.files} files of ${end.files}`);
  }
  const root = frontierRoot(frontier).toString("hex");
  if (frontier.size !== end.audit.size || root !== end.audit.root) {
    throw new BackupError("its audit log is not the one that was read");
  }
  if (checkpoint !== undefined && roots.get(checkpoint.size) !== checkpoint.root) {
    throw new BackupError("its audit log is not the one that its checkpoint signs");
  }
  return { manifest, end, checkpoint, auditPublicKey, epochs: pass.epochs, roots };
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function unexpected(name: string): BackupError {
  return new BackupError(`its entry "${name}" is not where it belongs`);
}
