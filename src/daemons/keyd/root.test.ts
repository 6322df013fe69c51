import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { spawnKeyd } from "./spawned-keyd.ts";

const hash = (digit: string) => digit.repeat(64);
const secret = Buffer.from("a secret");

async function started() {
  const keyd = await spawnKeyd();
  onTestFinished(() => keyd.remove());
  return keyd;
}

test("a passphrase seals the root over a restart, and the wrong one does not open it", async () => {
  const keyd = await started();
  const { client } = keyd;
  const sealed = await client.seal("test", "acc-one", secret);
  await client.setPassphrase(Buffer.from("a long passphrase"));
  await keyd.end();
  await keyd.start();
  expect((await client.health()).state).toBe("sealed");
  await expect(client.open("test", "acc-one", sealed)).rejects.toMatchObject({ reason: "sealed" });
  const wrong = client.unseal(Buffer.from("another passphrase"));
  await expect(wrong).rejects.toMatchObject({ reason: "unsealRefused" });
  await client.unseal(Buffer.from("a long passphrase"));
  expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
});

test("recovery shares open the keys when the key file is lost", async () => {
  const keyd = await started();
  const { client } = keyd;
  const sealed = await client.seal("test", "acc-one", secret);
  const shares = await client.recoveryShares({ threshold: 2, shares: 3 });
  await keyd.end();
  rmSync(join(keyd.dataFolder, "keys", "root.key"));
  await keyd.start();
  expect((await client.health()).state).toBe("sealed");
  const one = client.recover(shares.slice(0, 1));
  await expect(one).rejects.toMatchObject({ reason: "unsealRefused" });
  await client.recover(shares.slice(1));
  expect(await client.open("test", "acc-one", sealed)).toEqual(secret);
});

test("a database older than the record is refused until an operator forces it", async () => {
  const keyd = await started();
  const { client } = keyd;
  const heads = [0, 1, 2].map((epoch) => ({ epoch, hash: hash(String(epoch)) }));
  const [zero, one, two] = heads;
  if (zero === undefined || one === undefined || two === undefined) throw new Error("no heads");
  await client.advanceHead("acc-one", { from: zero, to: one });
  await client.checkHead("acc-one", zero);
  await client.confirmHead("acc-one", one);
  await client.advanceHead("acc-one", { from: one, to: two });
  await client.confirmHead("acc-one", two);
  await keyd.end("SIGKILL");
  await keyd.start();
  await client.checkHead("acc-one", two);
  for (const old of [zero, one]) {
    const tried = client.checkHead("acc-one", old);
    await expect(tried).rejects.toMatchObject({ reason: "rolledBack" });
  }
  await client.forceHead("acc-one", one);
  await client.checkHead("acc-one", one);
});
