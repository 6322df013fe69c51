/**
 * A durable, append-only transparency log on disk in the C2SP tlog-tiles layout. One process
 * writes; any process may read and verify the files. Method: docs/decisions/0005-audit-log.md.
 */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { type FileHandle, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { noteKeyId, signCheckpoint } from "../../engines/tlog/checkpoint.ts";
import {
  completeSubtreeHash,
  inclusionProof,
  leafHash,
  rootHash,
} from "../../engines/tlog/merkle.ts";
import {
  ENTRY_BYTES_MAX,
  encodeEntryBundle,
  TILE_WIDTH,
  tileOfNode,
  tilePath,
} from "../../engines/tlog/tile.ts";
import { appendDurably, decodeFrames, encodeFrames, openPending } from "./pending.ts";
import {
  checkpointFile,
  pendingFile,
  readBundle,
  readHashTile,
  readIfThere,
  removePartials,
  syncFolder,
  tileWidth,
  writePartials,
  writeWhole,
} from "./tile-files.ts";

export type AuditLogOptions = {
  readonly folder: string;
  /** Name of the log and of its key (C2SP tlog-checkpoint). */
  readonly origin: string;
  /** Ed25519 private key, PEM. */
  readonly signingKeyPem: string;
};

export type InclusionProof = {
  readonly leafHash: Buffer;
  readonly treeSize: number;
  readonly rootHash: Buffer;
  readonly hashes: readonly Buffer[];
  readonly checkpoint: string;
};

export type AuditLog = {
  /**
   * Resolves when the entry is durable. @throws Error when the disk refuses; nothing counts then.
   */
  append(entry: Buffer): Promise<{ index: number }>;
  size(): number;
  /** Why entries cannot be written now; undefined while they can. */
  failure(): string | undefined;
  /** Entries [from, to). */
  readEntries(from: number, to: number): Promise<Buffer[]>;
  inclusionProof(index: number): Promise<InclusionProof>;
  /** Signs the tree as it is now and writes checkpoint and partial tiles. */
  checkpoint(): Promise<{ checkpoint: string; treeSize: number }>;
  close(): Promise<void>;
};

const BATCH_ENTRIES_MAX = 1_000;
const QUEUE_MAX = 20_000;
const CHECKPOINT_EVERY_MS = 500;
const HASH_TILES_CACHED_MAX = 256;

type Waiter = {
  readonly entry: Buffer;
  readonly resolve: (answer: { index: number }) => void;
  readonly reject: (error: Error) => void;
};

type State = {
  readonly options: AuditLogOptions;
  /** Entries of the bundle that is not full yet, and their place on disk. */
  pending: Buffer[];
  pendingBytes: number;
  /** Why the disk refused last; undefined while it takes entries. */
  failure: string | undefined;
  /** Bytes of a refused batch may stand behind `pendingBytes`. */
  isTorn: boolean;
  file: FileHandle;
  fullBundles: number;
  /** Hashes right of the last full tile, by tile level. */
  edge: Buffer[][];
  readonly tiles: Map<string, Promise<Buffer[]>>;
  queue: Waiter[];
  writing: Promise<void> | undefined;
  checkpointed: number;
  timer: NodeJS.Timeout | undefined;
  checkpointing: Promise<unknown>;
};

/** Opens the log, cutting off what a crash left unfinished. */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  await mkdir(options.folder, { recursive: true, mode: 0o750 });
  const state = await recover(options);
  const sizeNow = () => state.fullBundles * TILE_WIDTH + state.pending.length;
  return {
    append: (entry) => enqueue(state, entry),
    size: sizeNow,
    failure: () => state.failure,
    readEntries: (from, to) => readEntries(state, from, Math.min(to, sizeNow())),
    inclusionProof: (index) => prove(state, index),
    checkpoint: () => checkpointInTurn(state),
    async close() {
      while (state.writing !== undefined) await state.writing;
      clearTimeout(state.timer);
      await checkpointInTurn(state);
      await state.file.close();
    },
  };
}

async function recover(options: AuditLogOptions): Promise<State> {
  const { folder } = options;
  let fullBundles = 0;
  let edge: Buffer[][] = [[]];
  // Hash tiles are derived: they are made again from the bundles where a crash left them out.
  for (;;) {
    const bundle = await readBundle(folder, fullBundles);
    if (bundle === undefined) break;
    edge = await addTile(folder, { edge, hashes: bundle.map(leafHash), index: fullBundles });
    fullBundles += 1;
  }
  const path = join(folder, pendingFile(fullBundles * TILE_WIDTH));
  const { entries, wholeBytes } = decodeFrames((await readIfThere(path)) ?? Buffer.alloc(0));
  const file = await openPending(path);
  await file.truncate(wholeBytes);
  await file.datasync();
  await syncFolder(folder);
  if (fullBundles > 0) {
    await rm(join(folder, pendingFile((fullBundles - 1) * TILE_WIDTH)), { force: true });
  }
  edge[0] = entries.map(leafHash);
  const state: State = {
    options,
    pending: entries,
    pendingBytes: wholeBytes,
    failure: undefined,
    isTorn: false,
    file,
    fullBundles,
    edge,
    tiles: new Map(),
    queue: [],
    writing: undefined,
    checkpointed: -1,
    timer: undefined,
    checkpointing: Promise.resolve(),
  };
  if (entries.length >= TILE_WIDTH) await sealBundles(state);
  return state;
}

