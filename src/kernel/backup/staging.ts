/** Files of a backup on their way into the data folder: written aside, then renamed. */
import { existsSync } from "node:fs";
import { copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeEntryBundle, TILE_WIDTH, tilePath } from "../../engines/tlog/tile.ts";
import { encodeFrames } from "../audit-log/pending.ts";
import { pendingFile, syncFolder } from "../audit-log/tile-files.ts";
import type { Config } from "../config.ts";

/** Made anew by the machine that starts: identities of its own data planes, and their intent. */
const MADE_ANEW = ["gateway", "netd"] as const;
/** The password of this machine's own embedded database stays with it. */
const OWN_KEY = "postgres";

export type StagingArea = ReturnType<typeof stagingArea>;

/** @param folders.aside where former files go. */
export function stagingArea(
  config: Config,
  { staged, aside }: { readonly staged: string; readonly aside: string },
) {
  const write = async (path: string, parts: AsyncIterable<Buffer>): Promise<void> => {
    const target = join(staged, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const file = await open(target, "wx", 0o600);
    try {
      for await (const part of parts) await file.write(part);
      await file.sync();
    } finally {
      await file.close();
    }
  };
  return {
    writeFile: write,
    /** Hash tiles and checkpoints are derived: opening the log makes them. */
    async writeAudit(entries: readonly Buffer[], first: number): Promise<void> {
      const full = entries.length === TILE_WIDTH;
      const index = Math.floor(first / TILE_WIDTH);
      const name = full
        ? tilePath({ level: "entries", index, width: TILE_WIDTH })
        : pendingFile(first);
      const bytes = full ? encodeEntryBundle(entries) : encodeFrames(entries);
      await write(join("audit", name), partsOf(bytes));
    },
    /** Names as durable as the bytes. */
    sync: () => syncTree(staged),
    /**
     * Renames what is staged into the data folder. What was there goes aside once; on a later
     * attempt what is there came from the backup and is removed.
     *
     * @returns whether anything is aside.
     */
    async putInPlace({ keepAudit }: { readonly keepAudit: boolean }): Promise<boolean> {
      const { keys, audit } = config.folders;
      const own = join(keys, OWN_KEY);
      await mkdir(join(staged, "keys"), { recursive: true, mode: 0o700 });
      if (existsSync(own)) await copyFile(own, join(staged, "keys", OWN_KEY));
      const replaced = (await readdir(staged)).filter((name) => name !== "audit" || !keepAudit);
      if (!keepAudit && !replaced.includes("audit") && existsSync(audit)) replaced.push("audit");
      await mkdir(aside, { recursive: true, mode: 0o700 });
      for (const name of [...replaced, ...MADE_ANEW]) {
        await moveAside(join(config.dataFolder, name), join(aside, name));
        const fresh = join(staged, name);
        if (existsSync(fresh)) await rename(fresh, join(config.dataFolder, name));
      }
      await syncFolder(config.dataFolder);
      await rm(staged, { recursive: true, force: true });
      if ((await readdir(aside)).length > 0) return true;
      await rm(aside, { recursive: true, force: true });
      return false;
    },
  };
}

async function moveAside(path: string, to: string): Promise<void> {
  if (!existsSync(path)) return;
  if (existsSync(to)) await rm(path, { recursive: true, force: true });
  else await rename(path, to);
}

async function* partsOf(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(folder, entry.name));
  }
  await syncFolder(folder);
}
