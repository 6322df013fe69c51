/** What is wrong with this machine's Cordon now, said out loud: full disks. It mends nothing. */
import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Coded, CodedText } from "../lib/coded-text.ts";
import type { Config } from "./config.ts";
import { tell } from "./texts.ts";

export type Alarm = {
  /** What is in trouble, in kebab-case: `disk`, `audit`, `spool` … */
  readonly part: string;
  readonly message: string;
  readonly messageCoded: Coded | null;
  readonly fix: string;
  readonly fixCoded: Coded | null;
};

/** What is wrong with a part, and what to do about it. */
export const alarmOf = (part: string, message: CodedText, fix: CodedText): Alarm => ({
  ...{ part, message: message.text, messageCoded: message.coded },
  ...{ fix: fix.text, fixCoded: fix.coded },
});

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
    const freeMebibytes = Math.floor(freeBytes / MEBIBYTE);
    const message = tell("kernel.diskNearlyFull", { folder, freeMebibytes });
    alarms.set(dev, alarmOf("disk", message, tell("kernel.freeSpace", {})));
  }
  return [...alarms.values()];
}

/** The folder, or when it is not made yet the one it will be made in. */
export function nearestFolder(folder: string): string {
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  return nearest;
}
