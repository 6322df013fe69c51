/**
 * A whole run of the supervisor: checks, start, watch, stop. What the children and the preparing
 * steps are is given as data, so that tests run the very same code with tiny daemons.
 */
import { unfinishedRestore } from "../../kernel/backup/marker.ts";
import { type Config, ConfigError } from "../../kernel/config.ts";
import { ChildFailedError, type ChildSpec, type ChildStatus } from "../../kernel/process/child.ts";
import { StartError } from "../../kernel/process/daemon.ts";
import { identify } from "../../kernel/process/liveness.ts";
import { takeLock } from "../../kernel/process/lock.ts";
import { type Supervisor, supervise } from "../../kernel/process/supervise.ts";
import { CommandError, EXIT, type ExitStatus } from "../exit.ts";
import { type Report, step } from "../progress.ts";
import { lockFile, prepareFolders } from "./folders.ts";
import { stopLeftovers } from "./leftovers.ts";
import { checkPorts, type Listener } from "./ports.ts";
import { removeState, writeState } from "./state.ts";

export type PrepareStep = {
  readonly name: string;
  readonly run: (config: Config, report: Report) => Promise<void>;
};

export type UpOptions = {
  readonly config: Config;
  readonly listeners: readonly Listener[];
  readonly steps: readonly PrepareStep[];
  readonly children: (config: Config) => readonly ChildSpec[];
  readonly report: Report;
  readonly onReady: (status: readonly ChildStatus[]) => void;
  /** Aborted when the operator wants it to stop. */
  readonly stop: AbortSignal;
  /** Aborted when the operator does not want to wait for the stop. */
  readonly kill: AbortSignal;
};

/**
 * Runs until `stop` is aborted.
 *
 * @throws CommandError with the way out; nothing is left running then.
 */
export async function runUp(options: UpOptions): Promise<ExitStatus> {
  const { config } = options;
  prepareFolders(config);
  const lock = takeLock(lockFile(config));
  if ("heldBy" in lock) {
    throw new CommandError(
      `Cannot start: Cordon already runs on ${config.dataFolder}, process ${lock.heldBy.pid}`,
      { fix: "see ./cordon status; stop it with ./cordon down", status: EXIT.conflict },
    );
  }
  try {
    refuseHalfRestored(config);
    await stopLeftovers(config);
    await checkPorts(options.listeners);
    for (const { name, run } of options.steps) {
      if (options.stop.aborted) return EXIT.ok;
      await step(options.report, name, () => run(config, options.report));
    }
    return await runChildren(options);
  } catch (error) {
    throw asCommandError(error);
  } finally {
    removeState(config);
    lock.release();
  }
}

/** A state that is half of a backup and half of what was before must not be served. */
function refuseHalfRestored(config: Config): void {
  const unfinished = unfinishedRestore(config);
  if (unfinished === undefined) return;
  throw new CommandError(
    `Cannot start: the restore of ${unfinished.backupId}, begun ${unfinished.startTime}, ` +
      "did not come to its end",
    { fix: "run the same ./cordon backup restore FILE again", status: EXIT.conflict },
  );
}

async function runChildren(options: UpOptions): Promise<ExitStatus> {
  const { config, report, stop } = options;
  const supervisorProcess = identify(process.pid) ?? { pid: process.pid, startTicks: 0 };
  const startedAt = new Date().toISOString();
  const begun = new Map<string, number>();
  let ready = false;
  let supervisor: Supervisor | undefined;
  const onChange = (status: ChildStatus): void => {
    const children = supervisor?.status() ?? [];
    writeState(config, { supervisor: supervisorProcess, startedAt, ready, children });
    if (!ready) reportStart(report, begun, status);
  };
  supervisor = supervise(options.children(config), {
    logsFolder: config.folders.logs,
    onChange,
    onProgress: (name, message) => report({ type: "note", step: name, message }),
  });
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  const kill = () => supervisor.kill();
  options.kill.addEventListener("abort", kill);
  try {
    const outcome = await Promise.race([
      supervisor.start().then(() => "ready" as const),
      stopped.then(() => "stopped" as const),
    ]);
    if (outcome === "stopped") return EXIT.ok;
    ready = true;
    const children = supervisor.status();
    writeState(config, { supervisor: supervisorProcess, startedAt, ready, children });
    options.onReady(children);
    await stopped;
    return EXIT.ok;
  } finally {
    await supervisor.stop();
    options.kill.removeEventListener("abort", kill);
  }
}

/** A child's first start as a step of `up`. */
function reportStart(report: Report, begun: Map<string, number>, status: ChildStatus): void {
  const { name, state } = status;
  const begin = begun.get(name);
  if (state === "starting" && begin === undefined) {
    begun.set(name, performance.now());
    report({ type: "begin", step: name });
  }
  if ((state === "ready" || state === "failed") && begin !== undefined) {
    begun.delete(name);
    const tookMs = performance.now() - begin;
    report({ type: "end", step: name, ok: state === "ready", tookMs });
  }
}

function asCommandError(error: unknown): unknown {
  if (error instanceof ChildFailedError) {
    return new CommandError(`Cannot start ${error.child}: ${error.message}`, { fix: error.fix });
  }
  if (error instanceof StartError) return new CommandError(error.message, { fix: error.fix });
  if (error instanceof ConfigError) return new CommandError(error.message);
  return error;
}
