/**
 * The key management service of a whole Cordon, as CPU-seconds of the server and keyd: every call
 * is authenticated, decided and durably recorded. Beside it, in alternation, what an HTTPS server
 * of Node alone costs for the same bytes, and OpenBao's transit engine with its audit file on, when
 * its program is there (`bao` on the path, or CORDON_BAO).
 */
import { spawnSync } from "node:child_process";
import { Agent, request } from "node:https";
import { startStack } from "../test/stack.ts";
import { startBareHttps } from "./bare-https.ts";
import { startOpenBao } from "./openbao.ts";
import { cpuMicroseconds } from "./process.ts";
import { printRow, printSkip } from "./row.ts";

const BENCH = "kms";
const ROUNDS = 5;
const IN_FLIGHT = 32;
const BATCH = 100;

const stack = await startStack();
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, rejectUnauthorized: false });
const server = await stack.pid("server");
const keyd = await stack.pid("keyd");
const pids = [server, keyd];

function post(
  path: string,
  body: object,
  port = stack.consolePort,
): Promise<Record<string, string>> {
  const payload = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${stack.key}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(payload),
    };
    const place = { host: "127.0.0.1", port, path: `/v1/kms${path}` };
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

/** CPU-seconds of each of these processes for the load, once. */
async function spentOn({ run, calls }: Load, of: readonly number[]): Promise<readonly number[]> {
  let started = 0;
  const before = of.map(cpuMicroseconds);
  const lane = async () => {
    while (started < calls) {
      started += 1;
      await run();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return of.map((pid, at) => (cpuMicroseconds(pid) - (before[at] ?? 0)) / 1_000_000);
}

/** Operations per CPU-second of these processes, once. */
async function perCpuSecond(of: readonly number[], load: Load): Promise<number> {
  const spent = await spentOn(load, of);
  return (load.calls * (load.per ?? 1)) / spent.reduce((sum, one) => sum + one, 0);
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

async function measure(what: string, load: Load, goal?: string) {
  await spentOn({ ...load, calls: Math.ceil(load.calls / 4) }, pids);
  const rounds: { server: number; keyd: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const [inServer = 0, inKeyd = 0] = await spentOn(load, pids);
    rounds.push({ server: inServer, keyd: inKeyd });
  }
  const done = load.calls * (load.per ?? 1);
  const value = median(rounds.map((spent) => done / (spent.server + spent.keyd)));
  const unit = "per CPU-second of server and keyd";
  printRow({ bench: BENCH, what, value, unit, ...(goal ? { goal } : {}) });
  for (const part of ["server", "keyd"] as const) {
    const micros = median(rounds.map((spent) => (spent[part] / done) * 1e6));
    printRow({ bench: BENCH, what: `${what}, of it ${part}`, value: micros, unit: "µs CPU" });
  }
}

type Peer = { readonly name: string; readonly pid: number };

async function against(
  peer: Peer,
  what: string,
  { goal, ...loads }: { ours: Load; theirs: Load; goal?: string },
) {
  const values: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    values.ours.push(await perCpuSecond(pids, loads.ours));
    values.theirs.push(await perCpuSecond([peer.pid], loads.theirs));
  }
  const [value, other] = [median(values.ours), median(values.theirs)];
  const unit = "per CPU-second";
  const named = { name: peer.name, value: other };
  const ratio = value / other;
  printRow({ bench: BENCH, what, value, unit, peer: named, ratio, ...(goal ? { goal } : {}) });
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
const sm4Large: Load = {
  run: () => post(`/keys/${sm4}:encrypt`, { plaintext: large }),
  calls: 2_000,
};
await measure("SM4-GCM encrypt 4 KB", sm4Large, "8,000");
const sm2 = await newKey({ spec: "SM2", usage: "SIGN_VERIFY" });
const message = plaintext;
const { signature } = await post(`/keys/${sm2}:sign`, { message });
const signing: Load = { run: () => post(`/keys/${sm2}:sign`, { message }), calls: 2_000 };
await measure("SM2 sign", signing, "1,500");
const verifying: Load = {
  run: () => post(`/keys/${sm2}:verify`, { message, signature }),
  calls: 2_000,
};
await measure("SM2 verify", verifying, "1,500");

const bare = await startBareHttps();
const alone = { name: "HTTPS of Node alone", pid: bare.pid };
await against(alone, "AES-256 encrypt 32 B", {
  ours: encrypt,
  theirs: { ...encrypt, run: () => post("", { plaintext, encryptionContext }, bare.port) },
});
await against(alone, "SM4-GCM encrypt 4 KB", {
  ours: sm4Large,
  theirs: { ...sm4Large, run: () => post("", { plaintext: large }, bare.port) },
});
await bare.stop();

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
    goal: "1",
  });
  await against(peer, "AES-256 encrypt, batch of 100", {
    ours: batch,
    theirs: { run: () => peer.encrypt(plaintexts), calls: batch.calls, per: BATCH },
    goal: "1",
  });
  await peer.stop();
}
agent.destroy();
await stack.stop();
