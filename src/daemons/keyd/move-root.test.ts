import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { type KeydClient, keydClient } from "../../kernel/keyd/client.ts";
import { makeSoftToken, softHsmModule } from "./pkcs11/soft-token.ts";
import { spawnKeyd } from "./spawned-keyd.ts";

const SEED = Number(process.env.CORDON_SEED ?? Date.now() % 1_000_000);
const ROUNDS = Number(process.env.CORDON_CRASH_ROUNDS ?? 6);
const accounts = Array.from({ length: 20 }, (_, at) => `acc-${at}`);

async function started() {
  const token = makeSoftToken();
  onTestFinished(() => token.remove());
  const keyd = await spawnKeyd({ env: token.environment });
  onTestFinished(() => keyd.remove());
  return { keyd, keysFolder: join(keyd.dataFolder, "keys") };
}

async function sealedBy(client: KeydClient): Promise<ReadonlyMap<string, Buffer>> {
  const sealed = new Map<string, Buffer>();
  for (const account of accounts) {
    sealed.set(account, await client.seal("test", account, Buffer.from(account)));
  }
  return sealed;
}

async function expectAllOpen(client: KeydClient, sealed: ReadonlyMap<string, Buffer>) {
  for (const [account, bytes] of sealed) {
    expect((await client.open("test", account, bytes)).toString()).toBe(account);
  }
}

describe.skipIf(softHsmModule === undefined)("moving the root (SoftHSM 2)", () => {
  test("software to device and back loses nothing, and the former root opens nothing", async () => {
    const { keyd, keysFolder } = await started();
    const { client } = keyd;
    const sealed = await sealedBy(client);
    const before = readFileSync(join(keysFolder, "accounts", "acc-0.kek"));
    expect(await client.moveRoot("pkcs11")).toBe(accounts.length);
    await expectAllOpen(client, sealed);
    const names = readdirSync(keysFolder);
    expect(names).toContain("accounts-2");
    for (const gone of ["accounts", "root.json", "root.key"]) expect(names).not.toContain(gone);
    expect(readFileSync(join(keysFolder, "accounts-2", "acc-0.kek"))).not.toEqual(before);
    await keyd.end("SIGKILL");
    await keyd.start();
    expect((await client.health()).root).toBe("pkcs11");
    await expectAllOpen(client, sealed);
    await client.setPassphrase(Buffer.from("no use for it")).catch((error: unknown) => {
      expect(error).toMatchObject({ reason: "inputInvalid" });
    });
    expect(await client.moveRoot("software")).toBe(accounts.length);
    await keyd.end();
    await keyd.start();
    expect((await client.health()).root).toBe("software");
    await expectAllOpen(client, sealed);
    const again = client.moveRoot("software");
    await expect(again).rejects.toMatchObject({ reason: "inputInvalid" });
  });

  test("keys made while the root moves are there afterwards", async () => {
    const { keyd } = await started();
    const { client } = keyd;
    const sealed = await sealedBy(client);
    const moving = client.moveRoot("pkcs11");
    const made = await Promise.all(
      Array.from({ length: 10 }, async (_, at) => {
        const account = `new-${at}`;
        return [account, await client.seal("test", account, Buffer.from(account))] as const;
      }),
    );
    await moving;
    await keyd.end();
    await keyd.start();
    await expectAllOpen(client, new Map([...sealed, ...made]));
  });

  test(`killed at any moment of a move, everything opens (seed ${SEED})`, async () => {
    console.info(`seed ${SEED}, ${ROUNDS} rounds`);
    const { keyd, keysFolder } = await started();
    const { client } = keyd;
    const sealed = await sealedBy(client);
    let state = SEED;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { root } = await client.health();
      const mover = keydClient(keyd.socketPath, { waitMs: 2_000 });
      const moved = mover.moveRoot(root === "software" ? "pkcs11" : "software").catch(() => {});
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      await sleep((state / 2_147_483_648) * 150);
      await keyd.end("SIGKILL");
      mover.close();
      await moved;
      await keyd.start();
      await expectAllOpen(client, sealed);
      const folders = readdirSync(keysFolder).filter((name) => name.startsWith("accounts"));
      expect(folders).toHaveLength(1);
    }
    expect(existsSync(join(keysFolder, "root-in-use.json"))).toBe(true);
  }, 600_000);
});
