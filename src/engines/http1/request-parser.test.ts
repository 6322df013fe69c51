import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { statusOfFault } from "./fault.ts";
import { addField, emptyFields, fieldValue } from "./fields.ts";
import { limits } from "./limits.ts";
import { parseRequestStream } from "./parse-stream.ts";
import { refusedRequests } from "./refused-corpus.ts";
import { parseRequestHead } from "./request.ts";
import { chunkStart, lastChunk, writeRequestHead } from "./write.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const parse = (text: string) => parseRequestStream([bytes(text)]);
const only = (text: string) => {
  const [first, ...rest] = parse(text);
  if (first === undefined || rest.length > 0) throw new Error(`not one request: ${text}`);
  return first;
};

describe("what is refused", () => {
  for (const [title, { bytes: text, fault }] of refusedRequests) {
    test(`${title} is refused as ${fault}`, () => {
      const first = only(text);
      expect(first.fault).toBe(fault);
      expect(first.complete).toBe(false);
      expect(statusOfFault(fault)).toBeGreaterThanOrEqual(400);
    });
  }

  test("nothing after a refused request is parsed, so nothing can hide behind it", () => {
    const smuggled = "GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for (const { bytes: text } of refusedRequests.values()) {
      const requests = parse(text + smuggled);
      expect(requests).toHaveLength(1);
    }
  });
});

describe("what rules see of a refused request", () => {
  test("the raw line and all readable fields are kept after a fault in between", () => {
    const { head } = only("GET /x?a=<b> HTTP/1.1\r\nHost: a.test\r\nBad Name: 1\r\nX: 2\r\n\r\n");
    expect(head.requestLine).toBe("GET /x?a=<b> HTTP/1.1");
    expect(head.fields.values).toEqual(["a.test", "1", "2"]);
    expect(head.fault).toBe("invalidFieldName");
  });

  test("a broken request line still yields method, target and version", () => {
    const { head } = only("\tGET /a b JUNK/1.0\r\nHost: a.test\r\n\r\n");
    expect(head).toMatchObject({ requestLine: "\tGET /a b JUNK/1.0", method: "\tGET" });
    expect(fieldValue(head.fields, "host")).toBe("a.test");
    const { head: other } = only("GET /a b HTTP/9.9\r\nHost: a.test\r\n\r\n");
    expect(other).toMatchObject({ target: "/a b", protocol: "HTTP/9.9" });
  });

  test("a head cut off by the end of the connection is described as far as it came", () => {
    const { head, fault } = only("GET / HTTP/1.1\r\nHost: a.test\r\nX: par");
    expect(fault).toBe("truncatedHead");
    expect(head.fields.names).toEqual(["Host", "X"]);
  });
});

describe("what is accepted", () => {
  test("order, spelling and duplicates of fields are kept", () => {
    const { head } = only("GET / HTTP/1.1\r\nhOsT: a.test\r\nX: 1\r\nx:  2\t \r\nX:\r\n\r\n");
    expect(head.fields.names).toEqual(["hOsT", "X", "x", "X"]);
    expect(head.fields.values).toEqual(["a.test", "1", "2", ""]);
  });

  test("pipelined requests come one after the other, each with its own body", () => {
    const post = "POST /1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc";
    const chunked = "POST /2 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: Chunked\r\n\r\n";
    const body = '4;a=b;c="d;e"\r\nwxyz\r\n0;last\r\nX-Sum: 7\r\n\r\n';
    const requests = parse(`${post}${chunked}${body}\r\nGET /3 HTTP/1.0\r\n\r\n`);
    expect(requests.map((r) => [r.head.target, r.body, r.complete])).toEqual([
      ["/1", "abc", true],
      ["/2", "wxyz", true],
      ["/3", "", true],
    ]);
    expect(requests[1]?.trailers.values).toEqual(["7"]);
  });

  test("each target form yields the path for an origin server and the authority", () => {
    const { head } = only("GET HTTP://A.test:80?q HTTP/1.1\r\nHost: a.test\r\n\r\n");
    expect(head.parsedTarget).toMatchObject({ form: "absolute", path: "/?q" });
    const connect = only("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n").head;
    expect(connect.authority).toEqual({ host: "[::1]", port: 443 });
    expect(only("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").head.parsedTarget.form).toBe("asterisk");
  });

  test("persistence follows version and Connection", () => {
    const keeps = (version: string, connection: string) =>
      only(`GET / HTTP/${version}\r\nHost: a\r\n${connection}\r\n`).head.keepAlive;
    expect(keeps("1.1", "")).toBe(true);
    expect(keeps("1.1", "Connection: x, Close\r\n")).toBe(false);
    expect(keeps("1.0", "")).toBe(false);
    expect(keeps("1.0", "Connection: Keep-Alive\r\n")).toBe(true);
  });

  test("Upgrade counts only when Connection nominates it", () => {
    const upgrade = (connection: string) =>
      only(`GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n${connection}\r\n`).head.upgrade;
    expect(upgrade("Connection: keep-alive, Upgrade\r\n")).toBe("websocket");
    expect(upgrade("")).toBeNull();
  });

  test("a start line of exactly the longest length passes and one byte more does not", () => {
    const line = (length: number) => `GET /${"a".repeat(length - 14)} HTTP/1.1`;
    const whole = (length: number) => only(`${line(length)}\r\nHost: a\r\n\r\n`).fault;
    expect(whole(limits.startLineBytesMax)).toBeNull();
    expect(whole(limits.startLineBytesMax + 1)).toBe("startLineTooLong");
  });
});

