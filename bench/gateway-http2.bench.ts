/**
 * CPU per request of one gateway process over HTTP/2 and over HTTP/1.1 with TLS, in alternation.
 * Prints a ratio; judges nothing. Needs h2load, nginx and openssl, and skips by name without them.
 */
import { execFileSync, fork, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { intentOf, siteFor } from "../src/daemons/gateway/test-kit.ts";
import { certificateFolder } from "../test/certificate-files.ts";
import { cpuMicroseconds } from "./process.ts";
import { printRow, printSkip } from "./row.ts";
import { type Started, startOrigin } from "./waf/proxies.ts";

const rounds = 3;
const requests = 20_000;

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
  const started: Started = { folder, children: [] };
  const originPort = await startOrigin(started);
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
  started.children.push(gateway);
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
    for (const child of started.children) child.kill();
    files.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
