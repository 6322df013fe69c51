/**
 * The right edge of a Merkle tree: the complete subtrees that its size splits into. It is enough to
 * append and to know the root, and not enough to prove anything.
 */
import { foldRight, nodeHash } from "./merkle.ts";

/** Immutable; `subtrees` holds one hash per set bit of `size`, largest first. */
export type Frontier = { readonly size: number; readonly subtrees: readonly Buffer[] };

export const emptyFrontier: Frontier = { size: 0, subtrees: [] };

/** The frontier after these leaf hashes. */
export function extendFrontier(frontier: Frontier, leaves: readonly Buffer[]): Frontier {
  const subtrees = [...frontier.subtrees];
  let size = frontier.size;
  for (const leaf of leaves) {
    let merged = leaf;
    for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      const left = subtrees.pop();
      if (left === undefined) throw new RangeError("Cannot extend a frontier that lost a subtree");
      merged = nodeHash(left, merged);
    }
    subtrees.push(merged);
    size += 1;
  }
  return { size, subtrees };
}

/** Root of the tree (RFC 6962 §2.1). */
export function frontierRoot(frontier: Frontier): Buffer {
  return foldRight(frontier.subtrees);
}
