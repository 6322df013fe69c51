/** `cordon down`: asks the supervisor to stop everything and waits until it has. */
import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../kernel/config.ts";
import { isAlive, signal } from "../kernel/process/liveness.ts";
import { lockHolder } from "../kernel/process/lock.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { lockFile } from "./up/folders.ts";

/** Longer than all graces of the children together. */
const STOP_MAX_MS = 90_000;

export async function down(args: readonly string[]): Promise<ExitStatus> {
  if (args.length > 0) {
    throw new CommandError(`Cannot read "${args[0]}": down takes no argument`, {
      status: EXIT.usage,
    });
  }
  const config = readConfig(process.env);
  const holder = lockHolder(lockFile(config));
  if (holder === undefined) {
    process.stdout.write(`Cordon does not run on ${config.dataFolder}.\n`);
    return EXIT.ok;
  }
  signal(holder.pid, "SIGTERM");
  const until = performance.now() + STOP_MAX_MS;
  while (isAlive(holder) && performance.now() < until) await sleep(50);
  if (isAlive(holder)) {
    throw new CommandError(`Cannot stop process ${holder.pid} within ${STOP_MAX_MS / 1000} s`, {
      fix: `see ./cordon logs; end it with: kill -INT ${holder.pid}`,
    });
  }
  process.stdout.write("Cordon is down.\n");
  return EXIT.ok;
}
