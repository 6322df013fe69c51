/** A keyd of its own in a process of its own, on a new folder: for tests and measurements. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type KeydClient, keydClient } from "../../kernel/keyd/client.ts";

const MAIN = join(import.meta.dirname, "main.ts");
const START_MAX_MS = 20_000;

export type SpawnedKeyd = {
  readonly client: KeydClient;
  readonly socketPath: string;
  readonly dataFolder: string;
  pid(): number;
  /** Ends it with this signal and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  remove(): Promise<void>;
};

export async function spawnKeyd(
  options: { dataFolder?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<SpawnedKeyd> {
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), "cordon-keyd-"));
  const socketPath = join(dataFolder, "run", "keyd.sock");
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    rmSync(socketPath, { force: true });
    const env = { ...process.env, ...options.env, CORDON_DATA: dataFolder };
    const started = spawn(process.execPath, ["--disable-sigusr1", MAIN], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    child = started;
    const until = performance.now() + START_MAX_MS;
    while (!existsSync(socketPath)) {
      if (started.exitCode !== null) throw new Error(`keyd ended: ${started.exitCode}`);
      if (performance.now() > until) throw new Error("keyd did not start");
      await sleep(20);
    }
  };
  const end = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => running.once("exit", () => resolve()));
    running.kill(signal);
    await gone;
  };
  await start();
  const client = keydClient(socketPath);
  return {
    client,
    socketPath,
    dataFolder,
    pid: () => child?.pid ?? 0,
    end,
    start,
    async remove() {
      client.close();
      await end();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
