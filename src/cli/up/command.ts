/** `cordon up [--detach]`: starts everything and stays, or returns when everything is ready. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { type Config, configEnvironment, programFolder, readConfig } from "../../kernel/config.ts";
import { waitForExternal } from "../../kernel/postgres/server.ts";
import type { ChildStatus } from "../../kernel/process/child.ts";
import { logPath } from "../../kernel/process/log-file.ts";
import { CommandError, EXIT, type ExitStatus } from "../exit.ts";
import { type ProgressEvent, printer, type Report } from "../progress.ts";
import { cordonChildren } from "./children.ts";
import { buildConsole } from "./console-build.ts";
import { prepareFolders, withShortRunFolder } from "./folders.ts";
import { listenersOf } from "./ports.ts";
import { prepareRules } from "./rules.ts";
import { type PrepareStep, runUp } from "./run.ts";
import { summary } from "./summary.ts";

/** Set for the process that `up --detach` leaves behind. */
const DETACHED = "CORDON_UP_DETACHED";

export async function up(args: readonly string[]): Promise<ExitStatus> {
  const unknown = args.find((arg) => arg !== "--detach");
  if (unknown !== undefined) {
    throw new CommandError(`Cannot read "${unknown}": up takes only --detach`, {
      status: EXIT.usage,
    });
  }
  const config = withShortRunFolder(readConfig(process.env));
  if (args.includes("--detach")) return detach(config);
  return process.env[DETACHED] === "1" ? stayDetached(config) : stay(config);
}

async function stay(config: Config): Promise<ExitStatus> {
  return supervised(config, {
    report: printer(process.stderr),
    onReady: (status) => {
      process.stdout.write(summary(config, status));
      process.stderr.write("Ctrl-C stops everything\n");
    },
  });
}

type Outputs = { report: Report; onReady: (status: readonly ChildStatus[]) => void };

function supervised(config: Config, outputs: Outputs): Promise<ExitStatus> {
  const stop = new AbortController();
  const kill = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      // A second Ctrl-C means: now.
      if (stop.signal.aborted && name === "SIGINT") kill.abort();
      stop.abort();
    });
  }
  return runUp({
    config,
    listeners: listenersOf(config),
    steps: stepsFor(config),
    children: cordonChildren,
    stop: stop.signal,
    kill: kill.signal,
    ...outputs,
  });
}

function stepsFor(config: Config): readonly PrepareStep[] {
  const external: PrepareStep = {
    name: "database",
    run: async () => {
      await waitForExternal(config);
    },
  };
  return [
    { name: "rules", run: prepareRules },
    { name: "web console", run: buildConsole },
    ...(config.databaseUrl === undefined ? [] : [external]),
  ];
}

type DetachedMessage =
  | { readonly type: "progress"; readonly event: ProgressEvent }
  | { readonly type: "ready"; readonly text: string }
  | { readonly type: "failed"; readonly message: string; readonly fix: string; status: ExitStatus };

/** The process left behind: it tells its parent over IPC, until the parent has seen enough. */
async function stayDetached(config: Config): Promise<ExitStatus> {
  const tell = (message: DetachedMessage): void => {
    if (process.connected) process.send?.(message, undefined, {}, () => {});
  };
  try {
    return await supervised(config, {
      report: (event) => tell({ type: "progress", event }),
      onReady: (status) => tell({ type: "ready", text: summary(config, status) }),
    });
  } catch (error) {
    if (error instanceof CommandError) {
      const { message, fix = "", status } = error;
      tell({ type: "failed", message, fix, status });
    }
    throw error;
  }
}

/** Starts the same program in a session of its own and waits until it is ready. */
function detach(config: Config): Promise<ExitStatus> {
  prepareFolders(config);
  const log = openSync(logPath(config.folders.logs, "up"), "a", 0o600);
  const child = spawn(process.execPath, [join(programFolder, "src/cli/main.ts"), "up"], {
    detached: true,
    cwd: "/",
    env: { ...process.env, ...configEnvironment(config), [DETACHED]: "1" },
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  const report = printer(process.stderr);
  const { promise, resolve, reject } = Promise.withResolvers<ExitStatus>();
  child.on("message", (value) => {
    // Our own program at the other end.
    const message = value as DetachedMessage;
    if (message.type === "progress") report(message.event);
    if (message.type === "failed") {
      const { fix, status } = message;
      reject(new CommandError(message.message, { fix: fix === "" ? undefined : fix, status }));
    }
    if (message.type !== "ready") return;
    process.stdout.write(message.text);
    child.disconnect();
    child.unref();
    resolve(EXIT.ok);
  });
  child.on("error", reject);
  child.on("exit", (code) => {
    const where = logPath(config.folders.logs, "up");
    reject(new CommandError(`Cannot start: up ended with status ${code}`, { fix: `see ${where}` }));
  });
  process.once("SIGINT", () => child.kill("SIGTERM"));
  return promise;
}
