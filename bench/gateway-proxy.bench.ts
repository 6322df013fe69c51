/**
 * CPU per request of the gateway without rules against nginx as a proxy, on the same box, in
 * alternation. Prints a ratio; judges nothing. Needs nginx and wrk, and skips by name without them.
 */
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { intentOf, siteFor } from "../src/daemons/gateway/test-kit.ts";
import { printRow, printSkip } from "./row.ts";

const rounds = 3;
const seconds = 3;
const connections = 16;
const TICKS_PER_SECOND = 100;

/** User and system CPU of a process in µs (proc(5), fields 14 and 15). */
function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000_000) / TICKS_PER_SECOND;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function waitFor(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Cannot reach port ${port}: nothing listens`);
}

function startNginx(folder: string, name: string, server: string): ChildProcess {
  const file = join(folder, `${name}.conf`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((path) => `${path}_temp_path ${folder}/${name}-${path};`)
    .join(" ");
  const main = `daemon off; master_process off; pid ${folder}/${name}.pid;
error_log ${folder}/${name}.log error; events { worker_connections 1024; }`;
  writeFileSync(
    file,
    `${main}\nhttp { access_log off; keepalive_requests 1000000; ${paths}
${server} }`,
  );
  return spawn("nginx", ["-p", folder, "-c", file], { stdio: "ignore" });
}

const source = (path: string): string => JSON.stringify(join(import.meta.dirname, "../src", path));

/** The gateway's worker in a process of its own, which keeps its events in a spool as always. */
const gatewayProgram = (upstreamPort: number, folder: string): string => `
import { startTestWorker } from ${source("daemons/gateway/test-kit.ts")};
import { openSpool } from ${source("kernel/spool/spool.ts")};
const spool = openSpool({ folder: ${JSON.stringify(join(folder, "spool"))} });
const { worker } = await startTestWorker({
  emit: (event) => spool.appendLater(JSON.stringify(event), event.class_uid),
  settle: () => spool.settle(),
});
worker.apply(${JSON.stringify(intentOf([siteFor([`http://127.0.0.1:${upstreamPort}`])]))});
process.send(worker.httpPort);
`;

function requestsOf(port: number): number {
  const headers = ["Host: a.test", "Accept: */*", "Cookie: a=1; b=2", "Accept-Language: en"];
  const options = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    ...headers.flatMap((h) => ["-H", h]),
  ];
  const target = `http://127.0.0.1:${port}/index?a=1&b=2`;
  const text = execFileSync("wrk", [...options, target], { encoding: "utf8" });
  if (/Non-2xx/.test(text)) throw new Error(`The proxy did not answer 2xx: ${text}`);
  return Number(/(\d+) requests in/.exec(text)?.[1] ?? Number.NaN);
}

async function run(): Promise<void> {
  for (const program of ["nginx", "wrk"]) {
    if (spawnSync(program, ["-v"]).error !== undefined) {
      printSkip("gateway-proxy", `${program} is not installed`);
      return;
    }
  }
  const folder = mkdtempSync(join(tmpdir(), "gateway-bench-"));
  const [originPort, nginxPort] = [await freePort(), await freePort()];
  const origin = startNginx(
    folder,
    "origin",
    `server { listen 127.0.0.1:${originPort}; location / { return 200 "hello, this is the page"; } }`,
  );
  const proxy = startNginx(
    folder,
    "proxy",
    `upstream o { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 1000000; }
server { listen 127.0.0.1:${nginxPort}; location / { proxy_pass http://o;
proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $remote_addr; } }`,
  );
  const script = join(folder, "gateway.ts");
  writeFileSync(script, gatewayProgram(originPort, folder));
  const gateway = fork(script);
  try {
    const gatewayPort = await new Promise<number>((resolve) => gateway.once("message", resolve));
    await waitFor(nginxPort);
    const cost = (pid: number | undefined, port: number): number => {
      const before = cpuMicroseconds(pid ?? 0);
      const requests = requestsOf(port);
      return (cpuMicroseconds(pid ?? 0) - before) / requests;
    };
    cost(gateway.pid, gatewayPort);
    for (let round = 1; round <= rounds; round++) {
      const nginx = cost(proxy.pid, nginxPort);
      const ours = cost(gateway.pid, gatewayPort);
      printRow({
        bench: "gateway-proxy",
        what: `round ${round}`,
        value: ours,
        unit: "µs CPU per request",
        peer: { name: "nginx", value: nginx },
        ratio: ours / nginx,
        goal: "≤ 2.5",
      });
    }
  } finally {
    for (const child of [gateway, proxy, origin]) child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
