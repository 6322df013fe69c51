import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GatewayEvent } from "./event.ts";
import type { RefusalEvent } from "./refusal-event.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  rawClient,
  siteFor,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker, WorkerOptions } from "./worker.ts";

const MEBIBYTE = 1_048_576;
const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

let origin: Server;
let worker: GatewayWorker;
let events: GatewayEvent[] = [];
let refusals: RefusalEvent[] = [];
let open: Socket[] = [];

beforeEach(async () => {
  open = [];
  origin = createServer((_request, response) => response.end("ok"));
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  for (const socket of open) socket.destroy();
  await worker.close(50);
  origin.closeAllConnections();
  origin.close();
});

async function start(limits: WorkerOptions["limits"] = {}): Promise<void> {
  ({ worker, events, refusals } = await startTestWorker({ limits }));
  const { port } = origin.address() as AddressInfo;
  worker.apply(intentOf([siteFor([`http://127.0.0.1:${port}`])]));
}

/** Opens connections that say nothing; resolves when each is there, whatever becomes of it. */
async function idle(count: number, port: number, from = "127.0.0.1"): Promise<void> {
  const opened = Array.from({ length: count }, () => {
    const socket = connect({ port, host: "127.0.0.1", localAddress: from });
    open.push(socket);
    socket.on("error", () => {});
    socket.resume();
    return new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  });
  await Promise.all(opened);
}

describe("header floods", () => {
  for (const [what, flood] of [
    ["a header without end", `X: ${"a".repeat(4 * MEBIBYTE)}`],
    ["header fields without end", "X: a\r\n".repeat(MEBIBYTE)],
  ] as const) {
    test(`${what} gets 431 and an event, and the rest is not kept`, async () => {
      await start();
      const before = process.memoryUsage().arrayBuffers;
      const client = rawClient(worker.httpPort);
      client.send(`GET /flood HTTP/1.1\r\nHost: a.test\r\n${flood}`);
      expect(await client.closed).toMatch(/^HTTP\/1\.1 431 /);
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({
        http_request: { url: { path: "/flood" } },
        http_response: { code: 431 },
      });
      await eventually(() => worker.status().connections === 0);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MEBIBYTE);
      expect(await exchangeRaw(worker.httpPort, REQUEST)).toContain("ok");
    });
  }

  test("a request line without end gets 414 and an event", async () => {
    await start();
    const client = rawClient(worker.httpPort);
    client.send(`GET /${"a".repeat(MEBIBYTE)}`);
    expect(await client.closed).toMatch(/^HTTP\/1\.1 414 /);
    expect(events).toMatchObject([{ http_response: { code: 414 } }]);
  });
});

describe("thousands of idle connections", () => {
  test("the gateway keeps as many as it may, refuses the others by name, and goes on serving", {
    timeout: 90_000,
  }, async () => {
    await start({ connectionsMax: 1_000, connectionsPerSourceMax: 600, sweepMs: 20 });
    await idle(500, worker.httpPort, "127.0.0.2");
    await eventually(() => worker.status().connections === 500);
    await idle(2_000, worker.httpPort, "127.0.0.3");
    const refused = () => worker.status().connectionsRefused;
    await expect.poll(refused, { timeout: 60_000 }).toBe(1_500);
    expect(worker.status().connections).toBe(1_000);
    expect(await exchangeRaw(worker.httpPort, REQUEST)).toMatch(/^HTTP\/1\.1 503 /);
    const told = () =>
      refusals
        .filter(({ src_endpoint }) => src_endpoint.ip === "127.0.0.3")
        .reduce((sum, event) => sum + event.count, 0);
    await expect.poll(told, { timeout: 60_000 }).toBe(1_500);
    // One event for many, not one for each.
    expect(refusals.length).toBeLessThan(100);
    expect(worker.status().troubles).toEqual([
      expect.stringMatching(/^refuses connections beyond 1000 in all or 600 a source: 1501 so far/),
    ]);
    for (const socket of open.splice(0, 100)) socket.destroy();
    await eventually(() => worker.status().connections < 1_000);
    expect(await exchangeRaw(worker.httpPort, REQUEST)).toContain("ok");
  });

  test("those that stay silent are closed by themselves, and the memory is given back", async () => {
    await start({ keepAliveTimeoutMs: 200, sweepMs: 20 });
    await idle(900, worker.httpPort);
    await eventually(() => worker.status().connections === 0);
    expect(await exchangeRaw(worker.httpPort, REQUEST)).toContain("ok");
  });

  test("handshakes that never end are counted and given up", async () => {
    await start({ connectionsMax: 50, handshakeTimeoutMs: 300, sweepMs: 20 });
    await idle(200, worker.httpsPort);
    await eventually(() => worker.status().connectionsRefused >= 100);
    expect(await exchangeRaw(worker.httpPort, REQUEST)).toContain("ok");
    await eventually(() => refusals.length > 0);
  });
});
