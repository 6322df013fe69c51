import { type AddressInfo, createServer, type Server } from "node:net";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type ContentSettings,
  contentDefaults,
  type LeakSettings,
  leakDefaults,
} from "../../kernel/intent/site-delivery.ts";
import type { GatewayEvent } from "./event.ts";
import type { Inspection } from "./inspect.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  rawClient,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let received: string[] = [];
const judged: string[] = [];
let pieces: string[] = [];
let fields: Record<string, string> = {};
let asked: Record<string, unknown> = {};

/** Rules that refuse what holds "evil". */
const inspection = (): Inspection => ({
  wantsRequestBody: true,
  requestHead: () => 0,
  requestBody: (body) => {
    const text = body.toString("latin1");
    judged.push(text);
    return text.includes("evil") ? 403 : 0;
  },
  responseHead: () => 0,
  wantsResponseBody: () => false,
  responseBody: () => 0,
  location: () => "",
  finish: () => ({ score: 5, threshold: 5, matches: [] }),
});

beforeAll(async () => {
  origin = await startOrigin((request, response) => {
    asked = request.headers;
    let body = "";
    request.setEncoding("latin1");
    request.on("data", (piece: string) => {
      body += piece;
    });
    request.on("end", async () => {
      received.push(body);
      response.writeHead(200, { "content-type": "text/html", ...fields });
      for (const piece of pieces) {
        response.write(Buffer.from(piece, "latin1"));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      response.end();
    });
  });
});
afterAll(() => origin.close());
beforeEach(async () => {
  received = [];
  judged.length = 0;
  pieces = [];
  fields = {};
  ({ worker, events } = await startTestWorker({ inspectorOf: () => () => inspection() }));
});
afterEach(() => worker.close(50));

const apply = (content: Partial<ContentSettings>, mode: "block" | "observe" = "block") =>
  worker.apply(
    intentOf([
      siteFor([origin.url], { mode, delivery: { content: { ...contentDefaults, ...content } } }),
    ]),
  );
const post = (body: Buffer | string, more = "", path = "/") => {
  const bytes = Buffer.from(body);
  const head = `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${bytes.length}\r\n${more}`;
  return exchangeRaw(
    worker.httpPort,
    `${head}Connection: close\r\n\r\n${bytes.toString("latin1")}`,
  );
};
const coded = (coding: string) => `Content-Encoding: ${coding}\r\n`;

describe("request bodies in a content coding", () => {
  test("rules see them decoded, the upstream gets them as they came, without any setting", async () => {
    worker.apply(intentOf([siteFor([origin.url], { mode: "block" })]));
    const codings = {
      gzip: gzipSync("hello"),
      br: brotliCompressSync("hello"),
      deflate: deflateSync("hello"),
      zstd: zstdCompressSync("hello"),
    };
    for (const [coding, body] of Object.entries(codings)) {
      expect(await post(body, coded(coding))).toMatch(/^HTTP\/1\.1 200 /);
      expect(received.at(-1)).toBe(body.toString("latin1"));
    }
    expect(await post(deflateRawSync("hello"), coded("deflate"))).toMatch(/ 200 /);
    expect(judged).toEqual(Array(5).fill("hello"));
    expect(await post(gzipSync("evil"), coded("gzip"))).toMatch(/^HTTP\/1\.1 403 /);
  });

  test("a body that grows beyond the ratio is refused, and only noted where rules observe", async () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    apply({ decodedRatioMax: 50 });
    expect(await post(bomb, coded("gzip"))).toMatch(/^HTTP\/1\.1 413 /);
    expect(events.at(-1)).toMatchObject({ action_id: 2, status_detail: "bodyGrowsTooLarge" });
    expect(received).toEqual([]);
    apply({ decodedRatioMax: 50 }, "observe");
    expect(await post(bomb, coded("gzip"))).toMatch(/^HTTP\/1\.1 200 /);
    expect(events.at(-1)?.unmapped.cordon.wouldBlock).toBe(true);
  });

  test("what cannot be decoded is refused; an unknown coding goes on as it is", async () => {
    apply({});
    expect(await post("not gzip", coded("gzip"))).toMatch(/^HTTP\/1\.1 400 /);
    expect(await post(gzipSync("hello").subarray(0, 12), coded("gzip"))).toMatch(/ 400 /);
    expect(await post("odd", coded("zstd"))).toMatch(/ 400 /);
    // Of a stream and more, some decoders read the stream, others all.
    const more = Buffer.concat([zstdCompressSync("hello"), Buffer.from("evil")]);
    expect(await post(more, coded("zstd"))).toMatch(/ 400 /);
    expect(
      await post(Buffer.concat([deflateSync("a"), deflateSync("evil")]), coded("deflate")),
    ).toMatch(/ 400 /);
    expect(await post("odd", coded("compress"))).toMatch(/ 200 /);
    const twice = gzipSync(gzipSync("evil"));
    expect(await post(twice, coded("gzip, gzip"))).toMatch(/ 400 /);
    expect(await post(twice, coded("gzip") + coded("gzip"))).toMatch(/ 400 /);
    expect(judged).toEqual(["odd"]);
  });

  test.each([
    ["members", "gzip", Buffer.concat([gzipSync("hello, "), gzipSync("evil")])],
    ["frames", "zstd", Buffer.concat([zstdCompressSync("hello, "), zstdCompressSync("evil")])],
  ])("all %s of %s are judged", async (_what, coding, body) => {
    apply({});
    expect(await post(body, coded(coding))).toMatch(/^HTTP\/1\.1 403 /);
    expect(judged).toEqual(["hello, evil"]);
  });
});

