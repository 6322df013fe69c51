/** WebSocket over HTTP/2 (RFC 8441): opened, limited, inspected and ended as over HTTP/1.1. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hasBrowser, launchBrowser } from "../../../test/e2e/console-browser.ts";
import { type Issued, issueFor, trustFlag } from "../../../test/protected-site.ts";
import { type ContentSettings, contentDefaults } from "../../kernel/intent/site-delivery.ts";
import type { GatewayEvent } from "./event.ts";
import type { Inspection } from "./inspect.ts";
import { eventually, intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const HOST = "ws.localhost";
let issued: Issued;
let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let session: ClientHttp2Session;
/** What the origin was asked, and its side of the WebSockets. */
let asked: string[] = [];
let sockets: Duplex[] = [];
let answer: (key: string) => string = (key) => accepted(key);

const accepted = (key: string): string => {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r
Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`;
};

/** Rules that refuse what holds "evil". */
const inspection = (): Inspection => ({
  wantsRequestBody: true,
  requestHead: () => 0,
  requestBody: (body) => (body.includes("evil") ? 403 : 0),
  responseHead: () => 0,
  wantsResponseBody: () => false,
  responseBody: () => 0,
  location: () => "",
  finish: () => ({ score: 5, threshold: 5, matches: [] }),
});

/** Sends each frame of a client back, without its mask; of fewer than 126 bytes, or of 64 Ki. */
function echo(socket: Duplex): void {
  let rest = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    for (;;) {
      const short = (rest[1] ?? 0) & 127;
      const at = short === 126 ? 4 : 2;
      if (rest.length < at) return;
      const length = short === 126 ? rest.readUInt16BE(2) : short;
      if (rest.length < at + 4 + length) return;
      const mask = rest.subarray(at, at + 4);
      const payload = rest.subarray(at + 4, at + 4 + length).map((b, n) => b ^ (mask[n % 4] ?? 0));
      const head = Buffer.from(rest.subarray(0, at));
      head[1] = short;
      socket.write(Buffer.concat([head, payload]));
      rest = rest.subarray(at + 4 + length);
    }
  });
  socket.on("end", () => socket.end());
}

beforeAll(async () => {
  issued = await issueFor([HOST]);
  origin = await startOrigin((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader("content-type", "text/html");
    response.end("<h1>page</h1>");
  });
  origin.server.on("upgrade", (request, socket: Duplex) => {
    const { method, url, httpVersion, headers } = request;
    asked.push(`${method} ${url} HTTP/${httpVersion} ${headers.host} ${headers.upgrade}`);
    sockets.push(socket);
    const protocol = headers["sec-websocket-protocol"];
    const chosen = protocol === undefined ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`;
    socket.write(answer(String(headers["sec-websocket-key"])).replace("\r\n", `\r\n${chosen}`));
    echo(socket);
  });
});
afterAll(() => origin.close());
beforeEach(async () => {
  asked = [];
  sockets = [];
  answer = accepted;
  ({ worker, events } = await startTestWorker({ inspectorOf: () => () => inspection() }));
  apply({});
  session = connect(`https://${HOST}:${worker.httpsPort}`, {
    ca: issued.authorityPem,
    lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  session.on("error", () => {});
  await once(session, "remoteSettings");
});
afterEach(async () => {
  session.destroy();
  await worker.close(50);
});

const apply = (content: Partial<ContentSettings>, more = {}) => {
  const delivery = { content: { ...contentDefaults, ...content }, ...more };
  const site = { domains: [HOST], mode: "block" as const, delivery, ...issued.served };
  worker.apply(intentOf([siteFor([origin.url], site)]));
};

/** A frame with this text, masked. */
function frame(text: string, opcode = 1): Buffer {
  const mask = [1, 2, 3, 4];
  const bytes = Buffer.from(text);
  const isShort = bytes.length < 126;
  const head = Buffer.alloc(isShort ? 2 : 4);
  head[0] = 128 + opcode;
  head[1] = 128 + (isShort ? bytes.length : 126);
  if (!isShort) head.writeUInt16BE(bytes.length, 2);
  const masked = bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([head, Buffer.from(mask), masked]);
}

type Socket = { stream: ClientHttp2Stream; headers: Record<string, unknown>; text(): string };

/** Opens a WebSocket as a browser does. */
async function open(more: Record<string, string> = {}): Promise<Socket> {
  const connectHeaders = { ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat?a=1" };
  const own = { origin: `https://${HOST}`, "sec-websocket-version": "13" };
  const stream = session.request({ ...connectHeaders, ...own, ...more }, { endStream: false });
  let text = "";
  stream.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
  });
  stream.on("error", () => {});
  const [headers] = await once(stream, "response");
  return { stream, headers, text: () => text };
}

describe("a WebSocket on a stream", () => {
  test("is offered, opened at the upstream as over HTTP/1.1, and carries frames both ways", async () => {
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const { stream, headers, text } = await open({
      ...{ "sec-websocket-key": "x", "sec-websocket-protocol": "tea" },
    });
    expect(headers).toMatchObject({ ":status": 200, "sec-websocket-protocol": "tea" });
    for (const name of ["upgrade", "connection", "sec-websocket-accept"]) {
      expect(headers).not.toHaveProperty(name);
    }
    expect(asked).toEqual([`GET /chat?a=1 HTTP/1.1 ${HOST}:${worker.httpsPort} websocket`]);
    const whole = Buffer.concat([frame("hello"), frame("b".repeat(300))]);
    for (const byte of whole) stream.write(Buffer.of(byte));
    await eventually(() => text() === `\x81\x05hello\x81\x7e\x01\x2c${"b".repeat(300)}`);
    expect(events.at(-1)).toMatchObject({
      http_request: { version: "HTTP/2.0", http_method: "GET" },
      http_response: { code: 101 },
    });
    // Other streams go on beside it.
    const page = session.request({ ":path": "/" });
    expect((await once(page, "response"))[0][":status"]).toBe(200);
  });

  test("ends when the client ends or resets it, and when the upstream does", async () => {
    const first = await open();
    first.stream.end(frame("bye"));
    await once(first.stream, "close");
    expect(first.text()).toBe("\x81\x03bye");
    const second = await open();
    second.stream.close(8);
    await eventually(() => sockets[1]?.destroyed === true);
    const third = await open();
    sockets[2]?.end("\x88\x02\x03\xe8", "latin1");
    await once(third.stream, "close");
    expect(third.text()).toBe("\x88\x02\x03\xe8");
    await eventually(() => worker.status().connections === 0);
  });

  test("megabytes pass whole in both directions while the other side rests", async () => {
    const { stream, text } = await open();
    const one = frame("x".repeat(60_000));
    stream.pause();
    for (let turn = 0; turn < 150; turn++) stream.write(one);
    await sleep(200);
    stream.resume();
    const echoed = `\x81\x7e\xea\x60${"x".repeat(60_000)}`;
    await eventually(() => text().length === echoed.length * 150);
    expect(text() === echoed.repeat(150)).toBe(true);
  });

  test("an upstream that refuses, or opens none, is told as it is; nothing flows", async () => {
    answer = () => "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 4\r\n\r\nshut";
    const refused = await open();
    expect(refused.headers[":status"]).toBe(403);
    await eventually(() => refused.text() === "shut");
    // 200 would say that there is a WebSocket now.
    answer = () => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\npage";
    expect((await open()).headers[":status"]).toBe(502);
    answer = (key) => accepted(`${key}x`);
    await expect(open()).rejects.toThrow();
    await eventually(() => sockets[2]?.destroyed === true);
  });
});

/** The status of a close frame at the end of what came. */
const closeStatus = (text: string): number =>
  text.at(-4) === "\x88" ? Buffer.from(text.slice(-2), "latin1").readUInt16BE(0) : 0;

describe("the limits of HTTP/1.1", () => {
  test.each([
    [{ webSocketFrameBytesMax: 10 }, frame("a".repeat(11)), 1009],
    [{ webSocketInspectText: true }, frame("an evil text"), 1008],
    [{ webSocketFrameBytesMax: 10 }, frame("a", 5), 1002],
  ] as const)("%o end it with a status and an event", async (content, bytes, status) => {
    apply(content);
    const { stream, text } = await open();
    stream.write(frame("good"));
    await eventually(() => text() === "\x81\x04good");
    stream.write(bytes);
    await once(stream, "close");
    expect(closeStatus(text())).toBe(status);
    expect(events.at(-1)?.status_detail).toMatch(/^webSocket:/);
    expect(events.at(-1)?.http_request.version).toBe("HTTP/2.0");
  });
});

/** Runs in the page: sends the texts, and tells what came, and how it ended. */
const TALK = `(texts) => new Promise((resolve) => {
  const socket = new WebSocket(location.origin.replace("https", "wss") + "/chat");
  const got = [];
  socket.onopen = () => socket.send(texts.shift());
  socket.onmessage = ({ data }) => {
    got.push(data);
    const next = texts.shift();
    if (next === undefined) socket.close(1000);
    else socket.send(next);
  };
  socket.onclose = ({ code }) => resolve({ got, code });
})`;

test.skipIf(!hasBrowser)(
  "Chromium speaks WebSocket on the connection of its page (needs chromium)",
  { timeout: 60_000 },
  async () => {
    apply({ webSocketInspectText: true, webSocketFrameBytesMax: 1_000 });
    const browser = await launchBrowser(trustFlag(issued));
    try {
      const page = await browser.newPage();
      await page.goto(`https://${HOST}:${worker.httpsPort}/`);
      const talk = (...texts: string[]) => page.evaluate(`(${TALK})(${JSON.stringify(texts)})`);
      expect(await talk("hello", "tea")).toEqual({ got: ["hello", "tea"], code: 1000 });
      expect(await talk("hello", "evil")).toEqual({ got: ["hello"], code: 1008 });
      expect(await talk("a".repeat(1_001))).toEqual({ got: [], code: 1009 });
    } finally {
      await browser.close();
    }
    const upgrades = events.filter(({ http_response }) => http_response?.code === 101);
    expect(upgrades.length).toBeGreaterThanOrEqual(3);
    expect(new Set(upgrades.map(({ http_request }) => http_request.version))).toEqual(
      new Set(["HTTP/2.0"]),
    );
  },
);
