/** Whatever clients leave behind when they go at any moment, the gateway lets go of. */
import { execFile } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import { until } from "../../../test/stack.ts";
import { programFolder } from "../../kernel/config.ts";
import { intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";

const CLIENTS = Number(process.env.CORDON_LEAVING_CLIENTS ?? 600);
/** At fifty clients a second, a tenth of what a quiet machine does. */
const withinMs = 60_000 + CLIENTS * 20;

/** The sockets that this process holds. */
const openSockets = (): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;

/** Answers large, late, bit by bit, or breaks off. */
const startMoodyOrigin = async () => {
  const origin = await startOrigin((request, response) => {
    request.resume();
    if (request.url === "/big") response.end(Buffer.alloc(2_000_000));
    else if (request.url === "/late") setTimeout(() => response.end("ok"), 300);
    else if (request.url === "/slow") {
      const timer = setInterval(() => response.write("y".repeat(1_000)), 20);
      setTimeout(() => response.end(), 400);
      response.on("close", () => clearInterval(timer));
    } else if (request.url === "/reset" || request.url === "/half") {
      response.writeHead(200, { "content-length": "100" });
      response.write("abc");
      const end = () =>
        request.url === "/half" ? request.socket.destroy() : request.socket.resetAndDestroy();
      setTimeout(end, 10);
    } else response.end("ok");
  });
  origin.server.on("upgrade", (_request, socket: Duplex) => {
    socket.on("error", () => {});
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    socket.on("data", () => socket.write(Buffer.from([0x81, 2, 104, 105])));
    socket.on("end", () => socket.end());
  });
  return origin;
};

test("of clients that leave at any moment no socket stays", {
  timeout: withinMs + 60_000,
}, async () => {
  const files = certificateFolder();
  const origin = await startMoodyOrigin();
  const before = openSockets();
  const { worker } = await startTestWorker({
    // Times that run out within the test; those of idle clients and tunnels do not.
    limits: {
      ...{ sweepMs: 100, lingerTimeoutMs: 500, handshakeTimeoutMs: 2_000 },
      ...{ headReadTimeoutMs: 2_000, bodyRateWindowMs: 2_000, streamIdleTimeoutMs: 5_000 },
      upstreamIdleTimeoutMs: 1_000,
    },
  });
  try {
    worker.apply(intentOf([siteFor([origin.url], { ...files.issue("a", ["a.test"]) })]));
    const seed = Number(process.env.CORDON_LEAVING_SEED ?? Math.floor(Math.random() * 2 ** 31));
    process.stdout.write(`seed ${seed}\n`);
    const program = join(programFolder, "test/leaving-clients.ts");
    const args = [worker.httpPort, worker.httpsPort, CLIENTS, seed].map(String);
    await promisify(execFile)(process.execPath, [program, ...args], { timeout: withinMs });
    const listening = 2;
    await until("they are closed", async () => openSockets() <= before + listening, 30_000);
  } finally {
    await worker.close(0);
    await origin.close();
    files.remove();
  }
  expect(openSockets()).toBeLessThanOrEqual(before);
});
