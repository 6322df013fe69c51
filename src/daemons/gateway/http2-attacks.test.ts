/** Downgrade attacks and floods over HTTP/2, written frame by frame. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import {
  END_HEADERS,
  END_STREAM,
  fieldBlock,
  frame,
  frameType,
  getFields,
  rawHttp2,
} from "../../../test/http2-frames.ts";
import { requestText } from "./http2-request.ts";
import { intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const files = certificateFolder();
const pair = files.issue("a", ["a.test"]);
let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let seen: { url: string; fields: string[] }[] = [];

beforeAll(async () => {
  origin = await startOrigin((request, response) => {
    request.resume();
    request.on("end", () => {
      seen.push({ url: request.url ?? "", fields: request.rawHeaders });
      response.end("ok");
    });
  });
});
afterAll(async () => {
  await origin.close();
  files.remove();
});
beforeEach(async () => {
  seen = [];
  ({ worker } = await startTestWorker());
  worker.apply(intentOf([siteFor([origin.url], { ...pair })]));
});
afterEach(() => worker.close(50));

/** Sends one HEADERS frame and says what became of it: a status, or `reset`, or `closed`. */
async function fate(
  fields: readonly (readonly [string, string])[],
  body?: Buffer,
): Promise<string> {
  const client = await rawHttp2(worker.httpsPort);
  const flags = END_HEADERS | (body === undefined ? END_STREAM : 0);
  client.send(frame(frameType.headers, { flags, stream: 1, payload: fieldBlock(fields) }));
  if (body !== undefined) {
    client.send(frame(frameType.data, { flags: END_STREAM, stream: 1, payload: body }));
  }
  const found = await client.first(
    ({ type, stream }) =>
      (stream === 1 && (type === frameType.headers || type === frameType.reset)) ||
      type === frameType.goaway,
  );
  client.socket.destroy();
  if (found === undefined || found.type === frameType.goaway) return "closed";
  if (found.type === frameType.reset) return "reset";
  // The first field of a response is its status: indexed, or literal with a known name.
  const first = found.payload[0] ?? 0;
  const known: Record<number, string> = { 136: "200", 140: "400", 141: "404" };
  return known[first] ?? /\d{3}/.exec(found.payload.toString("latin1"))?.[0] ?? `status ${first}`;
}

/** An extended CONNECT (RFC 8441). */
const connectFields = (protocol: string, ...more: readonly (readonly [string, string])[]) =>
  [[":method", "CONNECT"], [":protocol", protocol], ...getFields(...more).slice(1)] as const;

