/** Ends what an earlier supervisor left running when it was killed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../../kernel/config.ts";
import { stopLeftoverServer } from "../../kernel/postgres/server.ts";
import { isAlive, signal } from "../../kernel/process/liveness.ts";
import { readState } from "./state.ts";

/** A daemon ends by itself when its supervisor is gone; this is how long it may take. */
const GRACE_MS = 10_000;

/** Must hold the lock of the data folder: only then is no child anybody else's. */
export async function stopLeftovers(config: Config): Promise<void> {
  const children = readState(config)?.children ?? [];
  const daemons = children.filter((child) => child.name !== "postgres");
  const living = daemons.flatMap(({ process }) => (process && isAlive(process) ? [process] : []));
  for (const { pid } of living) signal(pid, "SIGTERM");
  const until = performance.now() + GRACE_MS;
  while (living.some(isAlive) && performance.now() < until) await sleep(50);
  for (const identity of living) if (isAlive(identity)) signal(-identity.pid, "SIGKILL");
  if (config.databaseUrl === undefined) await stopLeftoverServer(config);
}
