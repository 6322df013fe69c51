/**
 * One supervised child process: started, watched, restarted with back-off, stopped with a grace.
 * It does not know the other children; their order is `supervise.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, type ProcessIdentity, signal } from "./liveness.ts";
import { type LogFile, openLog } from "./log-file.ts";
import { type ChildMessage, type Details, parseChildMessage } from "./messages.ts";
import { codeOf, messageOf } from "./text.ts";

export type ChildSpec = {
  readonly name: string;
  /** Program and arguments; no shell is involved. */
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Names of the children that must be ready before this one is started. */
  readonly needs: readonly string[];
  /** How the child is known to be ready: its own message, or a question asked until it is true. */
  readonly ready: "message" | { readonly probe: () => Promise<Details | undefined> };
  /** Run before every start, such as clearing what a crash left behind. */
  readonly prepare?: () => Promise<void>;
  readonly cwd?: string;
  /** Run as another user (root only). */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly stopSignal?: NodeJS.Signals;
  readonly stopGraceMs?: number;
  readonly startMaxMs?: number;
};

export type ChildState = "waiting" | "starting" | "ready" | "restarting" | "stopped" | "failed";

export type ChildStatus = {
  readonly name: string;
  readonly state: ChildState;
  readonly process: ProcessIdentity | undefined;
  readonly startedAt: string | undefined;
  /** How often it was started again after its first start. */
  readonly restarts: number;
  readonly details: Details;
  readonly lastError: string | undefined;
};

/** A child that could not be started; `fix` is what its own fatal message advised. */
export class ChildFailedError extends Error {
  override readonly name = "ChildFailedError";
  readonly child: string;
  readonly fix: string | undefined;
  constructor(child: string, message: string, fix: string | undefined) {
    super(message);
    this.child = child;
    this.fix = fix;
  }
}

export type ChildEvents = {
  readonly onChange: (status: ChildStatus) => void;
  readonly onProgress: (name: string, message: string) => void;
  readonly logsFolder: string;
  readonly firstStartAttemptsMax?: number;
};

export type Child = {
  readonly spec: ChildSpec;
  readonly status: () => ChildStatus;
  /** Resolves when it is ready for the first time. @throws ChildFailedError. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Ends it at once; for the operator who does not want to wait. */
  readonly kill: () => void;
};

/** Waits before attempt 2, 3, …; the first is short, so that a crash is hardly seen. */
const BACKOFF_MS = [50, 250, 500, 1_000, 2_000, 4_000] as const;
const FIRST_START_ATTEMPTS_MAX = 5;
/** A child that was ready for so long starts again with the shortest wait. */
const STABLE_MS = 5_000;
const START_MAX_MS = 60_000;
const STOP_GRACE_MS = 10_000;
const PROBE_EVERY_MS = 50;
const GROUP_GONE_MAX_MS = 2_000;
const GROUP_LOOK_EVERY_MS = 5;

type Fatal = Extract<ChildMessage, { type: "fatal" }>;

/** One life of a child, from spawn to exit. */
type Life = {
  readonly process: ChildProcess;
  /** The reason, in words, once the process is gone. */
  readonly exited: Promise<string>;
  readonly becameReady: Promise<Details>;
  fatal: Fatal | undefined;
};

type Run = {
  readonly spec: ChildSpec;
  readonly events: ChildEvents;
  readonly log: LogFile;
  readonly stopping: AbortController;
  readonly firstReady: PromiseWithResolvers<void>;
  state: ChildState;
  starts: number;
  everReady: boolean;
  details: Details;
  identity: ProcessIdentity | undefined;
  startedAt: string | undefined;
  lastError: string | undefined;
  life: Life | undefined;
  loop: Promise<void> | undefined;
};

/** Prepares a child; nothing runs before `start`. */
export function createChild(spec: ChildSpec, events: ChildEvents): Child {
  const run: Run = {
    spec,
    events,
    log: openLog(events.logsFolder, spec.name),
    stopping: new AbortController(),
    firstReady: Promise.withResolvers(),
    state: "waiting",
    starts: 0,
    everReady: false,
    details: {},
    identity: undefined,
    startedAt: undefined,
    lastError: undefined,
    life: undefined,
    loop: undefined,
  };
  return {
    spec,
    status: () => statusOf(run),
    start: () => {
      run.loop ??= keepAlive(run);
      return run.firstReady.promise;
    },
    stop: () => stop(run),
    kill: () => {
      run.stopping.abort();
      killGroup(run.life);
    },
  };
}

function statusOf(run: Run): ChildStatus {
  return {
    name: run.spec.name,
    state: run.state,
    process: run.identity,
    startedAt: run.startedAt,
    restarts: Math.max(0, run.starts - 1),
    details: run.details,
    lastError: run.lastError,
  };
}

function change(run: Run, state: ChildState): void {
  run.state = state;
  run.events.onChange(statusOf(run));
}

async function keepAlive(run: Run): Promise<void> {
  let failures = 0;
  while (!run.stopping.signal.aborted) {
    const readyMs = await liveOnce(run);
    run.identity = undefined;
    if (run.stopping.signal.aborted) break;
    failures = readyMs > STABLE_MS ? 1 : failures + 1;
    run.log.note(`${run.lastError}; failure ${failures} in a row`);
    if (!run.everReady && isHopeless(run, failures)) {
      change(run, "failed");
      run.firstReady.reject(failureOf(run));
      return;
    }
    change(run, run.everReady ? "restarting" : "starting");
    const waitMs = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length) - 1];
    await sleep(waitMs, undefined, { signal: run.stopping.signal }).catch(() => {});
  }
  change(run, "stopped");
  run.firstReady.reject(new ChildFailedError(run.spec.name, "was stopped", undefined));
}

