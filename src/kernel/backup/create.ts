/**
 * Makes a backup: the rows of one moment, the audit log up to a moment after it, the keys, the
 * settings and the operator's rules, sealed in one file. It may run beside everything else.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { link, open, readFile, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { FILE_KEY_BYTES } from "../../engines/age/header.ts";
import { emptyFrontier, extendFrontier, frontierRoot } from "../../engines/tlog/frontier.ts";
import { leafHash } from "../../engines/tlog/merkle.ts";
import { encodeEntryBundle, TILE_WIDTH } from "../../engines/tlog/tile.ts";
import { readLogFiles } from "../audit-log/read-files.ts";
import { checkpointFile, syncFolder } from "../audit-log/tile-files.ts";
import type { Config } from "../config.ts";
import { newId } from "../id.ts";
import { instanceOf } from "../instance.ts";
import { codeOf } from "../process/text.ts";
import type { Connection } from "../store/database.ts";
import { type ArchiveWriter, writeArchive } from "./archive.ts";
import { openSnapshot, type Snapshot } from "./database-snapshot.ts";
import { filesBelow, HEADS_FOLDER, keyFiles, readHeads, sameHeads } from "./key-files.ts";
import { lakeFiles } from "./lake-files.ts";
import { END, type End, FORMAT, MANIFEST, type Manifest } from "./manifest.ts";
import { readBackup } from "./read.ts";
import { asBackupError, BackupError, type Locks, sealing } from "./sealed-file.ts";

export type CreateParts = {
  readonly config: Config;
  readonly connection: Connection;
  readonly locks: Locks;
  /** Of Cordon. */
  readonly version: string;
  readonly clock: () => number;
  /** Every CORDON_* setting in force. */
  readonly settings: Readonly<Record<string, string>>;
  /** Lake and spools too; nothing may write them meanwhile. */
  readonly withEvents: boolean;
};

export type Created = {
  readonly manifest: Manifest;
  readonly end: End;
  readonly bytes: number;
};

/** Rows of one entry; what is held in memory of a table. */
const PART_BYTES = 4_194_304;
const HEAD_ATTEMPTS_MAX = 40;
const HEAD_RETRY_MS = 25;

/**
 * Writes the backup to `file`, which must not exist: it is there whole or not at all.
 *
 * @throws BackupError when the state cannot be read or the file not be written.
 */
export async function createBackup(file: string, parts: CreateParts): Promise<Created> {
  if (existsSync(file)) throw fileExists(file);
  const draft = `${file}.part-${process.pid}`;
  try {
    const fileKey = randomBytes(FILE_KEY_BYTES);
    const handle = await open(draft, "w", 0o600);
    let bytes = 0;
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        // Writes all of it or fails, also on a disk that fills up.
        handle.appendFile(chunk).then(() => done(), done);
      },
    });
    let created: Omit<Created, "bytes">;
    try {
      const archive = writeArchive(await sealing(parts.locks, fileKey), output);
      created = await writeState(archive, parts);
      await archive.end();
      await handle.sync();
    } finally {
      await handle.close();
    }
    // What cannot be read back is no backup.
    await readBackup(draft, { fileKey });
    fileKey.fill(0);
    // INVARIANT: the final name is given last, and never to a file that is there already.
    await link(draft, file);
    await syncFolder(dirname(resolve(file)));
    return { ...created, bytes };
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw fileExists(file);
    throw asBackupError(file, error);
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeState(archive: ArchiveWriter, parts: CreateParts) {
  const { config, clock, version, withEvents } = parts;
  const { snapshot, heads } = await consistentSnapshot(parts);
  try {
    const manifest: Manifest = {
      format: FORMAT,
      backupId: newId("backup"),
      createTime: new Date(clock()).toISOString(),
      version,
      databaseVersion: snapshot.databaseVersion,
      migrations: snapshot.migrations,
      tables: snapshot.tables,
      snapshot: snapshot.snapshot,
      auditSizeBefore: snapshot.auditSize,
      contains: { lake: withEvents, spools: withEvents },
    };
    await archive.add(MANIFEST, jsonOf(manifest));
    await archive.add("settings.json", jsonOf(parts.settings));
    for (const [name, bytes] of heads) await archive.add(`keys/${HEADS_FOLDER}/${name}`, bytes);
    let files = heads.size;
    files += await addFiles(archive, {
      ...{ name: "keys", folder: config.folders.keys },
      paths: await keyFiles(config.folders.keys),
    });
    const rows: Record<string, number> = {};
    for (const table of snapshot.tables)
      rows[table.name] = await addTable(archive, snapshot, table);
    const sequences = await snapshot.sequences();
    // The log after the rows: an entry is durable before its change is committed, so that the
    // log may be ahead of the rows and is never behind them.
    const audit = await addAudit(archive, config);
    files += await addFiles(archive, { name: "rules", folder: config.folders.rules });
    if (withEvents) {
      const { lake } = config.folders;
      const paths = await lakeFiles(lake);
      files += await addFiles(archive, { name: "lake", folder: lake, paths });
      files += await addFiles(archive, { name: "spool", folder: config.folders.spool });
    }
    const end: End = { rows, sequences, audit, files };
    await archive.add(END, jsonOf(end));
    return { manifest, end };
  } finally {
    await snapshot.close();
  }
}

