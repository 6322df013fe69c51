/**
 * The key management service of a whole Cordon, as CPU-seconds of the server and keyd: every call
 * is authenticated, decided and durably recorded. Then OpenBao's transit engine with its audit file
 * on, in alternation, when its program is there (`bao` on the path, or CORDON_BAO).
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { startStack } from "../test/stack.ts";
import { type Peer, startOpenBao } from "./openbao.ts";
import { printRow, printSkip } from "./row.ts";

const BENCH = "kms";
const ROUNDS = 5;
const IN_FLIGHT = 32;
const BATCH = 100;
/** USER_HZ of Linux on every machine that Node supports. */
const TICKS_PER_SECOND = 100;

const stack = await startStack();
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, rejectUnauthorized: false });
const pids = [await stack.pid("server"), await stack.pid("keyd")];

/** CPU time of these processes so far, in seconds. */
export function cpuSeconds(of: readonly number[]): number {
  let ticks = 0;
  for (const pid of of) {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS_PER_SECOND;
}

function post(path: string, body: object): Promise<Record<string, string>> {
  const payload = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${stack.key}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(payload),
    };
    const place = { host: "127.0.0.1", port: stack.consolePort, path: `/v1/kms${path}` };
    const outgoing = request({ ...place, agent, method: "POST", headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(JSON.parse(text).result);
        else reject(new Error(text));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

type Load = { readonly run: () => Promise<unknown>; readonly calls: number; readonly per?: number };

/** Operations per CPU-second of these processes, once. */
async function perCpuSecond(of: readonly number[], { run, calls, per = 1 }: Load) {
  let started = 0;
  const before = cpuSeconds(of);
  const lane = async () => {
    while (started < calls) {
      started += 1;
      await run();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return (calls * per) / (cpuSeconds(of) - before);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

async function measure(what: string, load: Load, goal?: string) {
  await perCpuSecond(pids, { ...load, calls: Math.ceil(load.calls / 4) });
  const values: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) values.push(await perCpuSecond(pids, load));
  const unit = "per CPU-second of server and keyd";
  printRow({ bench: BENCH, what, value: median(values), unit, ...(goal ? { goal } : {}) });
}

async function against(peer: Peer, what: string, loads: { ours: Load; theirs: Load }) {
  const values: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    values.ours.push(await perCpuSecond(pids, loads.ours));
    values.theirs.push(await perCpuSecond([peer.pid], loads.theirs));
  }
  const [value, other] = [median(values.ours), median(values.theirs)];
  const unit = "per CPU-second";
  const named = { name: peer.name, value: other };
  printRow({ bench: BENCH, what, value, unit, peer: named, ratio: value / other, goal: "1" });
}

const newKey = async (given: object = {}) => (await post("/keys", given)).keyId ?? "";
const encode = (bytes: Buffer) => bytes.toString("base64");
const plaintext = encode(Buffer.alloc(32, 7));
const plaintexts = Array.from({ length: BATCH }, () => plaintext);
const encryptionContext = { table: "orders", column: "card" };
const aes = await newKey();
const { ciphertext } = await post(`/keys/${aes}:encrypt`, { plaintext, encryptionContext });
const encrypt: Load = {
  run: () => post(`/keys/${aes}:encrypt`, { plaintext, encryptionContext }),
  calls: 4_000,
};
const batch: Load = {
  run: () => post(`/keys/${aes}:encryptBatch`, { plaintexts, encryptionContext }),
  calls: 300,
  per: BATCH,
};
await measure("AES-256 encrypt 32 B", encrypt, "4,000");
const opening = { ciphertext, encryptionContext };
await measure("AES-256 decrypt 32 B", {
  run: () => post(`/keys/${aes}:decrypt`, opening),
  calls: 4_000,
});
await measure(
  "AES-256 data key",
  { run: () => post(`/keys/${aes}:generateDataKey`, { encryptionContext }), calls: 4_000 },
  "4,000",
);
await measure("AES-256 encrypt, batch of 100", batch, "25,000");
const sm4 = await newKey({ spec: "SM4" });
const large = encode(Buffer.alloc(4_096, 7));
await measure("SM4-GCM encrypt 4 KB", {
  run: () => post(`/keys/${sm4}:encrypt`, { plaintext: large }),
  calls: 2_000,
});
const sm2 = await newKey({ spec: "SM2", usage: "SIGN_VERIFY" });
const message = plaintext;
const { signature } = await post(`/keys/${sm2}:sign`, { message });
await measure("SM2 sign", { run: () => post(`/keys/${sm2}:sign`, { message }), calls: 2_000 });
await measure("SM2 verify", {
  run: () => post(`/keys/${sm2}:verify`, { message, signature }),
  calls: 2_000,
});

const program = process.env.CORDON_BAO ?? "bao";
const peer =
  spawnSync(program, ["version"], { stdio: "ignore" }).status === 0
    ? await startOpenBao(program)
    : undefined;
if (peer === undefined) printSkip(BENCH, "OpenBao is not here: put bao on the path, or CORDON_BAO");
else {
  await against(peer, "AES-256 encrypt 32 B", {
    ours: encrypt,
    theirs: { run: () => peer.encrypt([plaintext]), calls: encrypt.calls },
  });
  await against(peer, "AES-256 encrypt, batch of 100", {
    ours: batch,
    theirs: { run: () => peer.encrypt(plaintexts), calls: batch.calls, per: BATCH },
  });
  await peer.stop();
}
agent.destroy();
await stack.stop();
