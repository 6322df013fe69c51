/**
 * What is inside a sealed file: a tar archive, compressed, so that `age -d FILE | tar -tz` shows
 * it. Entries come and go one after another; none is held whole but those that are small.
 */
import { once } from "node:events";
import { open } from "node:fs/promises";
import type { Readable, Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGunzip, createGzip } from "node:zlib";
import { extract, pack } from "tar-stream";
import { BackupError } from "./sealed-file.ts";

const FILE_MODE = 0o600;
const READ_BYTES = 262_144;
/** Names are Cordon's own: no entry may leave the folder it is restored to. */
const NAME = /^(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9._@+=:,~ -]+(?:\/[A-Za-z0-9._@+=:,~ -]+)*$/;
const NAME_CHARS_MAX = 1_000;

export type ArchiveWriter = {
  add(name: string, bytes: Buffer): Promise<void>;
  /** As many bytes as the file has now; it may grow meanwhile, and may not shrink. */
  addFile(name: string, path: string): Promise<void>;
  /** Ends the archive; resolves when all of it went through `to`. */
  end(): Promise<void>;
};

/** Writes an archive into these streams. */
export function writeArchive(through: Transform, to: Writable): ArchiveWriter {
  const tar = pack();
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  const done = pipeline(tar, gzip, through, to);
  // A disk that refuses is told by `end`, and by every `add` before it.
  let failure: unknown;
  done.catch((error: unknown) => {
    failure = error;
    tar.destroy(new Error("The archive cannot be written"));
  });
  const refuse = (): void => {
    if (failure !== undefined) throw failure;
  };
  const header = (name: string, size: number) => ({
    name: checkedName(name),
    size,
    mode: FILE_MODE,
  });
  return {
    async add(name, bytes) {
      refuse();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      tar.entry(header(name, bytes.length), bytes, (error) => (error ? reject(error) : resolve()));
      await Promise.race([promise, done.then(() => promise)]);
    },
    async addFile(name, path) {
      refuse();
      const file = await open(path, "r");
      try {
        const { size } = await file.stat();
        const entry = tar.entry(header(name, size));
        const ended = once(entry, "close");
        ended.catch(() => {});
        for (let at = 0; at < size; ) {
          const length = Math.min(READ_BYTES, size - at);
          const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
          if (bytesRead === 0) throw new BackupError(`Cannot copy ${path}: it became shorter`);
          at += bytesRead;
          refuse();
          if (!entry.write(buffer.subarray(0, bytesRead))) {
            await Promise.race([once(entry, "drain"), done]);
          }
        }
        entry.end(null);
        await Promise.race([ended, done]);
      } finally {
        await file.close();
      }
    },
    async end() {
      tar.finalize();
      await done;
      refuse();
    },
  };
}

export type ArchiveEntry = {
  readonly name: string;
  readonly size: number;
  readonly bytes: AsyncIterable<Buffer>;
};

/** Gives each entry to `take`, which must read all of it. */
export async function readArchive(
  from: Readable,
  take: (entry: ArchiveEntry) => Promise<void>,
): Promise<void> {
  const tar = extract();
  const fed = pipeline(from, createGunzip(), tar);
  fed.catch(() => {});
  for await (const entry of tar) {
    const { name, size = 0, type } = entry.header;
    if (type !== "file" || checkedName(name) !== name) {
      throw new BackupError(`Cannot read the backup: its entry "${name}" is no plain file`);
    }
    await take({ name, size, bytes: buffersOf(entry) });
  }
  await fed;
}

async function* buffersOf(entry: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const part of entry) {
    if (Buffer.isBuffer(part)) yield part;
  }
}

/** A small entry as a whole. @throws BackupError when it is larger than `bytesMax`. */
export async function wholeEntry(entry: ArchiveEntry, bytesMax: number): Promise<Buffer> {
  if (entry.size > bytesMax) {
    throw new BackupError(`Cannot read the backup: its entry "${entry.name}" is too large`);
  }
  const parts: Buffer[] = [];
  for await (const part of entry.bytes) parts.push(part);
  return Buffer.concat(parts);
}

function checkedName(name: string): string {
  if (name.length <= NAME_CHARS_MAX && NAME.test(name)) return name;
  throw new BackupError(`Cannot use the name "${name}" in a backup`);
}
