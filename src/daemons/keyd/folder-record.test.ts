import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Head } from "../../kernel/keyd/protocol.ts";
import { makeSoftToken, softHsmModule } from "./pkcs11/soft-token.ts";
import { type SpawnedKeyd, spawnKeyd } from "./spawned-keyd.ts";
import { makeSoftTpm, softTpmAvailable } from "./tpm/soft-tpm.ts";

const SEED = Number(process.env.CORDON_SEED ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env.CORDON_CRASH_ROUNDS ?? 3);
const headAt = (epoch: number): Head => ({
  epoch,
  hash: epoch.toString(16).padStart(64, "0"),
});

async function onSoftHsm(): Promise<SpawnedKeyd> {
  const token = makeSoftToken();
  onTestFinished(() => token.remove());
  return spawnKeyd({ env: { ...token.environment, CORDON_KEYS_ROOT: "pkcs11" } });
}

async function onSoftTpm(): Promise<SpawnedKeyd> {
  const tpm = await makeSoftTpm();
  onTestFinished(() => tpm.remove());
  return spawnKeyd({ env: { CORDON_TPM_TCTI: tpm.tcti, CORDON_KEYS_ROOT: "tpm" } });
}

async function advance({ client }: SpawnedKeyd, account: string, from: number): Promise<void> {
  await client.advanceHead(account, { from: headAt(from), to: headAt(from + 1) });
  await client.confirmHead(account, headAt(from + 1));
}

const roots = [
  { name: "PKCS #11 (SoftHSM 2)", available: softHsmModule !== undefined, start: onSoftHsm },
  // Each step is several programs: fewer of them.
  { name: "TPM (swtpm)", available: softTpmAvailable, start: onSoftTpm, slow: true },
];

for (const { name, available, start, slow = false } of roots) {
  describe.skipIf(!available)(`a device that counts: ${name}`, () => {
    test("an older keys folder is refused, whole or in part, until an operator takes it", async () => {
      const keyd = await start();
      onTestFinished(() => keyd.remove());
      const { client } = keyd;
      const keys = join(keyd.dataFolder, "keys");
      const older = join(keyd.dataFolder, "older");
      await advance(keyd, "acc-one", 0);
      await keyd.end();
      cpSync(keys, older, { recursive: true });
      await keyd.start();
      await client.checkHead("acc-one", headAt(1));
      await advance(keyd, "acc-one", 1);
      const sealed = await client.seal("test", "acc-two", Buffer.from("a secret"));
      await keyd.end();
      const newer = join(keyd.dataFolder, "newer");
      cpSync(keys, newer, { recursive: true });

      const put = async (change: () => void): Promise<void> => {
        rmSync(keys, { recursive: true });
        cpSync(newer, keys, { recursive: true });
        change();
        await keyd.start();
        expect((await client.health()).state).toBe("rolledBack");
        const tried = client.open("test", "acc-two", sealed);
        await expect(tried).rejects.toMatchObject({ reason: "rolledBack" });
        await keyd.end();
      };
      await put(() => {
        rmSync(keys, { recursive: true });
        cpSync(older, keys, { recursive: true });
      });
      const parts = [
        () => cpSync(join(older, "heads"), join(keys, "heads"), { recursive: true }),
        () => rmSync(join(keys, "heads", "acc-one.head")),
        () => rmSync(join(keys, "accounts", "acc-two.kek")),
        () => rmSync(join(keys, "accounts", "folder-record.json")),
      ];
      for (const change of slow ? [] : parts) await put(change);

      rmSync(keys, { recursive: true });
      cpSync(newer, keys, { recursive: true });
      await keyd.start();
      expect((await client.open("test", "acc-two", sealed)).toString()).toBe("a secret");
      await keyd.end();

      rmSync(keys, { recursive: true });
      cpSync(older, keys, { recursive: true });
      await keyd.start();
      await client.acceptRestored();
      expect((await client.health()).state).toBe("ready");
      await client.checkHead("acc-one", headAt(1));
      const log = readFileSync(join(keys, "restorations.log"), "utf8");
      expect(log).toContain("accepted an older keys folder");
      await keyd.end("SIGKILL");
      await keyd.start();
      await client.checkHead("acc-one", headAt(1));
    }, 120_000);

    test("a copy made after the key of a backup was wrapped opens while nothing has changed", async () => {
      const keyd = await start();
      onTestFinished(() => keyd.remove());
      const keys = join(keyd.dataFolder, "keys");
      const copy = join(keyd.dataFolder, "copy");
      await advance(keyd, "acc-one", 0);
      await keyd.client.wrapBackupKey(Buffer.alloc(16, 1));
      cpSync(keys, copy, { recursive: true });
      // A record that was still open is closed now at the latest, and the device counts that.
      await keyd.end();
      rmSync(keys, { recursive: true });
      cpSync(copy, keys, { recursive: true });
      await keyd.start();
      expect((await keyd.client.health()).state).toBe("ready");
      await keyd.client.checkHead("acc-one", headAt(1));
    }, 60_000);

    test(`killed at any moment, no acknowledged head is lost (seed ${SEED})`, async () => {
      console.info(`seed ${SEED}, ${ROUNDS} rounds`);
      const keyd = await start();
      onTestFinished(() => keyd.remove());
      const { client } = keyd;
      let state = SEED;
      const accounts = ["acc-one", "acc-two", "acc-three"];
      const heads = new Map(accounts.map((account) => [account, 0]));
      for (let round = 0; round < (slow ? Math.min(ROUNDS, 50) : ROUNDS); round += 1) {
        let alive = true;
        const lanes = accounts.map(async (account) => {
          while (alive) {
            const from = heads.get(account) ?? 0;
            const step = { from: headAt(from), to: headAt(from + 1) };
            if (!(await done(client.advanceHead(account, step)))) return;
            if (!(await done(client.confirmHead(account, step.to)))) return;
            heads.set(account, from + 1);
          }
        });
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        await sleep(50 + (state / 2_147_483_648) * 300);
        await keyd.end("SIGKILL");
        alive = false;
        await keyd.start();
        await Promise.all(lanes);
        expect((await client.health()).state).toBe("ready");
        for (const account of accounts) await settle(keyd, account, heads);
      }
    }, 900_000);
  });
}

/** False when keyd was killed before it answered; the client asks again once it is back. */
async function done(call: Promise<void>): Promise<boolean> {
  return call.then(
    () => true,
    () => false,
  );
}

/** The acknowledged state is there, or the one that was asked for when keyd was killed. */
async function settle(keyd: SpawnedKeyd, account: string, heads: Map<string, number>) {
  const at = heads.get(account) ?? 0;
  const here = await done(keyd.client.checkHead(account, headAt(at)));
  const next = await done(keyd.client.checkHead(account, headAt(at + 1)));
  expect(here || next).toBe(true);
  const current = next ? at + 1 : at;
  await keyd.client.confirmHead(account, headAt(current));
  heads.set(account, current);
}

test("without a device keyd says that an older folder would not be noticed", async () => {
  const keyd = await spawnKeyd();
  onTestFinished(() => keyd.remove());
  await keyd.client.seal("test", "acc-one", Buffer.from("a secret"));
  expect((await keyd.client.health()).rollbackProtection).toBe("");
  expect(readdirSync(join(keyd.dataFolder, "keys", "accounts"))).toEqual(["acc-one.kek"]);
});
