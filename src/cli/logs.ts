/** `cordon logs [NAME] [-f]`: the end of the logs, and what is added to them. */
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../kernel/config.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

const TAIL_BYTES = 16 * 1024;
const READ_BYTES_MAX = 256 * 1024;
const POLL_MS = 250;

export async function logs(args: readonly string[]): Promise<ExitStatus> {
  const follow = args.includes("-f");
  const names = args.filter((arg) => arg !== "-f");
  const folder = readConfig(process.env).folders.logs;
  const all = existsSync(folder)
    ? readdirSync(folder).flatMap((file) => /^(.+)\.log$/.exec(file)?.[1] ?? [])
    : [];
  const [name] = names;
  if (names.length > 1 || (name !== undefined && !all.includes(name))) {
    throw new CommandError(`Cannot show the log of "${names.join(" ")}"`, {
      fix: `there is: ${all.join(", ") || "none yet"}`,
      status: EXIT.usage,
    });
  }
  const chosen = name === undefined ? all : [name];
  const positions = new Map<string, number>();
  do {
    for (const each of chosen) {
      const prefix = chosen.length === 1 ? "" : `${each}: `;
      printNew(join(folder, `${each}.log`), { prefix, positions });
    }
    if (follow) await sleep(POLL_MS);
  } while (follow);
  return EXIT.ok;
}

/** Prints whole lines added since the last call; at first the last part of the file. */
function printNew(file: string, at: { prefix: string; positions: Map<string, number> }): void {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const known = at.positions.get(file);
    let from = known ?? Math.max(0, size - TAIL_BYTES);
    // A rotated file starts anew.
    if (from > size) from = 0;
    const bytes = Buffer.alloc(Math.min(size - from, READ_BYTES_MAX));
    readSync(descriptor, bytes, 0, bytes.length, from);
    const end = bytes.lastIndexOf("\n") + 1;
    at.positions.set(file, from + end);
    const lines = bytes.toString("utf8", 0, end).split("\n").slice(0, -1);
    if (known === undefined && from > 0) lines.shift();
    process.stdout.write(lines.map((line) => `${at.prefix}${line}\n`).join(""));
  } finally {
    closeSync(descriptor);
  }
}
