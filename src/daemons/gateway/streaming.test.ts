import { createHash } from "node:crypto";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GatewayEvent } from "./event.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  rawClient,
  siteFor,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker, WorkerOptions } from "./worker.ts";

/** A raw origin: `script` gets each connection's socket and what it sent so far. */
type Script = (socket: Socket, received: string) => void;
let server: Server;
let worker: GatewayWorker;
let events: GatewayEvent[];

async function start(script: Script, options: Partial<WorkerOptions> = {}): Promise<void> {
  server = createServer((socket) => {
    let received = "";
    socket.on("error", () => {});
    socket.on("data", (piece) => {
      received += piece.toString("latin1");
      script(socket, received);
      if (received.length > 100_000) received = "";
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  ({ worker, events } = await startTestWorker(options));
  worker.apply(intentOf([siteFor([`http://127.0.0.1:${port}`])]));
}

beforeEach(() => {
  events = [];
});
afterEach(async () => {
  await worker.close(50);
  server.close();
});

const head = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`;
const last = "Connection: close\r\n";
const MIB = 1_048_576;
const sizeBytes = 50 * MIB;

describe("large bodies", () => {
  test("50 MiB down to a client that reads slowly pass whole, and memory stays bounded", async () => {
    let written = 0;
    let peakAhead = 0;
    let read = 0;
    const block = Buffer.alloc(65_536, "d");
    await start((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${sizeBytes}\r\n\r\n`);
      const more = () => {
        while (written < sizeBytes) {
          written += block.length;
          if (!socket.write(block)) {
            socket.once("drain", more);
            return;
          }
        }
      };
      more();
    });
    const client = rawClient(worker.httpPort);
    client.socket.removeAllListeners("data");
    client.socket.on("data", (piece) => {
      read += piece.length;
      peakAhead = Math.max(peakAhead, written - read);
      client.socket.pause();
      setImmediate(() => client.socket.resume());
    });
    client.send(head("/", last));
    await client.closed;
    expect(read).toBeGreaterThanOrEqual(sizeBytes);
    // What is between origin and client: socket buffers of the kernel and one piece of ours.
    expect(peakAhead).toBeLessThan(20 * MIB);
  });

  test("50 MiB up in chunks pass whole to an origin that reads slowly", async () => {
    const sent = createHash("sha256");
    const received = createHash("sha256");
    let bytes = 0;
    const slow = createHttpServer((request, response) => {
      request.on("data", (piece: Buffer) => {
        received.update(piece);
        bytes += piece.length;
        request.pause();
        setImmediate(() => request.resume());
      });
      request.on("end", () => response.end(String(bytes)));
    });
    await start(() => {});
    await new Promise<void>((resolve) => slow.listen(0, "127.0.0.1", resolve));
    const address = slow.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    worker.apply(intentOf([siteFor([`http://127.0.0.1:${port}`])]));
    const client = rawClient(worker.httpPort);
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n${last}\r\n`);
    const block = Buffer.alloc(99_991, "u");
    let left = sizeBytes;
    while (left > 0) {
      const data = block.subarray(0, Math.min(left, block.length));
      left -= data.length;
      sent.update(data);
      client.socket.write(`${data.length.toString(16)}\r\n`);
      client.socket.write(data);
      if (!client.socket.write("\r\n")) {
        await new Promise((resolve) => client.socket.once("drain", resolve));
      }
    }
    client.send("0\r\n\r\n");
    expect(await client.closed).toContain(String(sizeBytes));
    expect(received.digest("hex")).toBe(sent.digest("hex"));
    slow.close();
  });

  test("an answer before the end of an upload reaches the client, and the rest is not a request", async () => {
    await start((socket) => {
      socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig");
    });
    const client = rawClient(worker.httpPort);
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nabc");
    await client.until((text) => text.endsWith("big"));
    client.send(head("/hidden"));
    expect((await client.closed).match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(events).toHaveLength(1);
  });
});

describe("streams", () => {
  test("a server-sent event arrives before the response ends", async () => {
    let finish = () => {};
    await start((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
      socket.write("Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
      finish = () => socket.write("9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    });
    const client = rawClient(worker.httpPort);
    client.send(head("/sse", last));
    expect(await client.until((text) => text.includes("data: 1"))).not.toContain("data: 2");
    finish();
    expect(await client.closed).toContain("data: 2");
  });

  test("a response that ends with its connection reaches the client whole and in chunks", async () => {
    await start((socket) => {
      socket.end("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    });
    const client = rawClient(worker.httpPort);
    client.send(head("/"));
    await client.until((text) => text.endsWith("until the end\r\n0\r\n\r\n"));
    client.socket.destroy();
  });

  test("a response cut off by the origin is cut off at the client, never completed", async () => {
    await start((socket) => {
      socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    });
    const text = await exchangeRaw(worker.httpPort, head("/"));
    expect(text.endsWith("\r\n0\r\n\r\n")).toBe(false);
    expect(events[0]).toMatchObject({ status_detail: "upstreamBrokeOff" });
  });

  test("an ambiguous response is refused with 502", async () => {
    await start((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
    });
    expect(await exchangeRaw(worker.httpPort, head("/", last))).toMatch(/^HTTP\/1\.1 502 /);
  });
});

describe("upgrade", () => {
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n";
  const echo: Script = (socket, received) => {
    if (!/upgrade: websocket\r\n/i.test(received)) {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
      return;
    }
    if (received.endsWith("\r\n\r\n")) {
      const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n";
      socket.write(`${switching}Upgrade: websocket\r\n\r\nfirst`);
    } else socket.write(`<${received.split("\r\n\r\n")[1]}>`, "latin1");
  };

  test("a WebSocket passes bytes both ways after 101", async () => {
    await start(echo);
    const client = rawClient(worker.httpPort);
    client.send(head("/ws", upgrade));
    await client.until((text) => text.endsWith("\r\n\r\nfirst"));
    expect(client.text()).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    client.send("\x81\x00ping");
    await client.until((text) => text.endsWith("<\x81\x00ping>"));
    client.socket.destroy();
    await eventually(() => worker.status().connections === 0);
    expect(events[0]).toMatchObject({ http_response: { code: 101 } });
  });

  test("a client that ended its side before the 101 has ended it for the origin too", async () => {
    let hasEnded = false;
    await start((socket) => {
      socket.on("end", () => {
        hasEnded = true;
      });
      setTimeout(() => echo(socket, head("/ws", upgrade)), 100);
    });
    const client = rawClient(worker.httpPort);
    client.send(head("/ws", upgrade));
    client.socket.end();
    await client.until((text) => text.endsWith("\r\n\r\nfirst"));
    await eventually(() => hasEnded);
  });

  test("an idle tunnel is closed", async () => {
    await start(echo, { limits: { tunnelIdleTimeoutMs: 30, sweepMs: 10 } });
    const client = rawClient(worker.httpPort);
    client.send(head("/ws", upgrade));
    expect(await client.closed).toContain("101");
  });

  test("an upgrade to h2c is not passed on, so no request can pass the rules in a tunnel", async () => {
    await start(echo);
    const h2c =
      "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n";
    expect(await exchangeRaw(worker.httpPort, head("/", h2c))).toContain("plain");
  });
});

describe("slow and greedy clients", () => {
  test("a head that never ends gets 408 and an event that shows what had come", async () => {
    await start(() => {}, { limits: { headReadTimeoutMs: 30, sweepMs: 10 } });
    const client = rawClient(worker.httpPort);
    client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\nX: ");
    expect(await client.closed).toMatch(/^HTTP\/1\.1 408 /);
    expect(events[0]).toMatchObject({
      status_detail: "headTooSlow",
      http_request: { url: { path: "/slow" } },
    });
  });

  test("a body that trickles gets 408 and an event", async () => {
    await start(() => {}, { limits: { bodyRateWindowMs: 30, sweepMs: 10 } });
    const client = rawClient(worker.httpPort);
    client.send("POST /t HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\na");
    expect(await client.closed).toMatch(/^HTTP\/1\.1 408 /);
    expect(events[0]).toMatchObject({ status_detail: "bodyTooSlow" });
  });

  test("an origin that does not answer gets the client 504", async () => {
    await start(() => {}, { limits: { responseHeadTimeoutMs: 30, sweepMs: 10 } });
    expect(await exchangeRaw(worker.httpPort, head("/", last))).toMatch(/^HTTP\/1\.1 504 /);
  });

  test("an idle connection is closed without an answer", async () => {
    await start(() => {}, { limits: { keepAliveTimeoutMs: 30, sweepMs: 10 } });
    expect(await rawClient(worker.httpPort).closed).toBe("");
  });

  test("an idle client that does not close in turn is cut off", async () => {
    const times = { keepAliveTimeoutMs: 30, lingerTimeoutMs: 30, sweepMs: 10 };
    await start(() => {}, { limits: times });
    const port = worker.httpPort;
    const { socket } = rawClient(port, connect({ port, host: "127.0.0.1", allowHalfOpen: true }));
    await new Promise((resolve) => socket.once("end", resolve));
    await eventually(() => worker.status().connections === 0);
    socket.destroy();
  });

  test("connections beyond the limit of one source get 503; those before go on", async () => {
    await start(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      },
      { limits: { connectionsPerSourceMax: 2 } },
    );
    const clients = [rawClient(worker.httpPort), rawClient(worker.httpPort)];
    await eventually(() => worker.status().connections === 2);
    expect(await rawClient(worker.httpPort).closed).toMatch(/^HTTP\/1\.1 503 /);
    expect(worker.status().connectionsRefused).toBe(1);
    for (const client of clients) {
      client.send(head("/"));
      await client.until((text) => text.endsWith("ok"));
      client.socket.destroy();
    }
  });

  test("a site that fails closed refuses traffic while events cannot be kept, others go on", async () => {
    let isFull = true;
    await start(
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      },
      { emit: () => !isFull },
    );
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    const closed = siteFor([url], { siteId: "site-b", domains: ["b.test"], failOpen: false });
    worker.apply(intentOf([siteFor([url]), closed]));
    const status = async (host: string) =>
      (
        await exchangeRaw(worker.httpPort, `GET / HTTP/1.1\r\nHost: ${host}\r\n${last}\r\n`)
      ).substring(9, 12);
    expect(await status("a.test")).toBe("200");
    expect(await status("b.test")).toBe("503");
    expect(await status("a.test")).toBe("200");
    expect(worker.status().eventsLost).toBe(3);
    isFull = false;
    await status("b.test");
    expect(await status("b.test")).toBe("200");
  });
});
