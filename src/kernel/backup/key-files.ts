/**
 * Files of the data folder that go into a backup: keys, and what the operator put into `rules`.
 * The password of the embedded database stays: it belongs to that very database.
 */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { codeOf } from "../process/text.ts";

export const HEADS_FOLDER = "heads";
/** Of the embedded database, and drafts that a rename makes whole. */
const LEFT_OUT = /^(?:postgres(?:\.new)?|.*\.new)$/;
const DEPTH_MAX = 16;

/** Paths below `folder` in order, without the heads. */
export async function keyFiles(folder: string): Promise<readonly string[]> {
  const paths = await filesBelow(folder);
  return paths.filter((path) => !path.startsWith(`${HEADS_FOLDER}/`));
}

/** Regular files below a folder, relative to it, in order; links are not followed. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const walk = async (at: string, depth: number): Promise<void> => {
    if (depth > DEPTH_MAX) throw new Error(`Cannot read ${at}: nested too deep`);
    for (const entry of await readdir(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) await walk(path, depth + 1);
      else if (entry.isFile() && !LEFT_OUT.test(entry.name)) found.push(relative(folder, path));
    }
  };
  if (existsSync(folder)) await walk(folder, 0);
  return found.sort();
}

/** keyd's record of each account's state, by file name. */
export async function readHeads(keysFolder: string): Promise<ReadonlyMap<string, Buffer>> {
  const heads = new Map<string, Buffer>();
  const folder = join(keysFolder, HEADS_FOLDER);
  for (const name of await filesBelow(folder)) {
    try {
      heads.set(name, await readFile(join(folder, name)));
    } catch (error) {
      // An account that was shredded meanwhile.
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
  return heads;
}

/** The epoch of a head's file; undefined for what is none. */
export function epochOf(head: Buffer): number | undefined {
  try {
    // Only compared; keyd checks the file's MAC before it believes it.
    const { current } = JSON.parse(head.toString("utf8")) as { current?: { epoch?: unknown } };
    return typeof current?.epoch === "number" ? current.epoch : undefined;
  } catch {
    return undefined;
  }
}

export function sameHeads(
  left: ReadonlyMap<string, Buffer>,
  right: ReadonlyMap<string, Buffer>,
): boolean {
  if (left.size !== right.size) return false;
  return [...left].every(([name, bytes]) => right.get(name)?.equals(bytes) === true);
}
