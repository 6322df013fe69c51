/** A file as a source of ranges. */
import { open } from "node:fs/promises";
import { EncryptionError } from "./errors.ts";
import type { Source } from "./random-access.ts";

/** The file at this path; close it when done. */
export async function openFileSource(path: string): Promise<Source & { close(): Promise<void> }> {
  const file = await open(path, "r");
  const { size } = await file.stat();
  return {
    bytes: size,
    async read(from, bytes) {
      const wanted = Buffer.alloc(bytes);
      let done = 0;
      while (done < bytes) {
        const { bytesRead } = await file.read(wanted, done, bytes - done, from + done);
        if (bytesRead === 0) {
          throw new EncryptionError("messageInvalid", "The file became shorter while it was read");
        }
        done += bytesRead;
      }
      return wanted;
    },
    close: () => file.close(),
  };
}
