/**
 * Responses that come in a content coding although none was asked for: what must be masked, judged
 * or compared is, and a body that attacks its reader costs little.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  contentDefaults,
  leakDefaults,
  type SiteDelivery,
} from "../../kernel/intent/site-delivery.ts";
import type { GatewayEvent } from "./event.ts";
import type { Inspection } from "./inspect.ts";
import { digestOf } from "./page-copies.ts";
import {
  bodyOf,
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
let asked: IncomingMessage["headers"][] = [];
let upstreamConnections = 0;
let serve: (request: IncomingMessage, response: ServerResponse) => void = () => {};
const judged: { text: string; isWhole: boolean }[] = [];

/** Rules that refuse answers which hold "secret". */
const inspection = (): Inspection => ({
  wantsRequestBody: false,
  requestHead: () => 0,
  requestBody: () => 0,
  responseHead: () => 0,
  wantsResponseBody: () => true,
  responseBody: (body, isWhole) => {
    const text = body.toString("latin1");
    judged.push({ text, isWhole });
    return text.includes("secret") ? 403 : 0;
  },
  location: () => "",
  finish: () => ({ score: 5, threshold: 5, matches: [] }),
});

beforeAll(async () => {
  origin = await startOrigin((request, response) => {
    asked.push(request.headers);
    serve(request, response);
  });
  origin.server.on("connection", () => upstreamConnections++);
});
afterAll(() => origin.close());
const RESPONSE_MAX = 65_536;
const FREE = 1_000_000;
beforeEach(async () => {
  asked = [];
  judged.length = 0;
  upstreamConnections = 0;
  const bounds = { responseBodyBytesMax: RESPONSE_MAX, decodedResponseBytesFree: FREE };
  ({ worker, events } = await startTestWorker({
    inspectorOf: () => () => inspection(),
    limits: { ...bounds, responseDecodersMax: 2 },
  }));
});
afterEach(() => worker.close(50));

const leaks = { ...leakDefaults, maskPhones: true, maskEmails: true };
const apply = (delivery: SiteDelivery, mode: "off" | "block" = "off") =>
  worker.apply(intentOf([siteFor([origin.url], { delivery, mode })]));
const get = (more = "", { path = "/", method = "GET", version = "1.1" } = {}) =>
  exchangeRaw(
    worker.httpPort,
    `${method} ${path} HTTP/${version}\r\nHost: a.test\r\nConnection: close\r\n${more}\r\n`,
  );
const TEXT = `<p>call 13800138000, write to ann@example.com</p>${"<i>tea</i>".repeat(500)}`;
const MASKED = TEXT.replace("13800138000", "138****8000").replace("ann@", "a**@");

const reply = (coding: string, body: Buffer, more: Record<string, string> = {}) => {
  serve = (_request, response) => {
    const length = { "content-length": String(body.length) };
    const own = { "content-type": "text/html", "content-encoding": coding };
    response.writeHead(200, { ...own, ...length, etag: '"x"', ...more });
    response.end(body);
  };
};