/**
 * keyd records the state of each account's keys outside the database. A snapshot is taken between
 * two equal looks at that record, so that both tell of the same state.
 */
async function consistentSnapshot({ config, connection }: CreateParts) {
  for (let attempt = 0; attempt < HEAD_ATTEMPTS_MAX; attempt += 1) {
    const heads = await readHeads(config.folders.keys);
    const snapshot = await openSnapshot(connection, instanceOf(config));
    if (sameHeads(heads, await readHeads(config.folders.keys))) return { snapshot, heads };
    await snapshot.close();
    await sleep(HEAD_RETRY_MS);
  }
  throw new BackupError(
    "Cannot back up: keys are made or changed all the time",
    "try again when fewer keys are made",
  );
}

async function addTable(
  archive: ArchiveWriter,
  snapshot: Snapshot,
  table: Snapshot["tables"][number],
): Promise<number> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let part = 0;
  let rows = 0;
  const write = async (): Promise<void> => {
    part += 1;
    const name = `database/${table.name}/${String(part).padStart(9, "0")}`;
    await archive.add(name, Buffer.concat(held));
    held = [];
    heldBytes = 0;
  };
  for await (const chunk of await snapshot.copyOf(table)) {
    const bytes = chunk as Buffer;
    held.push(bytes);
    heldBytes += bytes.length;
    // In COPY's text format every line feed ends a row.
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) rows += 1;
    if (heldBytes >= PART_BYTES) await write();
  }
  if (heldBytes > 0) await write();
  return rows;
}

async function addAudit(archive: ArchiveWriter, { folders }: Config): Promise<End["audit"]> {
  // The checkpoint first: what it signs is then in the entries that follow.
  const checkpoint = await readFile(join(folders.audit, checkpointFile)).catch(() => undefined);
  if (checkpoint !== undefined) await archive.add("audit/checkpoint", checkpoint);
  let frontier = emptyFrontier;
  let group = 0;
  for await (const entries of readLogFiles(folders.audit)) {
    for (let at = 0; at < entries.length; at += TILE_WIDTH) {
      const bundle = entries.slice(at, at + TILE_WIDTH);
      await archive.add(`audit/${String(group).padStart(12, "0")}`, encodeEntryBundle(bundle));
      frontier = extendFrontier(frontier, bundle.map(leafHash));
      group += 1;
    }
  }
  return { size: frontier.size, root: frontierRoot(frontier).toString("hex") };
}

async function addFiles(
  archive: ArchiveWriter,
  { name, folder, paths }: { name: string; folder: string; paths?: readonly string[] },
): Promise<number> {
  let count = 0;
  for (const path of paths ?? (await filesBelow(folder))) {
    try {
      await archive.addFile(`${name}/${path}`, join(folder, path));
      count += 1;
    } catch (error) {
      // Removed since it was listed.
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
  return count;
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, undefined, 1)}\n`);
}

function fileExists(file: string): BackupError {
  return new BackupError(
    `Cannot write ${file}: there is a file of that name`,
    `choose another name, or remove ${basename(file)}`,
  );
}
