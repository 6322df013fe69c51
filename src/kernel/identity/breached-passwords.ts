/**
 * The operator's list of breached passwords: lines `SHA1HEX` or `SHA1HEX:COUNT` in ascending order
 * of the hash, the form in which such lists are published. Searched on disk, never loaded: the
 * usual list has more than 30 GB.
 */
import { type FileHandle, open } from "node:fs/promises";

const LINE_BYTES_MAX = 64;

/** Looks hashes up in the file; without a file nothing is breached. */
export function breachedPasswords(file: string): { has(sha1: Buffer): Promise<boolean> } {
  return {
    async has(sha1) {
      const handle = await open(file, "r").catch((error: unknown) => {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      });
      if (handle === undefined) return false;
      try {
        const { size } = await handle.stat();
        return await search(handle, { size, wanted: sha1.toString("hex").toUpperCase() });
      } finally {
        await handle.close();
      }
    },
  };
}

/** Binary search over byte offsets; each probe reads the line that begins at or after it. */
async function search(
  handle: FileHandle,
  { size, wanted }: { size: number; wanted: string },
): Promise<boolean> {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { text, next } = await lineAt(handle, middle);
    if (text === undefined) {
      high = middle;
      continue;
    }
    const hash = text.slice(0, wanted.length).toUpperCase();
    if (hash === wanted) return true;
    if (hash < wanted) low = next;
    else high = middle;
  }
  return false;
}

/** The first line that begins at `offset` or later, and where the one after it begins. */
async function lineAt(handle: FileHandle, offset: number) {
  const from = Math.max(0, offset - 1);
  const { buffer, bytesRead } = await handle.read(
    Buffer.alloc(2 * LINE_BYTES_MAX + 2),
    0,
    2 * LINE_BYTES_MAX + 2,
    from,
  );
  const text = buffer.subarray(0, bytesRead).toString("latin1");
  const start = offset === 0 ? 0 : text.indexOf("\n") + 1;
  if (offset !== 0 && start === 0) return { text: undefined, next: offset };
  const end = text.indexOf("\n", start);
  const line = text.slice(start, end === -1 ? undefined : end).trim();
  if (line === "") return { text: undefined, next: offset };
  return { text: line, next: from + (end === -1 ? text.length : end + 1) };
}
