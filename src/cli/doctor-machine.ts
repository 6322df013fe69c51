/** Checks of the machine itself: Node, disk, memory, file descriptors, clock. */
import { existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { type Config, programFolder } from "../kernel/config.ts";
import { diskAlarms, nearestFolder } from "../kernel/health.ts";
import { type Check, type Finding, off, on, warning } from "./doctor-check.ts";
import { FREE_BYTES_MIN } from "./up/folders.ts";

const MEBIBYTE = 1024 * 1024;
const FREE_BYTES_WANTED = 5 * 1024 * MEBIBYTE;
/** PostgreSQL, lake, server and gateway together need about 1.2 GB when idle. */
const MEMORY_BYTES_MIN = 1024 * MEBIBYTE;
const MEMORY_BYTES_WANTED = 2048 * MEBIBYTE;
const DESCRIPTORS_MIN = 1024;
/** A proxied connection takes two. */
const DESCRIPTORS_WANTED = 8192;
const CLOCK_YEAR_MIN = 2026;
/** File times and the clock are read at two moments, on some file systems in whole seconds. */
const CLOCK_TOLERANCE_MS = 2_000;

export const MACHINE_CHECKS: readonly Check[] = [
  { name: "node-version", needed: true, run: async () => nodeFinding(process.version) },
  { name: "disk-space", needed: true, run: diskSpace },
  { name: "memory", needed: true, run: memory },
  { name: "file-descriptors", needed: true, run: fileDescriptors },
  { name: "clock", needed: true, run: async (config) => clockFinding(config, Date.now()) },
];

/** @param running such as "v24.21.0", as `process.version` has it. */
export function nodeFinding(running: string): Finding {
  const pinned = `v${pinnedNode()}`;
  if (running === pinned) return on(`${running}, the pinned version`);
  const fix = "start it with ./cordon, which uses the pinned Node; remove node_modules if it does";
  const why = `this is Node ${running}, wanted the pinned ${pinned}`;
  const major = (version: string) => version.split(".")[0];
  return major(running) === major(pinned) ? warning(why, fix) : off(why, fix);
}

function pinnedNode(): string {
  const text = readFileSync(join(programFolder, "package.json"), "utf8");
  const { optionalDependencies } = JSON.parse(text) as {
    readonly optionalDependencies?: Readonly<Record<string, string>>;
  };
  return optionalDependencies?.[`node-linux-${process.arch}`] ?? "unknown";
}

async function diskSpace(config: Config): Promise<Finding> {
  const folder = nearestFolder(config.dataFolder);
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  const why = `${mebibytes(freeBytes)} free on the disk of ${config.dataFolder}`;
  const fix = "free some space, or choose another folder with CORDON_DATA=…";
  const [alarm] = diskAlarms(config);
  if (alarm !== undefined) return off(alarm.message, fix);
  if (freeBytes < FREE_BYTES_MIN) {
    return off(`${why}, wanted at least ${mebibytes(FREE_BYTES_MIN)}`, fix);
  }
  if (freeBytes < FREE_BYTES_WANTED) {
    return warning(`${why}, better ${mebibytes(FREE_BYTES_WANTED)}`, fix);
  }
  return on(why);
}

async function memory(): Promise<Finding> {
  const limit = process.constrainedMemory();
  const bytes = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const why = `${mebibytes(bytes)} for this system or container`;
  const fix = "give it more memory, or raise the memory limit of the container";
  if (bytes < MEMORY_BYTES_MIN) {
    return off(`${why}, wanted at least ${mebibytes(MEMORY_BYTES_MIN)}`, fix);
  }
  if (bytes < MEMORY_BYTES_WANTED) {
    return warning(`${why}, better ${mebibytes(MEMORY_BYTES_WANTED)}`, fix);
  }
  return on(`${why}, ${mebibytes(process.availableMemory())} of it available`);
}

/** What Node has raised the limit to is what its children get. */
async function fileDescriptors(): Promise<Finding> {
  const limits = readFileSync("/proc/self/limits", "latin1");
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1] ?? "0";
  const count = soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
  const why = `a process may open ${soft} files`;
  const fix = "raise it: ulimit -n 65536, or LimitNOFILE=65536 in the systemd unit";
  if (count < DESCRIPTORS_MIN) return off(`${why}, wanted at least ${DESCRIPTORS_MIN}`, fix);
  if (count < DESCRIPTORS_WANTED) return warning(`${why}, better ${DESCRIPTORS_WANTED}`, fix);
  return on(why);
}

/**
 * A clock that runs behind makes certificates invalid and record times go backwards.
 *
 * @param nowMs milliseconds since 1970.
 */
export function clockFinding(config: Config, nowMs: number): Finding {
  const now = new Date(nowMs);
  const fix = "set the clock: timedatectl set-ntp true";
  if (now.getUTCFullYear() < CLOCK_YEAR_MIN) {
    return off(`it is ${now.toISOString()} here, which is before ${CLOCK_YEAR_MIN}`, fix);
  }
  const file = join(config.folders.audit, "checkpoint");
  // A folder that cannot be entered is the finding of another check.
  const written = existsSync(file) ? statSync(file).mtimeMs : 0;
  if (written > nowMs + CLOCK_TOLERANCE_MS) {
    const at = new Date(written).toISOString();
    return warning(`it is ${now.toISOString()} here, but ${file} is of ${at}`, fix);
  }
  return on(`it is ${now.toISOString()}`);
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / MEBIBYTE)} MiB`;
}
