/** What `status` and `down` know of a running supervisor: one file, replaced at every change. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../kernel/config.ts";
import type { ChildStatus } from "../../kernel/process/child.ts";
import type { ProcessIdentity } from "../../kernel/process/liveness.ts";

export type UpState = {
  readonly supervisor: ProcessIdentity;
  readonly startedAt: string;
  readonly ready: boolean;
  readonly children: readonly ChildStatus[];
};

export function stateFile(config: Config): string {
  return join(config.folders.run, "up.json");
}

export function writeState(config: Config, state: UpState): void {
  const file = stateFile(config);
  try {
    writeFileSync(`${file}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch {
    // A full disk must not end the supervisor; `status` shows the last state and the alarm.
  }
}

/** The last written state, of a living supervisor or a dead one; undefined when there is none. */
export function readState(config: Config): UpState | undefined {
  try {
    // The file is ours alone (0600 in a 0700 folder) and written by writeState only.
    return JSON.parse(readFileSync(stateFile(config), "utf8")) as UpState;
  } catch {
    return undefined;
  }
}

export function removeState(config: Config): void {
  rmSync(stateFile(config), { force: true });
}
