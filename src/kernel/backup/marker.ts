/**
 * The note that a restore is under way. It is written before anything is changed and removed when
 * all of it is done, so that a state that is half one and half another is never started.
 */
import { existsSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeWhole } from "../audit-log/tile-files.ts";
import type { Config } from "../config.ts";
import type { Comparison } from "./known-state.ts";

export type RestoreMarker = {
  readonly backupId: string;
  readonly startTime: string;
  /** Name of the folder inside the data folder that the former files are moved to. */
  readonly aside: string;
  /** Made before the first attempt changed anything; later attempts go by it. */
  readonly comparison: Comparison;
};

const NAME = "restore-unfinished.json";

/** The restore that did not come to its end; undefined when there is none. */
export function unfinishedRestore(config: Config): RestoreMarker | undefined {
  const file = join(config.dataFolder, NAME);
  // Written by `beginRestore` only.
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as RestoreMarker) : undefined;
}

export async function beginRestore(config: Config, marker: RestoreMarker): Promise<void> {
  await writeWhole(config.dataFolder, NAME, {
    bytes: Buffer.from(JSON.stringify(marker)),
    sync: true,
  });
}

export async function endRestore(config: Config): Promise<void> {
  await rm(join(config.dataFolder, NAME), { force: true });
  await syncFolder(config.dataFolder);
}
