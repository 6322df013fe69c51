/**
 * What follows a PROXY header on its connection is served like any other connection's bytes, for
 * every form of the header and wherever the network cuts it.
 */
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import { protocolDefaults } from "../../kernel/intent/site-delivery.ts";
import type { GatewayEvent } from "./event.ts";
import {
  eventually,
  intentOf,
  type RawClient,
  rawClient,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const files = certificateFolder();
const pair = files.issue("a", ["a.test"]);
let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let chains: string[] = [];

beforeAll(async () => {
  origin = await startOrigin(async (request, response) => {
    chains.push(String(request.headers["x-forwarded-for"]));
    let body = "";
    for await (const piece of request.setEncoding("latin1")) body += piece;
    response.end(`[${request.method} ${request.url} ${body}]`);
  });
});
afterAll(async () => {
  await origin.close();
  files.remove();
});
beforeEach(async () => {
  chains = [];
  ({ worker, events } = await startTestWorker());
  const protocol = { ...protocolDefaults, proxyProtocolFrom: ["127.0.0.1"] };
  worker.apply(intentOf([siteFor([origin.url], { ...pair, delivery: { protocol } })]));
});
afterEach(() => worker.close(50));

/** Version 2: signature, command, family, length, then what there is of addresses. */
const binary = (command: number, family: number, block: readonly number[] = []): string =>
  `\r\n\r\n\0\r\nQUIT\n${String.fromCharCode(0x20 + command, family, 0, block.length, ...block)}`;
const ports = [0x30, 0x39, 0, 80];
const v4 = [...[203, 0, 113, 7], ...[127, 0, 0, 1], ...ports];
const v6 = [...[0x20, 1, 0x0d, 0xb8, ...Array(11).fill(0), 7], ...Array(15).fill(0), 1, ...ports];
/** An extension of type NOOP with two bytes (§2.2). */
const noop = [4, 0, 2, 65, 66];

/** Each form, and the address that it tells; "" = that of the balancer itself. */
const headers: readonly (readonly [string, string, string])[] = [
  ["v1 TCP4", "PROXY TCP4 203.0.113.7 127.0.0.1 12345 80\r\n", "203.0.113.7"],
  ["v1 TCP6", "PROXY TCP6 2001:db8::7 ::1 12345 80\r\n", "2001:db8::7"],
  ["v1 UNKNOWN", "PROXY UNKNOWN\r\n", ""],
  ["v1 UNKNOWN with words", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ""],
  ["v2 PROXY over IPv4", binary(1, 0x11, v4), "203.0.113.7"],
  ["v2 PROXY over IPv4 with an extension", binary(1, 0x11, [...v4, ...noop]), "203.0.113.7"],
  ["v2 PROXY over IPv6", binary(1, 0x21, v6), "2001:db8::7"],
  ["v2 PROXY over a family without addresses", binary(1, 0), ""],
  ["v2 LOCAL", binary(0, 0), ""],
  ["v2 LOCAL with a block and a family to ignore", binary(0, 0xff, v4), ""],
];

const BODY = "tea\r\n\r\nPROXY UNKNOWN\r\n";
const first = `POST /one HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${BODY.length}\r\n\r\n`;
const second = "GET /two HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const requests = first + BODY + second;

/** What must hold of a connection on which the two requests were sent. */
async function expectBoth(client: RawClient, address: string): Promise<void> {
  const from = address === "" ? "127.0.0.1" : address;
  const text = await client.closed;
  expect(text.match(/HTTP\/1\.1 200 /g) ?? []).toHaveLength(2);
  expect(text.match(/\[[^\]]*\]/g)).toEqual([`[POST /one ${BODY}]`, "[GET /two ]"]);
  expect(chains).toEqual([from, from]);
  await eventually(() => events.length === 2);
  for (const { src_endpoint } of events) {
    expect(src_endpoint.ip).toBe(from);
    if (address !== "") expect(src_endpoint.port).toBe(12_345);
  }
}

test.each(headers)(
  "%s: both requests in the segment of the header",
  async (_name, header, from) => {
    const client = rawClient(worker.httpPort);
    client.send(header + requests);
    await expectBoth(client, from);
  },
);

/** Sends the pieces as segments of their own. */
async function sendApart(client: RawClient, pieces: readonly string[]): Promise<void> {
  client.socket.setNoDelay(true);
  for (const piece of pieces) {
    client.send(piece);
    await sleep(4);
  }
}

/** After the header, in the first head, between its end and the body, in the body, and so on. */
const requestCuts = [0, 1, first.length - 2, first.length, first.length + 5];
const laterCuts = [first.length + BODY.length, first.length + BODY.length + 9];

test.each(headers)("%s: cut anywhere, it is served alike", async (_name, header, from) => {
  const headerCuts = [1, 5, 11, 12, 13, 15, 16, header.length - 2, header.length - 1];
  const cuts = [
    ...headerCuts,
    ...[...requestCuts, ...laterCuts].map((at) => header.length + at),
  ].filter((at) => at < header.length + requests.length);
  const whole = header + requests;
  for (const cut of new Set(cuts)) {
    chains = [];
    events.length = 0;
    const client = rawClient(worker.httpPort);
    await sendApart(client, [whole.slice(0, cut), whole.slice(cut)]);
    await expectBoth(client, from);
  }
});

test.each(headers)("%s: byte for byte, it is served alike", async (_name, header, from) => {
  const client = rawClient(worker.httpPort);
  client.socket.setNoDelay(true);
  for (const char of header + requests) {
    client.send(char);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await expectBoth(client, from);
});

test.each(headers)(
  "%s: a handshake follows it, in the same segment",
  async (_name, header, from) => {
    const socket = connectSocket(worker.httpsPort, "127.0.0.1");
    await once(socket, "connect");
    socket.cork();
    socket.write(header, "latin1");
    const secure = connectTls({ socket, ca: files.read("root.pem"), servername: "a.test" });
    setImmediate(() => socket.uncork());
    const client = rawClient(0, secure);
    client.send(requests);
    await expectBoth(client, from);
  },
);

test("a body of megabytes behind a header arrives whole, and the request behind it is served", async () => {
  for (const [, header, from] of headers) {
    chains = [];
    events.length = 0;
    const client = rawClient(worker.httpPort);
    const body = Array.from({ length: 300_000 }, (_, at) => String(at).padStart(7, "0")).join("");
    const head = first.replace(String(BODY.length), String(body.length));
    client.send(header + head + body + second);
    const text = await client.closed;
    expect(text.includes(`[POST /one ${body}]`)).toBe(true);
    expect(text).toContain("[GET /two ]");
    expect(chains).toEqual(Array(2).fill(from === "" ? "127.0.0.1" : from));
  }
});