const anyRequestText = fc.oneof(
  fc.constantFrom(...[...refusedRequests.values()].map((entry) => entry.bytes)),
  fc.constantFrom(
    "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n",
    "\r\nPOST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/1.0\r\n\r\n",
  ),
);

describe("properties", () => {
  test("any split of the bytes into pieces gives the same parse", () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(anyRequestText, { minLength: 1, maxLength: 4 }),
        cuts,
        (texts, sizes) => {
          const whole = bytes(texts.join(""));
          const pieces: Buffer[] = [];
          let at = 0;
          for (const size of sizes) {
            if (at < whole.length) pieces.push(whole.subarray(at, at + size));
            at += size;
          }
          if (at < whole.length) pieces.push(whole.subarray(at));
          expect(parseRequestStream(pieces)).toEqual(parseRequestStream([whole]));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("byte by byte gives the same parse for the whole corpus", () => {
    for (const { bytes: text } of refusedRequests.values()) {
      const whole = bytes(text);
      const pieces = Array.from(whole, (_, at) => whole.subarray(at, at + 1));
      expect(parseRequestStream(pieces)).toEqual(parseRequestStream([whole]));
    }
  });

  const tokenArbitrary = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
  const valueArbitrary = fc
    .array(
      fc.integer({ min: 32, max: 255 }).filter((code) => code !== 127),
      { maxLength: 20 },
    )
    .map((codes) => String.fromCharCode(...codes).replace(/^[ \t]+|[ \t]+$/g, ""));
  const framing = new Set(["host", "content-length", "transfer-encoding", "connection", "expect"]);
  const fieldArbitrary = fc
    .tuple(tokenArbitrary, valueArbitrary)
    .filter(([name]) => !framing.has(name.toLowerCase()));

  test("what the writer writes the parser reads back unchanged", () => {
    fc.assert(
      fc.property(
        tokenArbitrary.filter((method) => method !== "CONNECT"),
        fc.stringMatching(/^\/[!-"$-~]{0,20}$/),
        fc.array(fieldArbitrary, { maxLength: 8 }),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 4 }),
        (method, target, given, chunks) => {
          const fields = emptyFields();
          addField(fields, "Host", "a.test");
          for (const [name, value] of given) addField(fields, name, value);
          addField(fields, "Transfer-Encoding", "chunked");
          const data = chunks.map((chunk) => Buffer.from(chunk).toString("latin1"));
          const body = data.map((text) => `${chunkStart(text.length)}${text}\r\n`).join("");
          const head = writeRequestHead({ method, target, minorVersion: 1 }, fields);
          const [read] = parse(head + body + lastChunk(null));
          expect(read).toMatchObject({ complete: true, fault: null, body: data.join("") });
          expect(read?.head).toMatchObject({ method, target, fields });
        },
      ),
      { numRuns: 500 },
    );
  });

  test("arbitrary bytes never throw and never yield both a fault and a complete request", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        const text = Buffer.from(noise).toString("latin1");
        const head = parseRequestHead(text, limits);
        expect(head.fault).not.toBeNull();
        for (const request of parse(`GET / HTTP/1.1\r\n${text}`)) {
          expect(request.complete && request.fault !== null).toBe(false);
        }
      }),
    );
  });
});