describe("leak protection", () => {
  const coded: Record<string, readonly [string, Buffer]> = {
    gzip: ["gzip", gzipSync(TEXT)],
    "x-gzip in capitals": ["X-GZIP", gzipSync(TEXT)],
    "gzip in two members": [
      "gzip",
      Buffer.concat([gzipSync(TEXT.slice(0, 12)), gzipSync(TEXT.slice(12))]),
    ],
    deflate: ["deflate", deflateSync(TEXT)],
    "deflate without its header": ["deflate", deflateRawSync(TEXT)],
    br: ["br", brotliCompressSync(TEXT)],
    zstd: ["identity, zstd", zstdCompressSync(TEXT)],
    "zstd in two frames": [
      "zstd",
      Buffer.concat([zstdCompressSync(TEXT.slice(0, 12)), zstdCompressSync(TEXT.slice(12))]),
    ],
  };

  test.each(Object.entries(coded))(
    "a text in %s is masked, and sent without it",
    async (_, [coding, body]) => {
      apply({ leaks });
      reply(coding, body, { "content-md5": "x", vary: "Accept-Encoding" });
      const answer = await get("Accept-Encoding: gzip, br\r\n");
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(answer).not.toMatch(/^(?:content-encoding|content-length|content-md5|etag):/im);
      expect(answer).toMatch(/^vary: Accept-Encoding/im);
      expect(bodyOf(answer)).toBe(MASKED);
      expect(asked.at(-1)?.["accept-encoding"]).toBe("identity");
      expect(events.at(-1)?.unmapped.cordon.masked).toEqual({ phone: 1, email: 1 });
      // HTTP/1.0 knows no chunks.
      const old = await get("", { version: "1.0" });
      expect(old).not.toMatch(/transfer-encoding|content-length/i);
      expect(bodyOf(old)).toBe(MASKED);
    },
  );

  test("byte for byte, requests behind it are answered, and the upstream's connection is kept", async () => {
    apply({ leaks });
    const body = gzipSync(TEXT);
    serve = async (_request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" });
      for (const byte of body) response.write(Buffer.of(byte));
      response.end();
    };
    const client = rawClient(worker.httpPort);
    for (let turn = 1; turn <= 3; turn++) {
      client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      await client.until((text) => text.split("\r\n0\r\n\r\n").length === turn + 1);
    }
    for (const answer of client.text().split("\r\n0\r\n\r\n").slice(0, 3)) {
      expect(bodyOf(answer)).toBe(MASKED);
    }
    expect(upstreamConnections).toBe(1);
    client.socket.destroy();
  });

  test("what an event stream flushes arrives at once, masked", async () => {
    apply({ leaks });
    let end = () => {};
    serve = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
      const stream = createGzip({ flush: constants.Z_SYNC_FLUSH });
      stream.pipe(response);
      stream.write("data: 13800138000\n\n");
      end = () => stream.end("data: end\n\n");
    };
    const client = rawClient(worker.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    await client.until((text) => text.includes("data: 138****8000\n\n"));
    expect(client.text()).not.toContain("end");
    end();
    await client.until((text) => text.endsWith("\r\n0\r\n\r\n"));
    client.socket.destroy();
  });

  test("HEAD is answered like GET; an answer without a body, and other types, pass as they are", async () => {
    apply({ leaks });
    reply("gzip", gzipSync(TEXT));
    const head = await get("", { method: "HEAD" });
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head).not.toMatch(/content-encoding|content-length|etag/i);
    expect(bodyOf(head)).toBe("");
    serve = (_request, response) => {
      response.writeHead(304, { etag: '"x"' }).end();
    };
    expect(await get('If-None-Match: "x"\r\n')).toMatch(/^HTTP\/1\.1 304 [\s\S]*etag: "x"/);
    expect(asked.at(-1)?.["if-none-match"]).toBe('"x"');
    const image = gzipSync("13800138000");
    reply("gzip", image, { "content-type": "image/svg-x" });
    const answer = await get();
    expect(answer).toMatch(/content-encoding: gzip[\s\S]*etag/i);
    expect(bodyOf(answer)).toBe(image.toString("latin1"));
    reply("gzip", Buffer.alloc(0));
    expect(bodyOf(await get())).toBe("");
  });

  test.each(["compress", "gzip, br", "gzip, gzip"])(
    "a text in %s cannot be masked, and is not sent",
    async (coding) => {
      apply({ leaks });
      reply(coding, Buffer.from("call 13800138000"));
      const answer = await get();
      expect(answer).toMatch(/^HTTP\/1\.1 502 /);
      expect(answer).not.toContain("13800138000");
      expect(events.at(-1)?.status_detail).toBe("upstream:unknownContentCoding");
      expect(await get("", { method: "HEAD" })).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  const moreText = Buffer.from(TEXT);
  test.each([
    ["is broken", "gzip", Buffer.from("call 13800138000")],
    ["breaks off", "gzip", gzipSync(TEXT).subarray(0, -20)],
    ["breaks off, too,", "zstd", zstdCompressSync(TEXT).subarray(0, -5)],
    ["ends before its bytes", "br", Buffer.concat([brotliCompressSync("tea"), Buffer.from("x")])],
    ["ends before its bytes, too,", "zstd", Buffer.concat([zstdCompressSync("tea"), moreText])],
  ])("a text whose coding %s is never taken for a whole one", async (_, coding, body) => {
    apply({ leaks });
    reply(coding, body);
    const answer = await get();
    expect(answer).not.toContain("13800138000");
    expect(answer.endsWith("\r\n0\r\n\r\n")).toBe(false);
    expect(events.at(-1)?.status_detail).toBe("upstream:responseCannotBeDecoded");
  });

  test("a part of a text is asked for as a whole, and masked; parts of others pass", async () => {
    apply({ leaks });
    const partOf = (type: string) => {
      serve = ({ headers }, response) => {
        if (headers.range === undefined)
          response.writeHead(200, { "content-type": "text/html" }).end(TEXT);
        else response.writeHead(206, { "content-type": type }).end(TEXT.slice(0, 14));
      };
    };
    for (const type of ["text/html", "multipart/byteranges; boundary=x"]) {
      partOf(type);
      const answer = await get("Range: bytes=0-13\r\nIf-Range: x\r\n");
      expect(answer).toMatch(/^HTTP\/1\.1 200 /);
      expect(bodyOf(answer)).toBe(MASKED);
      expect(asked.at(-1)).not.toHaveProperty("if-range");
      expect(asked.at(-2)?.range).toBe("bytes=0-13");
    }
    partOf("video/mp4");
    expect(await get("Range: bytes=0-13\r\n")).toMatch(/^HTTP\/1\.1 206 /);
    // An upstream that sends a part whatever it was asked for is not asked for ever.
    serve = (_request, response) => {
      response.writeHead(206, { "content-type": "text/html" }).end(TEXT.slice(0, 14));
    };
    asked = [];
    expect(await get("Range: bytes=0-13\r\n")).toMatch(/^HTTP\/1\.1 502 /);
    expect(events.at(-1)?.status_detail).toBe("upstream:partOfMaskedText");
    expect(asked).toHaveLength(2);
  });
});

describe("attacks on the decoder", () => {
  test("a body that grows beyond the ratio is cut off; a small one may grow as it likes", async () => {
    apply({ leaks, content: { ...contentDefaults, decodedRatioMax: 50 } });
    const blank = Buffer.alloc(40_000_000, 32);
    for (const [coding, body] of [
      ["gzip", gzipSync(blank)],
      ["br", brotliCompressSync(blank, { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } })],
      ["zstd", zstdCompressSync(blank)],
    ] as const) {
      reply(coding, body);
      const answer = await get();
      expect(answer.length).toBeLessThan(body.length * 50 + FREE + 100_000);
      expect(answer.endsWith("\r\n0\r\n\r\n")).toBe(false);
      await eventually(() => events.at(-1)?.status_detail === "upstream:responseGrowsTooLarge");
    }
    reply("gzip", gzipSync(blank.subarray(0, FREE)));
    expect(bodyOf(await get())).toHaveLength(FREE);
  });

  test("a client that stops reading holds the upstream back, and gets everything in the end", async () => {
    apply({ leaks });
    // Text that packs badly: what the sockets and the decoder hold is little of it.
    const text = randomBytes(18_000_000).toString("base64");
    const body = gzipSync(text, { level: 1 });
    reply("gzip", body);
    const sends = serve;
    const sent: ServerResponse[] = [];
    serve = (request, response) => {
      sends(request, response);
      sent.push(response);
    };
    const client = rawClient(worker.httpPort);
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    await client.until((received) => received.length > 0);
    client.socket.pause();
    await sleep(1_500);
    expect(sent.map(({ writableFinished }) => writableFinished)).toEqual([false]);
    client.socket.resume();
    expect(bodyOf(await client.closed) === text).toBe(true);
  }, 60_000);

  test("as many at once as are allowed, and again when those are over", async () => {
    apply({ leaks });
    const waiting: ServerResponse[] = [];
    serve = (_request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-encoding": "gzip" });
      response.write(gzipSync("tea\n"));
      waiting.push(response);
    };
    const request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
    const clients = [rawClient(worker.httpPort), rawClient(worker.httpPort)];
    for (const client of clients) {
      client.send(request);
      await client.until((text) => text.includes("tea"));
    }
    expect(await get()).toMatch(/^HTTP\/1\.1 503 /);
    expect(events.at(-1)?.status_detail).toBe("responseDecodersExhausted");
    // One ends as it should, one by its client.
    clients[0]?.socket.resetAndDestroy();
    waiting[1]?.end();
    await clients[1]?.closed;
    reply("gzip", gzipSync(TEXT));
    await eventually(() => events.length === 3);
    expect(bodyOf(await get())).toBe(MASKED);
  });
});

