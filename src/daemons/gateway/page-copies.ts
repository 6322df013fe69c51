/**
 * Copies of approved pages: files named by the SHA-256 of the body, which all workers of a gateway
 * share. What is on the disk is believed only when it still has that digest.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const pageLimits = {
  /** Bytes of one guarded page; larger ones are not guarded, and the event says so. */
  pageBytesMax: 524_288,
  /** Copies kept in memory per worker, and on the disk per gateway. */
  copiesInMemoryMax: 64,
  copiesOnDiskMax: 2_048,
} as const;

export type PageCopy = { readonly contentType: string; readonly body: Buffer };

export type PageCopies = {
  find(digest: string): PageCopy | null;
  /** False when it could not be kept. */
  keep(digest: string, copy: PageCopy): boolean;
};

export const digestOf = (body: Buffer): string => createHash("sha256").update(body).digest("hex");

/** Copies in a folder; without one, in memory only. */
export function pageCopies(folder: string | null): PageCopies {
  const memory = new Map<string, PageCopy>();
  const remember = (digest: string, copy: PageCopy): void => {
    const [oldest] = memory.keys();
    if (memory.size >= pageLimits.copiesInMemoryMax && oldest !== undefined) memory.delete(oldest);
    memory.set(digest, copy);
  };
  return {
    find(digest) {
      const known = memory.get(digest);
      if (known !== undefined || folder === null || !/^[0-9a-f]{64}$/.test(digest)) {
        return known ?? null;
      }
      const copy = readCopy(join(folder, digest));
      if (copy === null || digestOf(copy.body) !== digest) return null;
      remember(digest, copy);
      return copy;
    },
    keep(digest, copy) {
      remember(digest, copy);
      return folder === null || writeCopy(folder, digest, copy);
    },
  };
}

/** The media type in the first line, then the body. */
function readCopy(file: string): PageCopy | null {
  try {
    const bytes = readFileSync(file);
    const end = bytes.indexOf(10);
    if (end < 0) return null;
    return { contentType: bytes.toString("latin1", 0, end), body: bytes.subarray(end + 1) };
  } catch {
    return null;
  }
}

function writeCopy(folder: string, digest: string, { contentType, body }: PageCopy): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (readdirSync(folder).length >= pageLimits.copiesOnDiskMax) return false;
    const file = join(folder, digest);
    const bytes = Buffer.concat([Buffer.from(`${contentType}\n`, "latin1"), body]);
    writeFileSync(`${file}.${process.pid}`, bytes, { mode: 0o600, flush: true });
    renameSync(`${file}.${process.pid}`, file);
    return true;
  } catch {
    return false;
  }
}
