/**
 * Coordinates and encodings of the C2SP tlog-tiles layout (tile height 8): which file holds which
 * hashes and entries. It reads and writes no file.
 */
import { HASH_BYTES } from "./merkle.ts";

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;
/** An entry's length is a 16-bit number in an entry bundle. */
export const ENTRY_BYTES_MAX = 65_535;

/** A tile of hashes at tile level 0…5, or a bundle of entries. `width` 256 = full. */
export type Tile = {
  readonly level: number | "entries";
  readonly index: number;
  readonly width: number;
};

/** Path of a tile below the log's folder, such as `tile/0/x001/x234/067.p/8`. */
export function tilePath(tile: Tile): string {
  const partial = tile.width === TILE_WIDTH ? "" : `.p/${tile.width}`;
  return `tile/${tile.level}/${indexPath(tile.index)}${partial}`;
}

/** Folder that holds the partial forms of a tile. */
export function partialTileFolder(level: number | "entries", index: number): string {
  return `tile/${level}/${indexPath(index)}.p`;
}

/** Every tile and bundle of a log of this size: entries first, then by level and index. */
export function* tilesOfSize(size: number): Generator<Tile> {
  yield* tilesOfLevel("entries", size);
  let width = size;
  for (let level = 0; width > 0; level += 1) {
    yield* tilesOfLevel(level, width);
    width = Math.floor(width / TILE_WIDTH);
  }
}

function* tilesOfLevel(level: number | "entries", width: number): Generator<Tile> {
  const full = Math.floor(width / TILE_WIDTH);
  for (let index = 0; index < full; index += 1) yield { level, index, width: TILE_WIDTH };
  if (width % TILE_WIDTH !== 0) yield { level, index: full, width: width % TILE_WIDTH };
}

/** Where the hashes below the complete subtree (level, index) lie: a slice of one tile. */
export function tileOfNode(
  level: number,
  index: number,
): { level: number; index: number; start: number; count: number } {
  const tileLevel = Math.floor(level / TILE_HEIGHT);
  const count = 2 ** (level - tileLevel * TILE_HEIGHT);
  const first = index * count;
  const tileIndex = Math.floor(first / TILE_WIDTH);
  return { level: tileLevel, index: tileIndex, start: first - tileIndex * TILE_WIDTH, count };
}

/** Number of hashes (or entries) of the tile in a log of this size; 0 = not there. */
export function tileWidth(level: number | "entries", index: number, size: number): number {
  const span = level === "entries" ? 1 : TILE_WIDTH ** level;
  const width = Math.floor(size / span) - index * TILE_WIDTH;
  return Math.max(0, Math.min(TILE_WIDTH, width));
}

/** The hashes of a tile, or undefined when its length does not fit. */
export function decodeHashTile(bytes: Buffer, width: number): Buffer[] | undefined {
  if (bytes.length !== width * HASH_BYTES) return undefined;
  const hashes: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += HASH_BYTES) {
    hashes.push(bytes.subarray(at, at + HASH_BYTES));
  }
  return hashes;
}

/** An entry bundle: each entry after its length as a big-endian 16-bit number. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES_MAX) {
      throw new RangeError(
        `Cannot encode an entry of ${entry.length} bytes as the limit is ${ENTRY_BYTES_MAX}`,
      );
    }
    parts.push(Buffer.from([entry.length >> 8, entry.length & 255]), entry);
  }
  return Buffer.concat(parts);
}

/**
 * The entries of a bundle, at most `countMax`.
 *
 * `complete` is false when bytes are missing or left over; `entries` are those before the fault.
 */
export function decodeEntryBundle(
  bytes: Buffer,
  countMax: number,
): { readonly entries: Buffer[]; readonly complete: boolean } {
  const entries: Buffer[] = [];
  let at = 0;
  while (at < bytes.length && entries.length < countMax) {
    if (at + 2 > bytes.length) return { entries, complete: false };
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return { entries, complete: false };
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return { entries, complete: at === bytes.length };
}

function indexPath(index: number): string {
  let path = String(index % 1000).padStart(3, "0");
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    path = `x${String(rest % 1000).padStart(3, "0")}/${path}`;
  }
  return path;
}