/**
 * Writes the hash tile of a full bundle, and the tiles above that become full with it.
 *
 * @returns the right edge above them; the given one is untouched, so that a disk that refuses half
 * way leaves nothing counted twice.
 */
async function addTile(
  folder: string,
  given: { edge: readonly (readonly Buffer[])[]; hashes: readonly Buffer[]; index: number },
): Promise<Buffer[][]> {
  const edge = given.edge.map((hashes) => [...hashes]);
  let { hashes, index } = given;
  for (let level = 0; ; level += 1) {
    const path = tilePath({ level, index, width: TILE_WIDTH });
    const bytes = Buffer.concat(hashes);
    const known = await readIfThere(join(folder, path));
    if (known === undefined) await writeWhole(folder, path, { bytes, sync: true });
    const above = [...(edge[level + 1] ?? []), completeSubtreeHash(hashes)];
    edge[level + 1] = above;
    if (above.length < TILE_WIDTH) return edge;
    edge[level + 1] = [];
    hashes = above;
    index = Math.floor(index / TILE_WIDTH);
  }
}

function enqueue(state: State, entry: Buffer): Promise<{ index: number }> {
  if (entry.length === 0 || entry.length > ENTRY_BYTES_MAX) {
    const message = `Cannot append an entry of ${entry.length} bytes: it must have 1 to ${ENTRY_BYTES_MAX}`;
    return Promise.reject(new Error(message));
  }
  if (state.queue.length >= QUEUE_MAX) {
    return Promise.reject(
      new Error(`Cannot append: ${QUEUE_MAX} entries wait for the disk already`),
    );
  }
  return new Promise((resolve, reject) => {
    state.queue.push({ entry, resolve, reject });
    startWriting(state);
  });
}

function startWriting(state: State): void {
  state.writing ??= writeQueue(state).finally(() => {
    state.writing = undefined;
    // What came between the last look at the queue and now has started nothing itself.
    if (state.queue.length > 0) startWriting(state);
  });
}

/** Group commit: all that wait share one durable write. */
async function writeQueue(state: State): Promise<void> {
  // Let the callers of this turn join the batch.
  await new Promise((resolve) => setImmediate(resolve));
  while (state.queue.length > 0) {
    const batch = state.queue.splice(0, BATCH_ENTRIES_MAX);
    try {
      await writeBatch(state, batch);
      state.failure = undefined;
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      state.failure = failure.message;
      for (const waiter of batch) waiter.reject(failure);
    }
  }
  scheduleCheckpoint(state);
}

async function writeBatch(state: State, batch: readonly Waiter[]): Promise<void> {
  const entries = batch.map((waiter) => waiter.entry);
  const frames = encodeFrames(entries);
  if (state.isTorn) await cutTorn(state);
  try {
    await appendDurably(state.file, frames);
  } catch (error) {
    state.isTorn = true;
    await cutTorn(state);
    throw error;
  }
  const first = state.fullBundles * TILE_WIDTH + state.pending.length;
  state.pendingBytes += frames.length;
  state.pending.push(...entries);
  for (const entry of entries) state.edge[0]?.push(leafHash(entry));
  for (const [at, waiter] of batch.entries()) waiter.resolve({ index: first + at });
  if (state.pending.length >= TILE_WIDTH) await sealBundles(state);
}

/** INVARIANT: what was refused does not come back after a restart, and nothing follows it. */
async function cutTorn(state: State): Promise<void> {
  await state.file.truncate(state.pendingBytes);
  state.isTorn = false;
}

/**
 * Turns every full 256 entries into a bundle; the rest starts a new pending file. When the disk
 * refuses, the entries stay where they are and the next append tries again.
 */
