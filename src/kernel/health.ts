/** What is wrong with this machine's Cordon now, said out loud: full disks. It mends nothing. */
import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "./config.ts";

export type Alarm = {
  /** What is in trouble, in kebab-case: `disk`, `audit`, `spool` … */
  readonly part: string;
  readonly message: string;
  readonly fix: string;
};

const MEBIBYTE = 1024 * 1024;
/** Below this the next segments of PostgreSQL, lake and spool may already be refused. */
export const DISK_ALARM_BYTES = 128 * MEBIBYTE;

/** One alarm per disk below the limit that holds a part of the data folder. */
export function diskAlarms(config: Config, freeBytesMin = DISK_ALARM_BYTES): readonly Alarm[] {
  const { audit, spool, postgres, lake } = config.folders;
  const alarms = new Map<number, Alarm>();
  for (const folder of [config.dataFolder, audit, spool, postgres, lake]) {
    const at = nearestFolder(folder);
    const { dev } = statSync(at);
    const { bavail, bsize, blocks } = statfsSync(at);
    const freeBytes = bavail * bsize;
    // A disk may be small on purpose: then a quarter of it is the limit.
    const wanted = Math.min(freeBytesMin, (blocks * bsize) / 4);
    if (freeBytes >= wanted || alarms.has(dev)) continue;
    const free = `${Math.floor(freeBytes / MEBIBYTE)} MiB`;
    const message =
      `The disk of ${folder} has ${free} free: ` +
      "operations are refused and events are not kept when it is full";
    alarms.set(dev, { part: "disk", message, fix: "free some space; it recovers by itself" });
  }
  return [...alarms.values()];
}

/** The folder, or when it is not made yet the one it will be made in. */
export function nearestFolder(folder: string): string {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  return nearest;
}