describe("downgrade attacks", () => {
  const attacks: Record<string, readonly [readonly (readonly [string, string])[], Buffer?]> = {
    "upper-case name": [getFields(["X-A", "1"])],
    "space in a path": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", "/ HTTP/1.1\r\nX: y"],
      ],
    ],
    "path without slash": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", "@evil.test/"],
      ],
    ],
    "absolute path": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", "http://b.test/"],
      ],
    ],
    "empty path": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", ""],
      ],
    ],
    "request line in the method": [
      [
        [":method", "GET / HTTP/1.1\r\nHost: evil\r\n\r\nGET"],
        [":scheme", "https"],
        [":authority", "a.test"],
        [":path", "/"],
      ],
    ],
    "CRLF in the authority": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test\r\nX: y"],
        [":path", "/"],
      ],
    ],
    "authority with user": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "x@a.test"],
        [":path", "/"],
      ],
    ],
    "authority and another host": [getFields(["host", "b.test"])],
    "two paths": [getFields([":path", "/admin"])],
    "unknown pseudo-header": [[[":evil", "1"], ...getFields()]],
    "pseudo-header after a field": [[["x-a", "1"], ...getFields()]],
    "no path": [
      [
        [":method", "GET"],
        [":scheme", "https"],
        [":authority", "a.test"],
      ],
    ],
    "scheme that splits": [
      [
        [":method", "GET"],
        [":scheme", "https://a.test/x?"],
        [":authority", "a.test"],
        [":path", "/"],
      ],
    ],
    "transfer-encoding": [
      getFields(["transfer-encoding", "chunked"]),
      Buffer.from("0\r\n\r\nGET /x"),
    ],
    "a protocol without CONNECT": [getFields([":protocol", "websocket"]), Buffer.from("a")],
    "CONNECT of another protocol": [connectFields("connect-udp"), Buffer.from("a")],
    "a WebSocket that ends as it begins": [connectFields("websocket")],
    "a WebSocket with a length": [
      connectFields("websocket", ["content-length", "1"]),
      Buffer.from("a"),
    ],
    "a WebSocket of two protocols": [
      connectFields("websocket", [":protocol", "websocket"]),
      Buffer.from("a"),
    ],
    "a WebSocket with an upgrade of its own": [
      connectFields("websocket", ["upgrade", "h2c"]),
      Buffer.from("a"),
    ],
    "a request line in a protocol": [
      connectFields("websocket HTTP/1.1\r\n\r\nGET /x"),
      Buffer.from("a"),
    ],
    connection: [getFields(["connection", "x-forwarded-for"])],
    upgrade: [getFields(["upgrade", "h2c"])],
    te: [getFields(["te", "chunked"])],
    "two lengths": [getFields(["content-length", "1"], ["content-length", "2"]), Buffer.from("a")],
    "length below the body": [
      getFields(["content-length", "1"]),
      Buffer.from("aGET /x HTTP/1.1\r\n"),
    ],
    "length above the body": [getFields(["content-length", "99"]), Buffer.from("a")],
    "length without a body": [getFields(["content-length", "5"])],
    "length that is a list": [getFields(["content-length", "1, 1"]), Buffer.from("a")],
    "length with a sign": [getFields(["content-length", "+1"]), Buffer.from("a")],
  };

  test.each(Object.entries(attacks))(
    "%s never reaches the upstream",
    async (_title, [fields, body]) => {
      expect(await fate(fields, body)).toMatch(/^(4\d\d|reset|closed)$/);
      await new Promise((resolve) => setTimeout(resolve, 5));
      // A request whose body breaks off may have begun; it must never have been taken as complete.
      expect(seen).toEqual([]);
    },
  );

  // nghttp2 leaves such fields out (RFC 9113 §8.2.1 lets it refuse the request as well).
  const dropped: Record<string, readonly [(readonly [string, string])[]]> = {
    "CRLF in a value": [getFields(["x-a", "1\r\nTransfer-Encoding: chunked"])],
    "LF in a value": [getFields(["x-a", "1\nHost: evil"])],
    "NUL in a value": [getFields(["x-a", "1\0"])],
    "CRLF in a name": [getFields(["x-a: 1\r\nx-b", "1"])],
    "colon in a name": [getFields(["x-a:", "1"])],
  };
  test.each(Object.entries(dropped))("%s is left out of the request", async (_title, [fields]) => {
    expect(await fate(fields)).toBe("200");
    expect(seen).toHaveLength(1);
    expect(seen[0]?.fields.filter((text) => /^x-a|^x-b|evil|chunked/i.test(text))).toEqual([]);
  });

  test("what nghttp2 might let through is refused by the head's own checks", () => {
    const evil = [
      ["x-a", "1\r\nX: y"],
      ["x a", "1"],
      ["transfer-encoding", "chunked"],
      [":path", "/b"],
      ["host", "b.test"],
    ] as const;
    const key = () => "key";
    for (const field of evil) {
      const { text, fault } = requestText(getFields(field).flat(), true, key);
      expect(fault, field[0]).not.toBeNull();
      expect(
        text.split("\r\n").filter((line) => /^x|^transfer-encoding: chunked$|b$/.test(line)),
      ).toEqual([]);
    }
    expect(requestText(getFields().flat(), false, key)).toMatchObject({
      fault: null,
      method: "GET",
    });
  });

  test("the same frames without an attack are served", async () => {
    expect(await fate(getFields(["x-a", "1"]))).toBe("200");
    expect(await fate(getFields(["content-length", "1"]), Buffer.from("a"))).toBe("200");
    expect(seen).toHaveLength(2);
  });

  test("trailers that frame or route are refused", async () => {
    for (const name of ["content-length", "host", "transfer-encoding"]) {
      const client = await rawHttp2(worker.httpsPort);
      const post = fieldBlock([[":method", "POST"], ...getFields().slice(1)]);
      client.send(
        frame(frameType.headers, { flags: END_HEADERS, stream: 1, payload: post }),
        frame(frameType.data, { stream: 1, payload: Buffer.from("a") }),
        frame(frameType.headers, {
          flags: END_HEADERS | END_STREAM,
          stream: 1,
          payload: fieldBlock([[name, "1"]]),
        }),
      );
      await client.first(({ stream }) => stream === 1);
      client.socket.destroy();
    }
    expect(seen).toEqual([]);
  });
});

describe("floods", () => {
  const headers = (stream: number, flags: number) =>
    frame(frameType.headers, { flags, stream, payload: fieldBlock(getFields()) });

  test("CONTINUATION frames without end close the session", async () => {
    const client = await rawHttp2(worker.httpsPort);
    client.send(headers(1, END_STREAM));
    const more = frame(frameType.continuation, {
      stream: 1,
      payload: fieldBlock([["x-a", "b".repeat(1_000)]]),
    });
    for (let sent = 0; sent < 200 && !client.socket.destroyed; sent++) client.send(more);
    await client.closed;
    expect(seen).toEqual([]);
  });

  test("streams that are opened and reset without end close the session", async () => {
    const client = await rawHttp2(worker.httpsPort);
    for (let at = 0; at < 2_000 && !client.socket.destroyed; at++) {
      const stream = 2 * at + 1;
      const reset = frame(frameType.reset, { stream, payload: Buffer.from([0, 0, 0, 8]) });
      client.send(headers(stream, END_HEADERS | END_STREAM), reset);
      if (at % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
    }
    await client.closed;
    const goaway = client.frames.find(({ type }) => type === frameType.goaway);
    expect(goaway?.payload.readUInt32BE(4)).toBeGreaterThan(0);
  });

  test.each(["settings", "ping"] as const)(
    "%s frames without end close the session",
    async (name) => {
      const client = await rawHttp2(worker.httpsPort);
      const payload = name === "ping" ? Buffer.alloc(8) : Buffer.alloc(0);
      const many = Buffer.concat(
        Array.from({ length: 300 }, () => frame(frameType[name], { payload })),
      );
      client.send(many);
      await client.closed;
    },
  );

  test("fields beyond the limits are refused, and other sessions go on", async () => {
    const wide = await rawHttp2(worker.httpsPort);
    const fields = Array.from({ length: 300 }, (_, at) => [`x-${at}`, "1"] as const);
    wide.send(
      frame(frameType.headers, {
        flags: END_HEADERS | END_STREAM,
        stream: 1,
        payload: fieldBlock(getFields(...fields)),
      }),
    );
    await wide.first(({ type, stream }) => stream === 1 || type === frameType.goaway);
    wide.socket.destroy();
    expect(await fate(getFields())).toBe("200");
    expect(seen).toHaveLength(1);
  });
});