async function sealBundles(state: State): Promise<void> {
  const { folder } = state.options;
  const old = state.fullBundles;
  while (state.pending.length >= TILE_WIDTH) {
    const index = state.fullBundles;
    const entries = state.pending.slice(0, TILE_WIDTH);
    const rest = state.pending.slice(TILE_WIDTH);
    const leaves = state.edge[0] ?? [];
    const hashes = leaves.slice(0, TILE_WIDTH);
    const edge = await addTile(folder, { edge: state.edge, hashes, index });
    // The rest is durable under its new name before the bundle makes the old name obsolete.
    const frames = encodeFrames(rest);
    await writeWhole(folder, pendingFile((index + 1) * TILE_WIDTH), { bytes: frames, sync: true });
    const next = await openPending(join(folder, pendingFile((index + 1) * TILE_WIDTH)));
    const path = tilePath({ level: "entries", index, width: TILE_WIDTH });
    try {
      await writeWhole(folder, path, { bytes: encodeEntryBundle(entries), sync: true });
    } catch (error) {
      // INVARIANT: the bundle's name decides which pending file counts, on disk and in memory.
      await rm(join(folder, path), { force: true });
      await next.close();
      throw error;
    }
    await state.file.close();
    state.file = next;
    edge[0] = leaves.slice(TILE_WIDTH);
    state.edge = edge;
    state.pending = rest;
    state.pendingBytes = frames.length;
    state.fullBundles += 1;
    await removePartials(folder, "entries", index);
    await removePartials(folder, 0, index);
  }
  for (let bundle = old; bundle < state.fullBundles; bundle += 1) {
    await rm(join(folder, pendingFile(bundle * TILE_WIDTH)), { force: true });
  }
}

async function readEntries(state: State, from: number, to: number): Promise<Buffer[]> {
  const entries: Buffer[] = [];
  let index = from;
  while (index < to) {
    const bundle = Math.floor(index / TILE_WIDTH);
    const full = bundle < state.fullBundles;
    const held = full ? await readBundle(state.options.folder, bundle) : state.pending;
    const start = bundle * TILE_WIDTH;
    const part = (held ?? []).slice(index - start, to - start);
    if (part.length === 0)
      throw new Error(`Cannot read audit entry ${index}: its bundle is missing`);
    entries.push(...part);
    index += part.length;
  }
  return entries;
}

/** The hash of a complete subtree, from a tile on disk or from the right edge in memory. */
async function readHash(state: State, level: number, index: number): Promise<Buffer> {
  const node = tileOfNode(level, index);
  const size = state.fullBundles * TILE_WIDTH + state.pending.length;
  const full = tileWidth(node.level, node.index, size) === TILE_WIDTH;
  const hashes = full
    ? await cachedTile(state, node.level, node.index)
    : (state.edge[node.level] ?? []);
  return completeSubtreeHash(hashes.slice(node.start, node.start + node.count));
}

function cachedTile(state: State, level: number, index: number): Promise<Buffer[]> {
  const key = `${level}/${index}`;
  const known = state.tiles.get(key);
  if (known !== undefined) return known;
  const oldest =
    state.tiles.size >= HASH_TILES_CACHED_MAX ? state.tiles.keys().next().value : undefined;
  if (oldest !== undefined) state.tiles.delete(oldest);
  const tile = readHashTile(state.options.folder, level, index);
  state.tiles.set(key, tile);
  tile.catch(() => state.tiles.delete(key));
  return tile;
}

async function prove(state: State, index: number): Promise<InclusionProof> {
  while (state.writing !== undefined) await state.writing;
  const treeSize = state.fullBundles * TILE_WIDTH + state.pending.length;
  const read = (level: number, at: number) => readHash(state, level, at);
  const hashes = await inclusionProof(index, treeSize, read);
  const root = await rootHash(treeSize, read);
  const [entry] = await readEntries(state, index, index + 1);
  return {
    leafHash: leafHash(entry ?? Buffer.alloc(0)),
    treeSize,
    rootHash: root,
    hashes,
    checkpoint: signed(state.options, treeSize, root),
  };
}

function signed({ origin, signingKeyPem }: AuditLogOptions, size: number, root: Buffer): string {
  const privateKey = createPrivateKey(signingKeyPem);
  const keyId = noteKeyId(origin, createPublicKey(privateKey));
  return signCheckpoint({ origin, size, root }, { privateKey, keyId });
}

function scheduleCheckpoint(state: State): void {
  state.timer ??= setTimeout(() => {
    state.timer = undefined;
    // A failure here loses nothing: the next append or the next start writes it again.
    void checkpointInTurn(state).catch(() => {});
  }, CHECKPOINT_EVERY_MS).unref();
}

/** INVARIANT: one checkpoint at a time; two would write the same partial tiles. */
function checkpointInTurn(state: State): ReturnType<typeof writeCheckpoint> {
  const written = state.checkpointing.then(() => writeCheckpoint(state));
  state.checkpointing = written.catch(() => {});
  return written;
}

async function writeCheckpoint(state: State) {
  while (state.writing !== undefined) await state.writing;
  const { folder } = state.options;
  const treeSize = state.fullBundles * TILE_WIDTH + state.pending.length;
  const pending = [...state.pending];
  const edge = state.edge.map((hashes) => [...hashes]);
  const root = await rootHash(treeSize, (level, index) => readHash(state, level, index));
  const checkpoint = signed(state.options, treeSize, root);
  if (state.checkpointed === treeSize) return { checkpoint, treeSize };
  await writePartials(folder, { treeSize, pending, edge });
  await writeWhole(folder, checkpointFile, { bytes: Buffer.from(checkpoint), sync: true });
  state.checkpointed = treeSize;
  return { checkpoint, treeSize };
}
