/**
 * Operations per CPU-second of keyd, requests in flight together as a busy server sends them. CPU
 * is that of keyd's process; the client's is printed beside it.
 */
import { spawnKeyd } from "../src/daemons/keyd/spawned-keyd.ts";
import type { KeyBinding } from "../src/engines/keys/binding.ts";
import type { KeySpec, KeyUsage } from "../src/engines/keys/specs.ts";
import { cpuMicroseconds } from "./process.ts";
import { printRow } from "./row.ts";

const ROUNDS = 5;
const IN_FLIGHT = 128;

const keyd = await spawnKeyd();
const { client } = keyd;

const cpuSeconds = (): number => cpuMicroseconds(keyd.pid()) / 1_000_000;

async function measure(name: string, run: () => Promise<unknown>, options: Options = {}) {
  const { calls = 20_000, perCall = 1 } = options;
  const results: { ops: number; client: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    let started = 0;
    const before = cpuSeconds();
    const own = process.cpuUsage();
    const lane = async () => {
      while (started < calls) {
        started += 1;
        await run();
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    const used = process.cpuUsage(own);
    const ops = (calls * perCall) / (cpuSeconds() - before);
    results.push({ ops, client: (used.user + used.system) / (calls * perCall) });
  }
  const [median] = results.toSorted((left, right) => left.ops - right.ops).slice(ROUNDS >> 1);
  if (median === undefined) return;
  printRow({ bench: "keyd", what: name, value: median.ops, unit: "per CPU-second of keyd" });
  printRow({ bench: "keyd", what: `${name}, the client`, value: median.client, unit: "µs CPU" });
}
type Options = { readonly calls?: number; readonly perCall?: number };

async function keyOf(algorithm: KeySpec, usage: KeyUsage) {
  const key = `key-${algorithm.toLowerCase().replaceAll("_", "-")}`;
  const binding: KeyBinding = { account: "acc-bench", key, version: 1, algorithm, usage };
  return { binding, wrapped: (await client.generateKey(binding)).wrapped };
}

const small = Buffer.alloc(32, 7);
const large = Buffer.alloc(4_096, 7);
const context = { table: "orders", column: "card" };
const aes = await keyOf("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
const ciphertext = await client.encrypt(aes, { plaintext: small, context });
await measure("AES-256 encrypt 32 B", () => client.encrypt(aes, { plaintext: small, context }));
await measure("AES-256 decrypt 32 B", () => client.decrypt(aes, { ciphertext, context }));
await measure("AES-256 data key", () => client.dataKey(aes, { bytes: 32, context }));
const plaintexts = Array.from({ length: 100 }, () => small);
await measure("AES-256 encrypt, batch of 100", () => client.encryptMany(aes, { plaintexts }), {
  calls: 1_000,
  perCall: 100,
});
const sm4 = await keyOf("SM4", "ENCRYPT_DECRYPT");
await measure("SM4-GCM encrypt 4 KB", () => client.encrypt(sm4, { plaintext: large }), {
  calls: 5_000,
});
const message = small;
for (const [algorithm, calls] of [
  ["SM2", 1_000],
  ["ECC_NIST_P256", 3_000],
  ["RSA_2048", 300],
] as const) {
  const key = await keyOf(algorithm, "SIGN_VERIFY");
  const signature = await client.sign(key, { message });
  await measure(`${algorithm} sign`, () => client.sign(key, { message }), { calls });
  await measure(`${algorithm} verify`, () => client.verify(key, { message, signature }), { calls });
}
const mac = await keyOf("HMAC_256", "GENERATE_VERIFY_MAC");
await measure("HMAC-SHA-256", () => client.mac(mac, { message }));
await keyd.remove();
