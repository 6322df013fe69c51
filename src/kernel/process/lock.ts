/**
 * One Cordon per data folder: a lock file that names its holder. A lock whose holder is gone is
 * taken over, because a machine that lost power must start again without help.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { identify, isAlive, type ProcessIdentity } from "./liveness.ts";
import { codeOf } from "./text.ts";

export type Lock = { readonly release: () => void };

/** Takes the lock, or tells who holds it. */
export function takeLock(file: string): Lock | { readonly heldBy: ProcessIdentity } {
  const self = identify(process.pid) ?? { pid: process.pid, startTicks: 0 };
  const mine = `${file}.${self.pid}`;
  writeFileSync(mine, JSON.stringify(self), { mode: 0o600 });
  try {
    // link(2) is atomic: of two starting at once, one finds the file there.
    linkSync(mine, file);
    rmSync(mine);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const holder = lockHolder(file);
    if (holder !== undefined) {
      rmSync(mine);
      return { heldBy: holder };
    }
    renameSync(mine, file);
  }
  return {
    release: () => {
      if (lockHolder(file)?.pid === self.pid) rmSync(file, { force: true });
    },
  };
}

/** The living process that holds the lock; undefined when nobody does. */
export function lockHolder(file: string): ProcessIdentity | undefined {
  const identity = readIdentity(file);
  return identity !== undefined && isAlive(identity) ? identity : undefined;
}

function readIdentity(file: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, startTicks } = Object.fromEntries(Object.entries(value));
    if (typeof pid !== "number" || typeof startTicks !== "number") return undefined;
    return { pid, startTicks };
  } catch {
    return undefined;
  }
}