/** @returns for how many milliseconds the child was ready; why it ended is in `lastError`. */
async function liveOnce(run: Run): Promise<number> {
  run.starts += 1;
  change(run, run.everReady ? "restarting" : "starting");
  try {
    await run.spec.prepare?.();
  } catch (error) {
    run.lastError = messageOf(error);
    return 0;
  }
  if (run.stopping.signal.aborted) return 0;
  const life = spawnLife(run);
  run.life = life;
  run.identity = life.process.pid === undefined ? undefined : identify(life.process.pid);
  run.startedAt = new Date().toISOString();
  change(run, run.state);

  const startMaxMs = run.spec.startMaxMs ?? START_MAX_MS;
  const waiting = new AbortController();
  const settled = await Promise.race([
    life.becameReady,
    life.exited,
    sleep(startMaxMs, `was not ready within ${startMaxMs} ms`, { signal: waiting.signal }),
  ]);
  waiting.abort();
  if (typeof settled === "string") {
    run.lastError = life.fatal?.message ?? settled;
    killGroup(life);
    await life.exited;
    return 0;
  }
  const readyAt = performance.now();
  run.details = settled;
  run.everReady = true;
  change(run, "ready");
  run.firstReady.resolve();
  run.lastError = await life.exited;
  const readyMs = performance.now() - readyAt;
  // INVARIANT: before the next life starts, nothing of this one (such as workers) is left.
  killGroup(life);
  await groupGone(life);
  return readyMs;
}

function spawnLife(run: Run): Life {
  const { spec } = run;
  const [program, ...args] = spec.argv;
  const output = run.log.descriptor();
  const process = spawn(program, args, {
    cwd: spec.cwd,
    env: spec.env,
    ...spec.user,
    // A group of its own: a terminal's Ctrl-C reaches only the supervisor, and the whole group
    // can be ended together.
    detached: true,
    stdio: ["ignore", output, output, spec.ready === "message" ? "ipc" : "ignore"],
  });
  const exited = Promise.withResolvers<string>();
  const ready = Promise.withResolvers<Details>();
  const life: Life = {
    process,
    exited: exited.promise,
    becameReady: ready.promise,
    fatal: undefined,
  };
  process.on("error", (error) => {
    exited.resolve(`cannot run ${program}: ${codeOf(error) ?? messageOf(error)}`);
  });
  process.on("exit", (code, by) => {
    exited.resolve(by === null ? `ended with status ${code}` : `was ended by ${by}`);
  });
  process.on("message", (value) => {
    const message = parseChildMessage(value);
    if (message?.type === "ready") ready.resolve(message.details);
    if (message?.type === "fatal") life.fatal = message;
    if (message?.type === "progress") run.events.onProgress(spec.name, message.message);
  });
  if (spec.ready !== "message") askUntilReady(spec.ready.probe, life).then(ready.resolve);
  return life;
}

/** Asks until there is an answer; never resolves when the process ends first. */
async function askUntilReady(
  probe: () => Promise<Details | undefined>,
  life: Life,
): Promise<Details> {
  let gone = false;
  life.exited.then(() => {
    gone = true;
  });
  while (!gone) {
    const details = await probe().catch(() => undefined);
    if (details !== undefined && !gone) return details;
    await sleep(PROBE_EVERY_MS);
  }
  return new Promise(() => {});
}

function isHopeless(run: Run, failures: number): boolean {
  const attemptsMax = run.events.firstStartAttemptsMax ?? FIRST_START_ATTEMPTS_MAX;
  return failures >= attemptsMax || run.life?.fatal?.permanent === true;
}

function failureOf(run: Run): ChildFailedError {
  const fatal = run.life?.fatal;
  return new ChildFailedError(
    run.spec.name,
    fatal?.message ?? run.lastError ?? "did not start",
    fatal?.fix ?? `see ${run.log.path}`,
  );
}

async function stop(run: Run): Promise<void> {
  run.stopping.abort();
  run.firstReady.promise.catch(() => {});
  const life = run.life;
  if (life !== undefined && life.process.exitCode === null && life.process.signalCode === null) {
    const { stopSignal = "SIGTERM", stopGraceMs = STOP_GRACE_MS } = run.spec;
    if (life.process.pid !== undefined) signal(life.process.pid, stopSignal);
    const timer = setTimeout(() => {
      run.log.note(`did not stop within ${stopGraceMs} ms and was killed`);
      killGroup(life);
    }, stopGraceMs);
    await life.exited;
    clearTimeout(timer);
    killGroup(life);
  }
  await run.loop;
  if (run.loop === undefined) change(run, "stopped");
  run.log.close();
}

/** Resolves when the group has no process left; a killed one may take its time in the kernel. */
async function groupGone(life: Life): Promise<void> {
  const { pid } = life.process;
  const until = performance.now() + GROUP_GONE_MAX_MS;
  while (pid !== undefined && groupExists(pid) && performance.now() < until) {
    await sleep(GROUP_LOOK_EVERY_MS);
  }
}

/** Signal 0 only asks (kill(2)). */
function groupExists(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** Ends the process and everything it started in its group. */
function killGroup(life: Life | undefined): void {
  if (life?.process.pid !== undefined) signal(-life.process.pid, "SIGKILL");
}
