/** The folders of one Cordon: made private, checked for owner and space before anything starts. */
import { createHash } from "node:crypto";
import { accessSync, constants, lstatSync, mkdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { type Config, socketFolderFits } from "../../kernel/config.ts";
import { codeOf } from "../../kernel/process/text.ts";
import { CommandError } from "../exit.ts";

/** Below this, PostgreSQL and the spools could not even write their first segments. */
export const FREE_BYTES_MIN = 512 * 1024 * 1024;
/** The longest socket name below the run folder, as a folder: "/postgres". */
const SOCKET_SUBFOLDER = "postgres";

/**
 * The same configuration with a run folder short enough for Unix sockets: a very long data folder
 * gets one in /tmp, named by user and data folder, so that every command finds the same.
 */
export function withShortRunFolder(config: Config): Config {
  if (socketFolderFits(join(config.folders.run, SOCKET_SUBFOLDER))) return config;
  const name = createHash("sha256").update(config.dataFolder).digest("hex").slice(0, 16);
  const run = `/tmp/cordon-${process.getuid?.() ?? 0}-${name}`;
  return { ...config, folders: { ...config.folders, run } };
}

/** The lock of the data folder; it is there even when the run folder is elsewhere. */
export function lockFile(config: Config): string {
  return join(config.dataFolder, "up.lock");
}

/** @throws CommandError when a folder cannot be made, is another user's, or the disk is full. */
export function prepareFolders(config: Config, freeBytesMin = FREE_BYTES_MIN): void {
  makePrivate(config.dataFolder, "CORDON_DATA");
  const { run, logs, keys, rules } = config.folders;
  for (const folder of [run, logs, keys, rules]) makePrivate(folder, "CORDON_DATA");
  const { bavail, bsize } = statfsSync(config.dataFolder);
  const freeBytes = bavail * bsize;
  if (freeBytes < freeBytesMin) {
    const mebibytes = (bytes: number) => `${Math.floor(bytes / 1024 / 1024)} MiB`;
    throw new CommandError(
      `Cannot start: the disk of ${config.dataFolder} has ${mebibytes(freeBytes)} free, ` +
        `wanted at least ${mebibytes(freeBytesMin)}`,
      { fix: "free some space, or choose another folder with CORDON_DATA=…" },
    );
  }
}

function makePrivate(folder: string, variable: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stats = lstatSync(folder);
    const user = process.getuid?.() ?? 0;
    if (stats.uid !== user) {
      throw new CommandError(
        `Cannot use ${folder}: it belongs to user ${stats.uid}, and this is user ${user}`,
        { fix: `run as its owner, or choose another folder with ${variable}=…` },
      );
    }
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`Cannot make or write ${folder}: ${codeOf(error) ?? error}`, {
      fix: `check its owner and mode, or choose another folder with ${variable}=…`,
    });
  }
}
