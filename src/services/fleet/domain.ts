/** Rules of nodes: when one is current, behind, failing or silent. */
import type { Node } from "./contract.ts";

export const limits = {
  joinTokenTtlMs: 30 * 60_000,
  /** A node asks for its intent at least this often; three times missed is silence. */
  silentAfterMs: 75_000,
} as const;

/** The state of a node from what it reported and when it was last heard. */
export function nodeState(node: {
  readonly wantedVersion: number;
  readonly runningVersion: number;
  readonly failureCount: number;
  readonly lastSeenMs: number | undefined;
  readonly nowMs: number;
}): Node["state"] {
  if (node.lastSeenMs === undefined || node.nowMs - node.lastSeenMs > limits.silentAfterMs) {
    return "silent";
  }
  if (node.failureCount > 0) return "failing";
  return node.runningVersion >= node.wantedVersion ? "current" : "behind";
}
