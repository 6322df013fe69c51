/** A TPM in software (swtpm) on a Unix socket of its own: for tests and measurements. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const START_MAX_MS = 5_000;

const runs = (name: string): boolean => spawnSync(name, ["--version"]).error === undefined;

/** Where swtpm and tpm2-tools are installed. */
export const softTpmAvailable: boolean = runs("swtpm") && runs("tpm2_unseal");

export type SoftTpm = {
  readonly folder: string;
  readonly tcti: string;
  /** Its state over power cycles; stop it before copying. */
  readonly stateFolder: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  remove(): Promise<void>;
};

/** A new TPM, started. `stop` and `start` are a power cycle: PCRs begin again. */
export async function makeSoftTpm(): Promise<SoftTpm> {
  const folder = mkdtempSync(join(tmpdir(), "cordon-swtpm-"));
  const socket = join(folder, "tpm.sock");
  let child: ChildProcess | undefined;
  const self: SoftTpm = {
    folder,
    tcti: `swtpm:path=${socket}`,
    stateFolder: folder,
    async start() {
      rmSync(socket, { force: true });
      rmSync(`${socket}.ctrl`, { force: true });
      const args = ["socket", "--tpm2", "--tpmstate", `dir=${folder}`, "--flags", "startup-clear"];
      const server = ["--server", `type=unixio,path=${socket}`];
      const control = ["--ctrl", `type=unixio,path=${socket}.ctrl`];
      child = spawn("swtpm", [...args, ...server, ...control], { stdio: "ignore" });
      const until = performance.now() + START_MAX_MS;
      while (!existsSync(`${socket}.ctrl`) || !existsSync(socket)) {
        if (performance.now() > until) throw new Error("swtpm did not start");
        await sleep(20);
      }
    },
    async stop() {
      const running = child;
      child = undefined;
      if (running === undefined || running.exitCode !== null) return;
      const gone = new Promise<void>((resolve) => running.once("exit", () => resolve()));
      running.kill("SIGTERM");
      await gone;
    },
    async remove() {
      await self.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await self.start();
  return self;
}
