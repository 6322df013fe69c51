/** The audit log's files: full tiles never change, everything else can be made from them. */

import { mkdirSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  decodeEntryBundle,
  decodeHashTile,
  encodeEntryBundle,
  partialTileFolder,
  TILE_HEIGHT,
  TILE_WIDTH,
  tilePath,
  tileWidth,
} from "../../engines/tlog/tile.ts";

export const checkpointFile = "checkpoint";

/** Entries that no full bundle holds yet, framed; named by the index of the first. */
export function pendingFile(firstIndex: number): string {
  return `pending-${String(firstIndex).padStart(15, "0")}.log`;
}

/** Writes a file whole or not at all; durable when it resolves, if `sync`. */
export async function writeWhole(
  folder: string,
  path: string,
  given: { bytes: Buffer; sync: boolean },
): Promise<void> {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  const handle = await open(`${file}.new`, "w", 0o640);
  try {
    await handle.writeFile(given.bytes);
    if (given.sync) await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
  if (given.sync) await syncFolder(dirname(file));
}

/** A rename is durable only when its folder is synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A file's bytes; undefined when there is none. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A full bundle's entries. @throws Error when the file does not hold 256 whole entries. */
export async function readBundle(folder: string, index: number): Promise<Buffer[] | undefined> {
  const path = tilePath({ level: "entries", index, width: TILE_WIDTH });
  const bytes = await readIfThere(join(folder, path));
  if (bytes === undefined) return undefined;
  const { entries, complete } = decodeEntryBundle(bytes, TILE_WIDTH);
  if (!complete || entries.length !== TILE_WIDTH) throw new Error(`${path} is damaged`);
  return entries;
}

/** A full hash tile. @throws Error when it is missing or of the wrong length. */
export async function readHashTile(
  folder: string,
  level: number,
  index: number,
): Promise<Buffer[]> {
  const path = tilePath({ level, index, width: TILE_WIDTH });
  const bytes = await readIfThere(join(folder, path));
  const hashes = bytes === undefined ? undefined : decodeHashTile(bytes, TILE_WIDTH);
  if (hashes === undefined) throw new Error(`${path} is missing or damaged`);
  return hashes;
}

/** Removes the partial forms of a tile, which a wider one replaces. */
export async function removePartials(
  folder: string,
  level: number | "entries",
  index: number,
): Promise<void> {
  await rm(join(folder, partialTileFolder(level, index)), { recursive: true, force: true });
}

/** Partial tiles, so that any tlog-tiles client can follow the newest checkpoint. */
export async function writePartials(
  folder: string,
  given: { treeSize: number; pending: readonly Buffer[]; edge: readonly Buffer[][] },
): Promise<void> {
  const { treeSize, pending, edge } = given;
  if (pending.length > 0) {
    const index = Math.floor(treeSize / TILE_WIDTH);
    const path = tilePath({ level: "entries", index, width: pending.length });
    await removePartials(folder, "entries", index);
    await writeWhole(folder, path, { bytes: encodeEntryBundle(pending), sync: false });
  }
  for (const [level, hashes] of edge.entries()) {
    if (hashes.length === 0) continue;
    const index = Math.floor(treeSize / 2 ** (TILE_HEIGHT * (level + 1)));
    await removePartials(folder, level, index);
    const path = tilePath({ level, index, width: hashes.length });
    await writeWhole(folder, path, { bytes: Buffer.concat(hashes), sync: false });
  }
}

export { tileWidth };
