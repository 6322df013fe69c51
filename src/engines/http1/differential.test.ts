/** Compares with Node's parser (llhttp): what ours accepts, Node accepts, and reads the same. */
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseRequestStream } from "./parse-stream.ts";
import { refusedRequests } from "./refused-corpus.ts";

/**
 * Where Node refuses and we accept, on purpose:
 * - methods outside llhttp's fixed list: RFC 9110 §9.1 leaves the list open, rules judge methods;
 * - CONNECT, Upgrade and Expect are events of node:http's server, not parses: not compared.
 */
const nodeMethods = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"];

type Seen = { method: string; target: string; fields: string[]; body: string; trailers: string[] };
let server: Server;
let port = 0;
let seen: Seen[] = [];

beforeAll(async () => {
  server = createServer({ maxHeaderSize: 65_536, keepAlive: true }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      seen.push({
        method: request.method ?? "",
        target: request.url ?? "",
        fields: request.rawHeaders,
        body: Buffer.concat(chunks).toString("latin1"),
        trailers: request.rawTrailers,
      });
      response.end();
    });
    request.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
});

/** What Node makes of these bytes: its requests in order, and whether it answered 4xx/5xx. */
function askNode(bytes: Buffer): Promise<{ requests: Seen[]; refused: boolean }> {
  seen = [];
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
    socket.on("data", (data) => {
      answer += data.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      resolve({ requests: seen, refused: /^HTTP\/1\.1 [45]/m.test(answer) });
    });
  });
}

const pairs = (names: string[], values: string[]): string[] =>
  names.flatMap((name, at) => [name, values[at] ?? ""]);

/** Fails when ours accepted what Node refuses or reads otherwise. */
async function compare(text: string): Promise<boolean> {
  const bytes = Buffer.from(text, "latin1");
  const ours = parseRequestStream([bytes]);
  const accepted = ours.filter((request) => request.complete);
  const comparable = accepted.every(
    ({ head }) =>
      nodeMethods.includes(head.method) &&
      head.fields.lower.every((name) => name !== "upgrade" && name !== "expect"),
  );
  if (accepted.length === 0 || !comparable) return false;
  // Only as far as ours accepted: what follows is refused by us, whatever Node does with it.
  const node = await askNode(bytes);
  const expected = accepted.map(({ head, body, trailers }) => ({
    method: head.method,
    target: head.target,
    fields: pairs(head.fields.names, head.fields.values),
    body,
    trailers: pairs(trailers.names, trailers.values),
  }));
  const allKept = accepted.every(({ head }) => head.keepAlive);
  const kept = expected.slice(
    0,
    accepted.findIndex(({ head }) => !head.keepAlive) + 1 || undefined,
  );
  expect(node.requests.slice(0, kept.length), JSON.stringify(text)).toEqual(kept);
  if (accepted.length === ours.length && allKept) {
    expect(node.refused, JSON.stringify(text)).toBe(false);
  }
  return true;
}

const host = "Host: a.test\r\n";
const accepted = [
  `GET /a?b=c%20d HTTP/1.1\r\n${host}X: 1\r\nx: 2\r\nEmpty:\r\n\r\n`,
  `GET / HTTP/1.0\r\n\r\n`,
  `HEAD /|"<>{}^\` HTTP/1.1\r\n${host}\r\n`,
  `POST /1 HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`,
  `POST /1 HTTP/1.1\r\n${host}content-length:  0005\t\r\n\r\nhelloGET /2 HTTP/1.1\r\n${host}\r\n`,
  `PUT /c HTTP/1.1\r\n${host}Transfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n00a;x="y;z";q\r\n0123456789\r\n0\r\n\r\n`,
  `PUT /c HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0;z\r\nX-T: 1\r\nX-U:  2 \r\n\r\n`,
  `OPTIONS * HTTP/1.1\r\n${host}\r\n`,
  `GET http://a.test/x HTTP/1.1\r\n${host}\r\n`,
  `\r\n\r\nGET / HTTP/1.1\r\n${host}X: \xe9\xff\tz\r\nConnection: keep-alive, x\r\n\r\n`,
  `DELETE / HTTP/1.1\r\n${host}!#$%&'*+-.^_\`|~09AZaz: ok\r\nConnection: close\r\n\r\n`,
];

test("the accepted corpus is read by Node with the same method, target, fields and body", async () => {
  for (const text of accepted) expect(await compare(text), text).toBe(true);
});

test("pairs of accepted requests on one connection are cut at the same byte by Node", async () => {
  for (const first of accepted) for (const second of accepted) await compare(first + second);
});

const fragments = fc.constantFrom(
  "\r",
  "\n",
  "\r\n",
  "\0",
  " ",
  "\t",
  ":",
  ";",
  ",",
  "0",
  "5",
  "a",
  "\x80",
  "\xff",
  "\x7f",
  "Content-Length: 5\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: b\r\n",
  "0\r\n\r\n",
);

test("mutations that ours still accepts are read by Node in the same way", async () => {
  let compared = 0;
  const bases = [
    ...accepted,
    ...accepted,
    ...accepted,
    ...accepted,
    ...[...refusedRequests.values()].map(({ bytes }) => bytes),
  ].filter((text) => text.length < 2_000);
  const edit = fc.tuple(fc.noBias(fc.nat({ max: 9_999 })), fragments, fc.nat({ max: 3 }));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bases),
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      async (base, edits) => {
        let text = base;
        for (const [where, inserted, removed] of edits) {
          const at = Math.floor((where / 10_000) * (text.length + 1));
          text = text.substring(0, at) + inserted + text.substring(at + removed);
        }
        if (await compare(text)) compared++;
      },
    ),
    { numRuns: 3_000 },
  );
  expect(compared).toBeGreaterThan(100);
});
