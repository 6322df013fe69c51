/** Checks a copy of the audit log offline, from every entry's bytes up to the signed checkpoint. */
import { createPublicKey } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openCheckpoint } from "../../engines/tlog/checkpoint.ts";
import {
  emptyFrontier,
  extendFrontier,
  type Frontier,
  frontierRoot,
} from "../../engines/tlog/frontier.ts";
import { completeSubtreeHash, leafHash } from "../../engines/tlog/merkle.ts";
import { decodeEntryBundle, TILE_WIDTH, tilePath } from "../../engines/tlog/tile.ts";
import { decodeFrames } from "./pending.ts";
import { checkpointFile, pendingFile, readIfThere } from "./tile-files.ts";

export type Verification =
  | {
      readonly ok: true;
      readonly entries: number;
      readonly hashTiles: number;
      readonly checkpointSize: number;
      /** Entries behind the newest checkpoint: whole, but not signed yet. */
      readonly unsignedEntries: number;
    }
  | {
      readonly ok: false;
      /** Index of the first entry that is not what was recorded. */
      readonly firstBadIndex: number;
      readonly file: string;
      readonly reason: string;
    };

/** Raised inside; carries the answer. */
class Bad extends Error {
  readonly answer: Extract<Verification, { ok: false }>;
  constructor(firstBadIndex: number, file: string, reason: string) {
    super(reason);
    this.answer = { ok: false, firstBadIndex, file, reason };
  }
}

/**
 * Verifies the log in `folder`.
 *
 * @param options.publicKeyPem the Ed25519 key that must have signed the checkpoints.
 * @param options.earlier a checkpoint kept elsewhere: the log must still contain what it signed.
 */
export async function verifyAuditLog(
  folder: string,
  options: { publicKeyPem: string; earlier?: string },
): Promise<Verification> {
  try {
    return await verify(folder, options);
  } catch (error) {
    if (error instanceof Bad) return error.answer;
    throw error;
  }
}

async function verify(
  folder: string,
  options: { publicKeyPem: string; earlier?: string },
): Promise<Verification> {
  const key = createPublicKey(options.publicKeyPem);
  const newest = await readCheckpoint(folder, key);
  const wanted = new Map([[newest.size, newest.root]]);
  if (options.earlier !== undefined) {
    const earlier = openCheckpoint(options.earlier, key);
    if (!earlier.ok) throw new Bad(0, "the given checkpoint", earlier.reason);
    if (earlier.checkpoint.size > newest.size) {
      const reason = `the log was rolled back: it had ${earlier.checkpoint.size} entries`;
      throw new Bad(newest.size, checkpointFile, reason);
    }
    const same = wanted.get(earlier.checkpoint.size);
    if (same !== undefined && !same.equals(earlier.checkpoint.root)) {
      throw new Bad(0, checkpointFile, "the log differs from the given checkpoint");
    }
    wanted.set(earlier.checkpoint.size, earlier.checkpoint.root);
  }
  let frontier: Frontier = emptyFrontier;
  let hashTiles = 0;
  const levels: Buffer[][] = [];
  const step = (leaf: Buffer, file: string): void => {
    checkRoot(wanted, frontier, file);
    frontier = extendFrontier(frontier, [leaf]);
  };
  for (let bundle = 0; ; bundle += 1) {
    const path = tilePath({ level: "entries", index: bundle, width: TILE_WIDTH });
    const bytes = await readIfThere(join(folder, path));
    if (bytes === undefined) break;
    const leaves = leavesOf(bytes, bundle, path);
    hashTiles += await checkHashTiles(folder, { levels, leaves, bundle });
    for (const leaf of leaves) step(leaf, path);
  }
  const path = pendingFile(frontier.size);
  const { entries } = decodeFrames((await readIfThere(join(folder, path))) ?? Buffer.alloc(0));
  for (const entry of entries) step(leafHash(entry), path);
  checkRoot(wanted, frontier, path);
  if (frontier.size < newest.size) {
    const reason = `the checkpoint signs ${newest.size} entries, the files hold ${frontier.size}`;
    throw new Bad(frontier.size, path, reason);
  }
  await refuseStrayPending(folder, path);
  return {
    ok: true,
    entries: frontier.size,
    hashTiles,
    checkpointSize: newest.size,
    unsignedEntries: frontier.size - newest.size,
  };
}

async function readCheckpoint(folder: string, key: ReturnType<typeof createPublicKey>) {
  const bytes = await readIfThere(join(folder, checkpointFile));
  if (bytes === undefined) throw new Bad(0, checkpointFile, "there is no checkpoint");
  const opened = openCheckpoint(bytes.toString("utf8"), key);
  if (!opened.ok) throw new Bad(0, checkpointFile, opened.reason);
  return opened.checkpoint;
}

function checkRoot(wanted: ReadonlyMap<number, Buffer>, frontier: Frontier, file: string): void {
  const root = wanted.get(frontier.size);
  if (root === undefined || frontierRoot(frontier).equals(root)) return;
  // Hash tiles name the exact entry for full bundles; for the rest the first of the bundle is
  // named.
  const first = Math.floor(Math.max(0, frontier.size - 1) / TILE_WIDTH) * TILE_WIDTH;
  throw new Bad(first, file, `the entries up to ${frontier.size} are not those that were signed`);
}

function leavesOf(bytes: Buffer, bundle: number, path: string): Buffer[] {
  const { entries, complete } = decodeEntryBundle(bytes, TILE_WIDTH);
  if (!complete || entries.length !== TILE_WIDTH) {
    throw new Bad(bundle * TILE_WIDTH + entries.length, path, "the bundle is cut or too long");
  }
  return entries.map(leafHash);
}

/** Compares with the stored hash tile, which names the very entry, and with the tiles above. */
async function checkHashTiles(
  folder: string,
  { levels, leaves, bundle }: { levels: Buffer[][]; leaves: Buffer[]; bundle: number },
): Promise<number> {
  let hashes = leaves;
  let index = bundle;
  for (let level = 0; ; level += 1) {
    const path = tilePath({ level, index, width: TILE_WIDTH });
    const stored = await readIfThere(join(folder, path));
    if (stored === undefined) throw new Bad(bundle * TILE_WIDTH, path, "a hash tile is missing");
    for (const [at, hash] of hashes.entries()) {
      if (hash.equals(stored.subarray(at * hash.length, (at + 1) * hash.length))) continue;
      const entry = level === 0 ? bundle * TILE_WIDTH + at : at * TILE_WIDTH ** level;
      throw new Bad(entry, path, "the entry's hash is not the one that was recorded");
    }
    if (stored.length !== hashes.length * 32) {
      throw new Bad(bundle * TILE_WIDTH, path, "a hash tile is longer than it may be");
    }
    const above = levels[level + 1] ?? [];
    levels[level + 1] = above;
    above.push(completeSubtreeHash(hashes));
    if (above.length < TILE_WIDTH) return level + 1;
    hashes = above;
    levels[level + 1] = [];
    index = Math.floor(index / TILE_WIDTH);
  }
}

/** A pending file of another index would be entries that nobody counts. */
async function refuseStrayPending(folder: string, wanted: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^pending-\d+\.log$/.test(name) || name === wanted) continue;
    const index = Number(name.slice("pending-".length, -".log".length));
    const later = index > Number(wanted.slice("pending-".length, -".log".length));
    if (later) throw new Bad(index, name, "entries follow a gap");
  }
}
