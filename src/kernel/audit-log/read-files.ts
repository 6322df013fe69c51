/**
 * The audit log's entries straight from its files, while another process may go on writing: what
 * is read is a beginning of the log, never a gap.
 */
import { join } from "node:path";
import { emptyFrontier, extendFrontier, frontierRoot } from "../../engines/tlog/frontier.ts";
import { leafHash } from "../../engines/tlog/merkle.ts";
import { TILE_WIDTH } from "../../engines/tlog/tile.ts";
import { decodeFrames } from "./pending.ts";
import { pendingFile, readBundle, readIfThere } from "./tile-files.ts";

/** Groups of entries in order; the last group may have fewer or more than a bundle. */
export async function* readLogFiles(folder: string): AsyncGenerator<readonly Buffer[]> {
  for (let bundle = 0; ; ) {
    const full = await readBundle(folder, bundle);
    if (full !== undefined) {
      yield full;
      bundle += 1;
      continue;
    }
    const pending = await readIfThere(join(folder, pendingFile(bundle * TILE_WIDTH)));
    if (pending === undefined) {
      // Sealed between the two looks: the bundle is there now. Otherwise the log ends here.
      if ((await readBundle(folder, bundle)) === undefined) return;
      continue;
    }
    yield decodeFrames(pending).entries;
    return;
  }
}

export type LogExtent = {
  readonly size: number;
  /** Root of the whole log, and of its first `at` entries when it has as many. */
  readonly root: Buffer;
  readonly rootAt: Buffer | undefined;
};

/** Size and roots of the log in a folder; an empty or missing folder is a log of size 0. */
export async function measureLog(folder: string, at = 0): Promise<LogExtent> {
  let frontier = emptyFrontier;
  let rootAt = at === 0 ? frontierRoot(frontier) : undefined;
  for await (const entries of readLogFiles(folder)) {
    const leaves = entries.map(leafHash);
    const first = at - frontier.size;
    if (first > 0 && first <= leaves.length) {
      rootAt = frontierRoot(extendFrontier(frontier, leaves.slice(0, first)));
    }
    frontier = extendFrontier(frontier, leaves);
  }
  return { size: frontier.size, root: frontierRoot(frontier), rootAt };
}
