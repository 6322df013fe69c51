/**
 * The hashes, roots and proofs of an RFC 6962 Merkle tree over SHA-256. It holds no tree: the
 * hashes
 * of complete subtrees come from a reader that the caller passes in.
 */
import { hash } from "node:crypto";

export const HASH_BYTES = 32;
/** Above this sizes would leave the integers that a double holds exactly. */
export const TREE_SIZE_MAX = 2 ** 48;

/**
 * Gives the hash of the complete subtree over leaves [index·2^level, (index+1)·2^level).
 * It is asked only for subtrees that lie wholly inside the tree.
 */
export type HashReader = (level: number, index: number) => Buffer | Promise<Buffer>;

const LEAF_PREFIX = Buffer.from([0]);
const NODE_PREFIX = Buffer.from([1]);

/** Root of the tree without leaves: SHA-256 of nothing (RFC 6962 §2.1). */
export const emptyRoot: Buffer = hash("sha256", Buffer.alloc(0), "buffer");

/** SHA-256(0x00 ‖ entry), RFC 6962 §2.1. */
export function leafHash(entry: Uint8Array): Buffer {
  return hash("sha256", Buffer.concat([LEAF_PREFIX, entry]), "buffer");
}

/** SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1. */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return hash("sha256", Buffer.concat([NODE_PREFIX, left, right]), "buffer");
}

/** Hash of the complete subtree over these hashes; their number must be a power of two. */
export function completeSubtreeHash(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    const above: Buffer[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      above.push(nodeHash(hashAt(row, at), hashAt(row, at + 1)));
    }
    row = above;
  }
  return hashAt(row, 0);
}

/** Root of the tree with `size` leaves. */
export async function rootHash(size: number, read: HashReader): Promise<Buffer> {
  return size === 0 ? emptyRoot : rangeHash(0, size, read);
}

/**
 * The path from leaf `index` to the root of the tree of `size` leaves, leaf side first
 * (RFC 9162 §2.1.3.1).
 */
export async function inclusionProof(
  index: number,
  size: number,
  read: HashReader,
): Promise<Buffer[]> {
  if (!(Number.isInteger(index) && index >= 0 && index < size && size <= TREE_SIZE_MAX)) {
    throw new RangeError(`Cannot prove leaf ${index} as the tree has ${size} leaves`);
  }
  const proof: Buffer[] = [];
  let low = 0;
  let high = size;
  while (high - low > 1) {
    const middle = low + powerOfTwoBelow(high - low);
    if (index < middle) {
      proof.push(await rangeHash(middle, high, read));
      high = middle;
    } else {
      proof.push(await rangeHash(low, middle, read));
      low = middle;
    }
  }
  return proof.reverse();
}

/**
 * The proof that the tree of `oldSize` leaves is a prefix of that of `newSize` (RFC 9162 §2.1.4.1).
 * Empty when the sizes are equal or the old tree is empty.
 */
export async function consistencyProof(
  oldSize: number,
  newSize: number,
  read: HashReader,
): Promise<Buffer[]> {
  if (!(Number.isInteger(oldSize) && oldSize >= 0 && oldSize <= newSize)) {
    throw new RangeError(`Cannot prove size ${oldSize} a prefix as the tree has ${newSize} leaves`);
  }
  const proof: Buffer[] = [];
  let low = 0;
  let high = newSize;
  while (oldSize !== 0 && oldSize !== high) {
    const middle = low + powerOfTwoBelow(high - low);
    if (oldSize <= middle) {
      proof.push(await rangeHash(middle, high, read));
      high = middle;
    } else {
      proof.push(await rangeHash(low, middle, read));
      low = middle;
    }
  }
  if (low !== 0) proof.push(await rangeHash(low, high, read));
  return proof.reverse();
}

/** True when `proof` leads from the leaf at `index` to `root` (RFC 9162 §2.1.3.2). */
export function verifyInclusion(claim: {
  readonly index: number;
  readonly size: number;
  readonly leaf: Buffer;
  readonly proof: readonly Buffer[];
  readonly root: Buffer;
}): boolean {
  const { index, size } = claim;
  if (!(Number.isInteger(index) && index >= 0 && index < size && size <= TREE_SIZE_MAX)) {
    return false;
  }
  let node = index;
  let last = size - 1;
  let result = claim.leaf;
  for (const sibling of claim.proof) {
    if (last === 0 || sibling.length !== HASH_BYTES) return false;
    if (node % 2 === 1 || node === last) {
      result = nodeHash(sibling, result);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      result = nodeHash(result, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && result.equals(claim.root);
}

/** True when `proof` shows the old tree to be a prefix of the new one (RFC 9162 §2.1.4.2). */
export function verifyConsistency(claim: {
  readonly oldSize: number;
  readonly newSize: number;
  readonly oldRoot: Buffer;
  readonly newRoot: Buffer;
  readonly proof: readonly Buffer[];
}): boolean {
  const { oldSize, newSize, oldRoot, newRoot, proof } = claim;
  if (!(oldSize >= 0 && oldSize <= newSize && newSize <= TREE_SIZE_MAX)) return false;
  if (oldSize === newSize) return proof.length === 0 && oldRoot.equals(newRoot);
  if (oldSize === 0) return proof.length === 0 && oldRoot.equals(emptyRoot);
  let node = oldSize - 1;
  let last = newSize - 1;
  while (node % 2 === 1) {
    node = half(node);
    last = half(last);
  }
  // A complete old tree is itself the first node, so that the proof leaves it out.
  const path = node === 0 ? [oldRoot, ...proof] : proof;
  const first = path[0];
  if (first === undefined) return false;
  let oldResult = first;
  let newResult = first;
  for (const sibling of path.slice(1)) {
    if (last === 0 || sibling.length !== HASH_BYTES) return false;
    if (node % 2 === 1 || node === last) {
      oldResult = nodeHash(sibling, oldResult);
      newResult = nodeHash(sibling, newResult);
      while (node % 2 === 0 && node !== 0) {
        node = half(node);
        last = half(last);
      }
    } else {
      newResult = nodeHash(newResult, sibling);
    }
    node = half(node);
    last = half(last);
  }
  return last === 0 && oldResult.equals(oldRoot) && newResult.equals(newRoot);
}

/** Hash over leaves [low, high) as RFC 6962 recursion meets them: low is aligned to the range. */
async function rangeHash(low: number, high: number, read: HashReader): Promise<Buffer> {
  const parts: Buffer[] = [];
  let at = low;
  while (at < high) {
    let level = 0;
    while (2 ** (level + 1) <= high - at) level += 1;
    parts.push(await read(level, at / 2 ** level));
    at += 2 ** level;
  }
  return foldRight(parts);
}

/** Joins complete subtrees, largest first, into one hash. */
export function foldRight(parts: readonly Buffer[]): Buffer {
  let result = parts.at(-1) ?? emptyRoot;
  for (let at = parts.length - 2; at >= 0; at -= 1) result = nodeHash(hashAt(parts, at), result);
  return result;
}

/** Largest power of two below n, for n ≥ 2. */
function powerOfTwoBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

function half(n: number): number {
  return Math.floor(n / 2);
}

// INVARIANT: callers stay inside the row; the check satisfies noUncheckedIndexedAccess.
function hashAt(row: readonly Buffer[], index: number): Buffer {
  const value = row[index];
  if (value === undefined) throw new RangeError(`Cannot read hash ${index} of ${row.length}`);
  return value;
}