describe("rules", () => {
  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
    ["zstd", zstdCompressSync],
  ])("read the text of an answer in %s, which goes on as it came", async (coding, encode) => {
    worker.apply(intentOf([siteFor([origin.url], { mode: "block" })]));
    const body = encode(TEXT);
    reply(coding, body);
    const answer = await get(`Accept-Encoding: ${coding}\r\n`);
    expect(answer).toMatch(/content-encoding[\s\S]*etag/i);
    expect(bodyOf(answer)).toBe(body.toString("latin1"));
    expect(asked.at(-1)?.["accept-encoding"]).toBe(coding);
    expect(judged).toEqual([{ text: TEXT, isWhole: true }]);
    reply(coding, encode("a secret"));
    expect(await get()).toMatch(/^HTTP\/1\.1 403 /);
    // Of a bomb they read a beginning.
    judged.length = 0;
    reply(coding, encode(Buffer.alloc(9_000_000, 32)));
    expect(await get()).toMatch(/^HTTP\/1\.1 200 /);
    const [{ text, isWhole } = { text: "", isWhole: true }] = judged;
    expect(isWhole).toBe(false);
    expect(text.length).toBeGreaterThan(0);
    expect(text.length).toBeLessThanOrEqual(RESPONSE_MAX);
  });

  test("read the text that was decoded for masking, and refuse before anything has left", async () => {
    apply({ leaks }, "block");
    reply("gzip", gzipSync("a secret"));
    expect(await get()).toMatch(/^HTTP\/1\.1 403 /);
    reply("gzip", gzipSync(TEXT));
    expect(bodyOf(await get())).toBe(MASKED);
    expect(judged.at(-1)).toEqual({ text: TEXT, isWhole: true });
  });
});

describe("tamper protection", () => {
  const guard = (approved: string[]) => {
    const approvals = approved.map((digest) => ({ path: "/", digest }));
    apply({ pages: { mode: "protect", paths: ["/"], approvals } });
  };

  test("a page is the same in every coding; one that changed, or cannot be read, is replaced", async () => {
    guard([]);
    reply("gzip", gzipSync(TEXT, { level: 1 }));
    await get();
    expect(worker.status().pages[0]?.seenDigest).toBe(digestOf(Buffer.from(TEXT)));
    guard([digestOf(Buffer.from(TEXT))]);
    reply("br", brotliCompressSync(TEXT));
    expect(bodyOf(await get())).toBe(TEXT);
    expect(worker.status().pages[0]?.state).toBe("approved");
    for (const [coding, body] of [
      ["gzip", gzipSync("defaced")],
      ["compress", Buffer.from(TEXT)],
    ] as const) {
      reply(coding, body);
      const answer = await get();
      expect(answer).not.toMatch(/content-encoding/i);
      expect(bodyOf(answer)).toBe(TEXT);
      expect(events.at(-1)?.status_detail).toBe("pageChanged");
    }
  });
});
