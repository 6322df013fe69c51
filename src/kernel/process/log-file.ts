/**
 * The log file of one child, rotated by size. The child writes to it directly, so that its last
 * words survive the supervisor; rotation therefore copies and truncates (O_APPEND continues at 0).
 */
import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

/** A file beyond this is moved to `NAME.log.1`; with that, a child's logs stay below twice it. */
const LOG_BYTES_MAX = 10 * 1024 * 1024;
const CHECK_EVERY_MS = 10_000;

export type LogFile = {
  readonly path: string;
  /** Descriptor to hand to the child as its output. */
  readonly descriptor: () => number;
  /** Writes a line of the supervisor's own between the child's. */
  readonly note: (line: string) => void;
  readonly close: () => void;
};

export function logPath(logsFolder: string, name: string): string {
  return join(logsFolder, `${name}.log`);
}

/** INVARIANT: a full disk loses lines of a log, never a process. */
export function writeOrDrop(descriptor: number, text: string | Uint8Array): void {
  try {
    if (typeof text === "string") writeSync(descriptor, text);
    else writeSync(descriptor, text);
  } catch {
    // Nobody could be told: the log is where it would be said.
  }
}

/** Opens (and makes) the log of one child; nobody but the operator may read it. */
export function openLog(
  logsFolder: string,
  name: string,
  options: { bytesMax?: number; checkEveryMs?: number } = {},
): LogFile {
  const path = logPath(logsFolder, name);
  const descriptor = openSync(path, "a+", 0o600);
  let open = true;
  const rotate = (): void => {
    if (fstatSync(descriptor).size <= (options.bytesMax ?? LOG_BYTES_MAX)) return;
    try {
      copyFileSync(path, `${path}.1`);
    } catch {
      // A full disk: space is worth more than the older half of a log.
    }
    ftruncateSync(descriptor, 0);
  };
  const timer = setInterval(rotate, options.checkEveryMs ?? CHECK_EVERY_MS).unref();
  rotate();
  return {
    path,
    descriptor: () => descriptor,
    note: (line) => {
      if (open) writeOrDrop(descriptor, `${new Date().toISOString()} supervisor: ${line}\n`);
    },
    close: () => {
      if (!open) return;
      open = false;
      clearInterval(timer);
      closeSync(descriptor);
    },
  };
}