describe("leak protection", () => {
  const leaks = (changes: Partial<LeakSettings>) =>
    worker.apply(
      intentOf([siteFor([origin.url], { delivery: { leaks: { ...leakDefaults, ...changes } } })]),
    );
  const get = () =>
    exchangeRaw(worker.httpPort, "GET / HTTP/1.0\r\nHost: a.test\r\nAccept-Encoding: gzip\r\n\r\n");

  test("a number that is cut between two writes is masked; the length stays, digests go", async () => {
    leaks({ maskPhones: true });
    pieces = ["<p>call 1380", "0138", "000</p> or a@b.de"];
    const length = pieces.join("").length;
    fields = { "content-length": String(length), etag: '"x"', "content-md5": "x" };
    const text = await get();
    expect(text.endsWith("<p>call 138****8000</p> or a@b.de")).toBe(true);
    expect(text).toContain(`content-length: ${length}`);
    expect(text).not.toMatch(/etag|md5/i);
    expect(asked["accept-encoding"]).toBe("identity");
    expect(events.at(-1)?.unmapped.cordon.masked).toEqual({ phone: 1 });
  });

  test.each([
    ...["image/svg+xml", "application/x-javascript", "application/ndjson"],
    ...["application/x-www-form-urlencoded", "application/vnd.api+json", "application/problem+xml"],
    "",
  ])("%s is a text", async (type) => {
    leaks({ maskPhones: true });
    pieces = ["13800138000"];
    fields = { "content-type": type };
    expect(await get()).toContain("138****8000");
  });

  test("chunked answers and stack traces are masked, other types and sites are not", async () => {
    leaks({ maskStackTraces: true, maskEmails: true });
    pieces = ["Error\n  at a.b.C(", "D.java:12)\n", "ann@example.com"];
    const text = await exchangeRaw(
      worker.httpPort,
      "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n",
    );
    expect(text).not.toContain("D.java");
    expect(text).toContain("a**@example.com");
    fields = { "content-type": "image/png" };
    expect(await get()).toContain("ann@example.com");
    worker.apply(intentOf([siteFor([origin.url])]));
    fields = {};
    expect(await get()).toContain("D.java");
    expect(asked["accept-encoding"]).toBe("gzip");
    expect(events.at(-1)?.unmapped.cordon.masked).toBeUndefined();
  });
});

