/**
 * CPU per request of one gateway process over HTTP/2 and over HTTP/1.1 with TLS, in alternation.
 * Prints a ratio; judges nothing. Needs h2load, nginx and openssl, and skips by name without them.
 */
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { intentOf, siteFor } from "../src/daemons/gateway/test-kit.ts";
import { certificateFolder } from "../test/certificate-files.ts";
import { printRow, printSkip } from "./row.ts";

const rounds = 3;
const requests = 20_000;
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
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function startOrigin(folder: string, port: number): ChildProcess {
  const file = join(folder, "origin.conf");
  const main = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/log;`;
  const server = `server { listen 127.0.0.1:${port}; keepalive_requests 1000000;
location / { return 200 "hello, this is the page"; } }`;
  writeFileSync(file, `${main} events {} http { access_log off; ${server} }`);
  return spawn("nginx", ["-p", folder, "-c", file], { stdio: "ignore" });
}

const kit = JSON.stringify(join(import.meta.dirname, "../src/daemons/gateway/test-kit.ts"));

function cost(pid: number, port: number, more: string[]): number {
  const before = cpuMicroseconds(pid);
  const options = [`-n${requests}`, "-c8", "-m8", "--connect-to", `127.0.0.1:${port}`, ...more];
  const text = execFileSync("h2load", [...options, `https://a.test:${port}/index?a=1`], {
    encoding: "utf8",
  });
  if (!text.includes(`${requests} succeeded`)) throw new Error(`h2load: ${text}`);
  return (cpuMicroseconds(pid) - before) / requests;
}

async function run(): Promise<void> {
  for (const program of ["h2load", "nginx", "openssl"]) {
    if (spawnSync(program, ["--version"]).error === undefined) continue;
    printSkip("gateway-http2", `${program} is not installed`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "gateway-http2-"));
  const files = certificateFolder();
  const originPort = await freePort();
  const origin = startOrigin(folder, originPort);
  const site = siteFor([`http://127.0.0.1:${originPort}`], { ...files.issue("a", ["a.test"]) });
  const script = join(folder, "gateway.ts");
  writeFileSync(
    script,
    `import { startTestWorker } from ${kit};
const { worker } = await startTestWorker({ emit: () => true });
worker.apply(${JSON.stringify(intentOf([site]))});
process.send(worker.httpsPort);`,
  );
  const gateway = fork(script);
  try {
    const port = await new Promise<number>((resolve) => gateway.once("message", resolve));
    const pid = gateway.pid ?? 0;
    cost(pid, port, []);
    for (let round = 1; round <= rounds; round++) {
      const first = cost(pid, port, ["--h1"]);
      const second = cost(pid, port, []);
      printRow({
        bench: "gateway-http2",
        what: `round ${round}`,
        value: second,
        unit: "µs CPU per request",
        peer: { name: "HTTP/1.1 over TLS", value: first },
        ratio: second / first,
      });
    }
  } finally {
    for (const child of [gateway, origin]) child.kill();
    files.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
