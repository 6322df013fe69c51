/** Small files that are there whole or not at all, also after a loss of power. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf } from "../../kernel/process/text.ts";

/** Writes beside, flushes, renames, flushes the folder. Readable by the owner only. */
export async function writeDurably(file: string, bytes: Buffer | string): Promise<void> {
  const fresh = await open(`${file}.new`, "w", 0o600);
  try {
    await fresh.writeFile(bytes);
    await fresh.sync();
  } finally {
    await fresh.close();
  }
  await rename(`${file}.new`, file);
  await syncFolder(dirname(file));
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const known = new Set<string>();

/**
 * Makes a folder that is still there after a loss of power: flushing a file in it does not flush
 * the folder's own name in the folder above. For fixed names only, since they are remembered.
 */
export async function makeFolder(folder: string): Promise<void> {
  if (known.has(folder)) return;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await syncFolder(dirname(folder));
  known.add(folder);
}

/** Undefined when there is no such file. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
