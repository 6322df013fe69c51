/** Thousands of idle and slow connections: what they cost, how they end, who does not notice. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GatewayEvent } from "./event.ts";
import { gatewayLimits } from "./limits.ts";
import { eventually, exchangeRaw, intentOf, siteFor, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker, WorkerOptions } from "./worker.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
/** The full number is 10,000 (`CORDON_IDLE_CONNECTIONS`); fewer in the ordinary run. */
const IDLE = Number(process.env.CORDON_IDLE_CONNECTIONS ?? 2_000);
const SLOW = 1_000;
const SOURCES = 12;
const MEBIBYTE = 1_048_576;

/**
 * Opens idle connections from several addresses of this machine and holds them until its end. A
 * process of its own, so that neither its memory nor its open files count with the gateway's.
 */
const IDLE_CLIENTS = `
const [port, count, sources] = process.argv.slice(1).map(Number);
const { connect } = require("node:net");
const open = (at) => new Promise((resolve, reject) => {
  const localAddress = "127.0.9." + (1 + (at % sources));
  connect({ port, host: "127.0.0.1", localAddress }, resolve).on("error", reject);
});
(async () => {
  for (let at = 0; at < count; at += 250) {
    const size = Math.min(250, count - at);
    await Promise.all(Array.from({ length: size }, (_, more) => open(at + more)));
  }
  process.stdout.write("open");
})();
process.stdin.resume().on("end", () => process.exit(0));
`;

let origin: Server;
let worker: GatewayWorker;
let events: GatewayEvent[] = [];
let open: Socket[] = [];
let idleClients: ChildProcess | null = null;

beforeEach(async () => {
  open = [];
  const large = Buffer.alloc(8 * MEBIBYTE, "a");
  origin = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end(request.url === "/large" ? large : "ok"));
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  if (idleClients !== null && idleClients.exitCode === null) {
    const ended = once(idleClients, "exit");
    idleClients.stdin?.end();
    await ended;
  }
  idleClients = null;
  await worker.close(50);
  origin.closeAllConnections();
  origin.close();
});

async function start(limits: NonNullable<WorkerOptions["limits"]>): Promise<void> {
  ({ worker, events } = await startTestWorker({ limits }));
  const { port } = origin.address() as AddressInfo;
  worker.apply(intentOf([siteFor([`http://127.0.0.1:${port}`])]));
}

/** Opens connections from several addresses of this machine, a few hundred at a time. */
async function openMany(count: number, first: string, reads = true): Promise<void> {
  for (let from = 0; from < count; from += 250) {
    const opened = Array.from({ length: Math.min(250, count - from) }, (_, at) => {
      const localAddress = `127.0.9.${1 + ((from + at) % SOURCES)}`;
      const socket = connect({ port: worker.httpPort, host: "127.0.0.1", localAddress });
      open.push(socket);
      socket.on("error", () => {});
      if (reads) socket.resume();
      if (first !== "") socket.write(first);
      return new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    });
    await Promise.all(opened);
  }
}

async function openIdle(count: number): Promise<void> {
  const given = [worker.httpPort, count, SOURCES].map(String);
  const child = spawn(process.execPath, ["-e", IDLE_CLIENTS, ...given], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  idleClients = child;
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`The clients ended with ${code}`);
  });
  await Promise.race([once(child.stdout, "data"), ended]);
}

/** Resident bytes of this process; of a slow connection it holds both ends. */
const memory = (): number => {
  globalThis.gc?.();
  return process.memoryUsage.rss();
};

async function served(): Promise<void> {
  for (let count = 0; count < 20; count++) {
    expect(await exchangeRaw(worker.httpPort, REQUEST)).toMatch(/^HTTP\/1\.1 200 /);
  }
}

test(`${IDLE} idle connections cost a few KiB each and others are served`, {
  timeout: 120_000,
}, async () => {
  await start({ connectionsMax: IDLE + 100, connectionsPerSourceMax: 1_000 });
  await served();
  const before = memory();
  await openIdle(IDLE);
  await expect.poll(() => worker.status().connections, { timeout: 60_000 }).toBe(IDLE);
  await served();
  const each = (memory() - before) / IDLE;
  process.stdout.write(`${IDLE} idle: ${Math.round(each)} bytes each at the gateway\n`);
  expect(each).toBeLessThan(32_768);
  expect(worker.status().connectionsRefused).toBe(0);
});

describe(`${SLOW} slow connections end by a limit with a name while others are served`, () => {
  const attacks = [
    ["headers", "GET /slow HTTP/1.1\r\nHost: a.test\r\nX-A: ", { headReadTimeoutMs: 2_000 }, 408],
    [
      "bodies",
      "POST /slow HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\na",
      { bodyRateWindowMs: 2_000 },
      408,
    ],
  ] as const;
  for (const [what, first, limits, status] of attacks) {
    test(`slow ${what}: ${Object.keys(limits)[0]}`, { timeout: 90_000 }, async () => {
      await start({ ...limits, sweepMs: 100 });
      const before = memory();
      await openMany(SLOW, first);
      // One byte now and then keeps no connection alive.
      const drip = setInterval(() => {
        for (const socket of open) if (socket.writable) socket.write("a");
      }, 500);
      await served();
      const each = (memory() - before) / SLOW;
      process.stdout.write(`${SLOW} slow ${what}: ${Math.round(each)} bytes each\n`);
      expect(each).toBeLessThan(131_072);
      const ended = () => events.filter((event) => event.http_response.code === status).length;
      await expect.poll(ended, { timeout: 60_000 }).toBe(SLOW);
      clearInterval(drip);
      const reasons = new Set(
        events.filter(({ http_response }) => http_response.code === status).map(reasonOf),
      );
      expect([...reasons]).toEqual([what === "headers" ? "headTooSlow" : "bodyTooSlow"]);
      await served();
    });
  }

  test("slow readers: streamIdleTimeoutMs, and no answer is kept whole", {
    timeout: 90_000,
  }, async () => {
    await start({ streamIdleTimeoutMs: 2_000, sweepMs: 100 });
    const before = memory();
    const readers = 100;
    await openMany(readers, "GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n", false);
    for (const socket of open) socket.pause();
    await served();
    const each = (memory() - before) / readers;
    process.stdout.write(`${readers} slow readers of 8 MiB: ${Math.round(each)} bytes each\n`);
    await expect.poll(() => worker.status().connections, { timeout: 60_000 }).toBe(0);
    expect(each).toBeLessThan(4 * MEBIBYTE);
    await served();
  });
});

const reasonOf = ({ unmapped }: GatewayEvent): string => unmapped.cordon.reason;

test("the defaults end a slow header in 10 s and a slow body in 10 s", async () => {
  await start({});
  await eventually(() => worker.status().connections === 0);
  expect(gatewayLimits).toMatchObject({ headReadTimeoutMs: 10_000, bodyRateWindowMs: 10_000 });
});