describe("WebSocket", () => {
  let server: Server;
  let sent = "";
  beforeEach(async () => {
    sent = "";
    server = createServer((socket) => {
      let head = "";
      socket.on("error", () => {});
      socket.on("data", (piece: Buffer) => {
        if (head.includes("\r\n\r\n")) {
          sent += piece.toString("latin1");
          return;
        }
        head += piece.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        asked = { head };
        socket.write(
          "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  /** A frame of a client, masked with 1 2 3 4. */
  function frame(text: string, { opcode = 1, final = true, masked = true } = {}): string {
    const mask = [1, 2, 3, 4];
    const first = String.fromCharCode((final ? 128 : 0) + opcode);
    const length =
      text.length < 126
        ? String.fromCharCode((masked ? 128 : 0) + text.length)
        : String.fromCharCode((masked ? 128 : 0) + 126, text.length >> 8, text.length & 255);
    if (!masked) return first + length + text;
    const bytes = [...text].map((char, at) => char.charCodeAt(0) ^ (mask[at % 4] ?? 0));
    return `${first}${length}\x01\x02\x03\x04${String.fromCharCode(...bytes)}`;
  }

  async function open(content: Partial<ContentSettings>) {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const delivery = { content: { ...contentDefaults, ...content } };
    worker.apply(intentOf([siteFor([url], { mode: "block", delivery })]));
    const client = rawClient(worker.httpPort);
    client.send(
      "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    );
    await client.until((text) => text.endsWith("\r\n\r\n"));
    return client;
  }
  const status = (text: string) => {
    const close = text.slice(text.lastIndexOf("\x88\x02"));
    return close.length === 4 ? close.charCodeAt(2) * 256 + close.charCodeAt(3) : 0;
  };

  test.each([
    ["a frame that is too large", { webSocketFrameBytesMax: 10 }, [frame("a".repeat(11))], 1009],
    [
      "a message that is too large",
      { webSocketMessageBytesMax: 10 },
      [frame("abcdef", { final: false }), frame("abcdef", { opcode: 0 })],
      1009,
    ],
    [
      "messages that are too many",
      { webSocketMessagesPerSecondMax: 2 },
      [frame("a"), frame("b"), frame("c")],
      1008,
    ],
    [
      "a frame that is not masked",
      { webSocketFrameBytesMax: 10 },
      [frame("a", { masked: false })],
      1002,
    ],
    ["an unknown opcode", { webSocketFrameBytesMax: 10 }, [frame("a", { opcode: 5 })], 1002],
    ["a text that is none", { webSocketInspectText: true }, [frame("caf\xe9")], 1007],
    ["a stray continuation", { webSocketFrameBytesMax: 10 }, [frame("a", { opcode: 0 })], 1002],
  ])(
    "%s ends the connection with its status and an event",
    async (_title, content, frames, code) => {
      const client = await open(content);
      for (const one of frames) client.send(one);
      expect(status(await client.closed)).toBe(code);
      await eventually(() =>
        events.some(({ status_detail }) => status_detail.startsWith("webSocket:")),
      );
      expect(events.at(-1)).toMatchObject({ action_id: 2 });
    },
  );

  test("a bad frame sent before the answer ends the connection behind the 101, and is told once", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const delivery = { content: { ...contentDefaults, webSocketFrameBytesMax: 10 } };
    worker.apply(intentOf([siteFor([url], { mode: "block", delivery })]));
    const client = rawClient(worker.httpPort);
    const bad = frame("a", { opcode: 5 });
    client.send(
      `GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${bad}`,
    );
    await client.until((text) => text.includes("\r\n\r\n"));
    client.send(bad);
    const text = await client.closed;
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    expect(status(text)).toBe(1002);
    const told = () => events.filter(({ status_detail }) => status_detail.startsWith("webSocket:"));
    await eventually(() => told().length > 0);
    expect(told()).toHaveLength(1);
    expect(sent).toBe("");
  });

  test("text messages are judged by the rules, in fragments and pieces; good ones pass unchanged", async () => {
    const client = await open({ webSocketInspectText: true });
    expect(String(asked.head)).not.toMatch(/extensions/i);
    const good =
      frame("hel", { final: false }) + frame("", { opcode: 9 }) + frame("lo", { opcode: 0 });
    for (const char of good) client.send(char);
    await eventually(() => sent === good);
    expect(judged.at(-1)).toBe("message=hello");
    client.send(frame('{"a":"ev', { final: false }) + frame('il"}', { opcode: 0 }));
    expect(status(await client.closed)).toBe(1008);
    expect(judged.at(-1)).toBe('{"a":"evil"}');
    expect(events.at(-1)?.status_detail).toBe("webSocket:blockedByRules");
  });

  test("a site without limits is not looked at", async () => {
    const client = await open({});
    const odd = frame("x".repeat(200), { opcode: 5, masked: false });
    client.send(odd);
    await eventually(() => sent === odd);
    client.socket.destroy();
  });
});
