/** kill -9 while a backup is made or restored, at any moment. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migrationsFolder, programFolder } from "../src/kernel/config.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { migrate } from "../src/kernel/store/migrate.ts";
import { cordon, fill, type TableState, tableStates, withRows } from "./backup-state.ts";

/** The full number is 1,000. */
const ROUNDS = Number(process.env.CORDON_CRASH_ROUNDS ?? 4);
const ROUND_MAX_MS = 60_000;
/** Every so many killed restores one is let come to its end, and all is compared. */
const FINISHED_EVERY = 4;
const folder = mkdtempSync(join(tmpdir(), "cordon-backup-crash-"));
const dataFolder = join(folder, "data");
const passphraseFile = join(folder, "passphrase");
const env = { PATH: process.env.PATH ?? "", CORDON_DATA: dataFolder };
const given = ["--passphrase-file", passphraseFile];
const good = join(folder, "good.age");
let before: Record<string, TableState>;
let fullMs = 0;

beforeAll(async () => {
  writeFileSync(passphraseFile, "correct horse battery staple\n");
  await withRows(dataFolder, async (client, config) => {
    await migrate(connectionFor(config), migrationsFolder);
    await fill(client, 5_000);
    before = await tableStates(client);
  });
  const begin = performance.now();
  const made = await cordon(env, ["backup", "create", good, ...given]);
  fullMs = performance.now() - begin;
  expect(made.code, made.text).toBe(0);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command and kills it after this time, if it has not ended by itself. */
async function killed(args: readonly string[], afterMs: number): Promise<void> {
  const main = join(programFolder, "src", "cli", "main.ts");
  const child = spawn(process.execPath, [main, ...args], { env, stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await Promise.race([ended, sleep(afterMs)]);
  child.kill("SIGKILL");
  await ended;
}

test(
  `killed ${ROUNDS} times while it is made: there is a whole file under the name, or none`,
  async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const file = join(folder, `round-${round}.age`);
      const afterMs = Math.random() * fullMs * 1.1;
      await killed(["backup", "create", file, ...given], afterMs);
      if (existsSync(file)) {
        const verified = await cordon(env, ["backup", "verify", file, ...given]);
        expect(verified.code, `round ${round} after ${afterMs} ms: ${verified.text}`).toBe(0);
      }
      for (const name of readdirSync(folder)) {
        if (name.startsWith("round-")) rmSync(join(folder, name), { force: true });
      }
    }
    expect(await withRows(dataFolder, tableStates)).toEqual(before);
  },
  ROUNDS * ROUND_MAX_MS,
);

test(
  `killed ${ROUNDS} times while it is restored: the state is whole, or says that it is not`,
  async () => {
    const args = [
      "backup",
      "restore",
      good,
      ...given,
      "--replace",
      basename(dataFolder),
      "--older",
    ];
    const marker = join(dataFolder, "restore-unfinished.json");
    for (let round = 0; round < ROUNDS; round += 1) {
      const afterMs = fullMs * (0.3 + Math.random() * 1.2);
      // What is killed next may begin in what this one left.
      await killed(args, afterMs);
      if ((round + 1) % FINISHED_EVERY !== 0 && round + 1 < ROUNDS) continue;
      const about = `round ${round} after ${afterMs} ms`;
      if (existsSync(marker)) {
        const up = await cordon(env, ["up", "--detach"]);
        expect(up.code, about).not.toBe(0);
        expect(up.text, about).toContain("did not come to its end");
      }
      const again = await cordon(env, args);
      expect(again.code, `${about}: ${again.text}`).toBe(0);
      expect(existsSync(marker), about).toBe(false);
      const after = await withRows(dataFolder, tableStates);
      for (const name of ["account", "iam_user", "outbox"]) {
        expect(after[name], `${about}: ${name}`).toEqual(before[name]);
      }
      for (const name of readdirSync(dataFolder)) {
        if (!name.startsWith("before-restore-")) continue;
        rmSync(join(dataFolder, name), { recursive: true });
      }
    }
  },
  ROUNDS * 2 * ROUND_MAX_MS,
);
