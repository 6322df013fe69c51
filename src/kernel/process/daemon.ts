/**
 * The child's half of supervision: every daemon's `main.ts` calls `runDaemon` and gets readiness,
 * clean stops and honest exits. It knows nothing of what the daemon does.
 */
import { flushCompileCache } from "node:module";
import { writeOrDrop } from "./log-file.ts";
import { messageOf } from "./text.ts";

/** `asked`: the operator stops Cordon. `orphaned`: its supervisor died; another will start it. */
export type StopReason = "asked" | "orphaned";

export type StartedDaemon = {
  /** Finishes what is in flight and releases everything; bounded by `STOP_MAX_MS`. */
  readonly stop: (why: StopReason) => Promise<void>;
  /** Told to the supervisor and shown by `status`: addresses, versions, `setupUrl`. */
  readonly details?: Readonly<Record<string, unknown>>;
};

export type Daemon = {
  readonly name: string;
  readonly start: () => Promise<StartedDaemon>;
};

/** A start that cannot succeed, with the way out; `permanent` = another attempt cannot help. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly fix: string | undefined;
  readonly permanent: boolean;
  constructor(message: string, options: { fix?: string; permanent?: boolean } = {}) {
    super(message);
    this.fix = options.fix;
    this.permanent = options.permanent ?? false;
  }
}

/** A daemon that does not stop by itself within this time exits anyway. */
export const STOP_MAX_MS = 8_000;

/**
 * Starts a daemon, reports it ready, and stops it on SIGTERM or when the supervisor is gone.
 * Without a supervisor (run by hand) Ctrl-C stops it too. Never returns control to the caller's
 * error handling: an error ends the process with status 1.
 */
export async function runDaemon(daemon: Daemon): Promise<void> {
  const supervised = process.send !== undefined;
  if (supervised) surviveFullDisk();
  let started: StartedDaemon | undefined;
  let stopping = false;

  const fail = (error: unknown): void => {
    console.error(`${daemon.name}: ${describe(error)}`);
    const details = error instanceof StartError ? error : undefined;
    const message = {
      type: "fatal",
      message: messageOf(error),
      fix: details?.fix,
      permanent: details?.permanent ?? false,
    };
    send(message, () => process.exit(1));
  };
  const stop = async (reason: string, why: StopReason): Promise<void> => {
    if (stopping) return;
    stopping = true;
    console.error(`${daemon.name}: stopping (${reason})`);
    setTimeout(() => {
      console.error(`${daemon.name}: did not stop within ${STOP_MAX_MS} ms`);
      process.exit(1);
    }, STOP_MAX_MS).unref();
    await started?.stop(why);
    process.exit(0);
  };
  const stopOrFail = (reason: string, why: StopReason = "asked"): void => {
    stop(reason, why).catch(fail);
  };

  process.on("uncaughtException", fail);
  process.on("SIGTERM", () => stopOrFail("SIGTERM"));
  // A terminal sends Ctrl-C to everyone; the order of stopping is the supervisor's to decide.
  process.on("SIGINT", () => {
    if (!supervised) stopOrFail("SIGINT");
  });
  process.on("disconnect", () => stopOrFail("the supervisor is gone", "orphaned"));

  try {
    started = await daemon.start();
    send({ type: "ready", ...started.details });
    keepCompiled();
  } catch (error) {
    fail(error);
  }
}

/**
 * Writes what this process has compiled to `NODE_COMPILE_CACHE`, where there is one, instead of at
 * its exit only: one that is killed would leave the next to strip types again, and the stripper
 * costs a process 15 MB for as long as it runs.
 */
export const keepCompiled = (): void => flushCompileCache();

/**
 * A supervised daemon's output is a file. On a full disk Node's stream would raise an error that
 * ends the process, and stay closed after it: here the line is dropped and the next one is tried.
 */
export function surviveFullDisk(): void {
  for (const { stream, descriptor } of [
    { stream: process.stdout, descriptor: 1 },
    { stream: process.stderr, descriptor: 2 },
  ]) {
    stream.write = (text: string | Uint8Array) => {
      writeOrDrop(descriptor, text);
      return true;
    };
  }
}

function send(message: Readonly<Record<string, unknown>>, done: () => void = () => {}): void {
  if (process.send === undefined || !process.connected) {
    done();
    return;
  }
  // The channel may close between the check and the write; the outcome is the same for us.
  process.send(message, undefined, {}, done);
}

function describe(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
