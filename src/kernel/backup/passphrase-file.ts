/** The passphrase of backups that are made without anybody there: the first line of a file. */
import { readFile } from "node:fs/promises";
import { messageOf } from "../process/text.ts";
import { BackupError } from "./sealed-file.ts";

/** @throws BackupError when the file cannot be read. */
export async function passphraseIn(file: string): Promise<Buffer> {
  try {
    const bytes = await readFile(file);
    const end = bytes.indexOf(0x0a);
    return end === -1 ? bytes : bytes.subarray(0, end);
  } catch (error) {
    throw new BackupError(
      `Cannot read the passphrase of backups: ${messageOf(error)}`,
      `make ${file} readable for this user, or name another file`,
    );
  }
}
