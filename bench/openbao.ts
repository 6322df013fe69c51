/** An OpenBao of its own for a measurement: TLS, transit engine, and its audit file on. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openAuthority } from "../src/kernel/pki/authority.ts";
import { freePorts } from "../test/stack.ts";

export type Peer = {
  readonly name: string;
  readonly pid: number;
  /** Encrypts by transit: one value, or a batch of several. */
  encrypt(plaintexts: readonly string[]): Promise<unknown>;
  stop(): Promise<void>;
};

const CONNECTIONS = 32;
const START_TRIES = 100;

/** Starts it; the program is `bao`. */
export async function startOpenBao(program: string): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "cordon-openbao-"));
  const [port = 0, cluster = 0] = await freePorts(2);
  const authority = await openAuthority(folder, Date.now);
  const { certificatePem, privateKeyPem } = await authority.issueServer(["127.0.0.1"]);
  writeFileSync(join(folder, "tls.pem"), certificatePem);
  writeFileSync(join(folder, "tls.key"), privateKeyPem, { mode: 0o600 });
  const config = `
    api_addr = "https://127.0.0.1:${port}"
    cluster_addr = "https://127.0.0.1:${cluster}"
    storage "raft" { path = "${join(folder, "data")}"
      node_id = "bench" }
    audit "file" "all" { options = { file_path = "${join(folder, "audit.log")}" } }
    listener "tcp" {
      address = "127.0.0.1:${port}"
      tls_cert_file = "${join(folder, "tls.pem")}"
      tls_key_file = "${join(folder, "tls.key")}"
    }`;
  writeFileSync(join(folder, "bao.hcl"), config);
  mkdirSync(join(folder, "data"));
  const child = spawn(program, ["server", `-config=${join(folder, "bao.hcl")}`], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, rejectUnauthorized: false });
  const send = sender({ port, agent });
  const { keys = [], root_token: token = "" } = await ready(() =>
    send("PUT", "/v1/sys/init", { body: { secret_shares: 1, secret_threshold: 1 } }),
  );
  await send("PUT", "/v1/sys/unseal", { body: { key: keys[0] } });
  const as = { token };
  await ready(() => send("POST", "/v1/sys/mounts/transit", { ...as, body: { type: "transit" } }));
  await send("POST", "/v1/transit/keys/bench", { ...as, body: { type: "aes256-gcm96" } });
  return {
    name: "OpenBao transit",
    pid: child.pid ?? 0,
    encrypt(plaintexts) {
      const [first] = plaintexts;
      const batch_input = plaintexts.map((plaintext) => ({ plaintext }));
      const body = plaintexts.length === 1 ? { plaintext: first } : { batch_input };
      return send("POST", "/v1/transit/encrypt/bench", { ...as, body });
    },
    async stop() {
      agent.destroy();
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

type Reply = { readonly keys?: readonly string[]; readonly root_token?: string };

async function ready(run: () => Promise<Reply>): Promise<Reply> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      if (tries === START_TRIES) throw error;
      await sleep(200);
    }
  }
}

function sender({ port, agent }: { port: number; agent: Agent }) {
  return (
    method: string,
    path: string,
    { body, token }: { body: object; token?: string },
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const payload = JSON.stringify(body);
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(payload),
        ...(token === undefined ? {} : { "x-vault-token": token }),
      };
      const place = { host: "127.0.0.1", port, path, method, agent, headers };
      const outgoing = request(place, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          if ((response.statusCode ?? 500) >= 300) reject(new Error(text));
          else resolve(text === "" ? {} : JSON.parse(text));
        });
      });
      outgoing.on("error", reject);
      outgoing.end(payload);
    });
}
