import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import { upstreamDefaults } from "../../kernel/intent/site-delivery.ts";
import type { Inspection } from "./inspect.ts";
import { eventually, exchangeRaw, intentOf, siteFor, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const files = certificateFolder();
const pair = files.issue("a", ["a.test"]);
let server: Http2Server;
let worker: GatewayWorker;
let answer: (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;
let sessions = 0;
const bodiesSeen: string[] = [];

/** Rules that want every body. */
const inspection: Inspection = {
  wantsRequestBody: true,
  requestHead: () => 0,
  requestBody: (body) => {
    bodiesSeen.push(body.toString("latin1"));
    return 0;
  },
  responseHead: () => 0,
  wantsResponseBody: () => false,
  responseBody: () => 0,
  location: () => "",
  finish: () => ({ score: 0, threshold: 5, matches: [] }),
};

beforeAll(async () => {
  server = createServer();
  server.on("session", () => sessions++);
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  files.remove();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(async () => {
  sessions = 0;
  bodiesSeen.length = 0;
  ({ worker } = await startTestWorker({ inspectorOf: () => () => inspection }));
  const upstream = { ...upstreamDefaults, protocol: "http2" } as const;
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  worker.apply(intentOf([siteFor([url], { ...pair, mode: "block", delivery: { upstream } })]));
});
afterEach(() => worker.close(50));

const open = (): ClientHttp2Session =>
  connect(`https://127.0.0.1:${worker.httpsPort}`, {
    ca: files.read("root.pem"),
    servername: "a.test",
  });
const call = { ":authority": "a.test", ":method": "POST", ":path": "/s/M", te: "trailers" };
const message = (text: string): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text)]);
};

test("requests of both versions share one session to the upstream, and are inspected", async () => {
  answer = (stream, headers) => {
    let body = "";
    stream.on("data", (piece: Buffer) => {
      body += piece;
    });
    stream.on("end", () => {
      stream.respond({ ":status": 200, "x-host": String(headers[":authority"]) });
      stream.end(`${headers[":method"]} ${headers[":path"]} ${body}`);
    });
  };
  const post =
    "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
  const text = await exchangeRaw(worker.httpPort, post);
  expect(text).toMatch(/x-host: a\.test/);
  expect(text).toContain("POST /p abc");
  const get = "GET /g HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
  expect(await exchangeRaw(worker.httpPort, get)).toContain("GET /g ");
  expect(bodiesSeen).toEqual(["abc", ""]);
  expect(sessions).toBe(1);
});

test("gRPC: messages flow both ways while the call is open, and the status comes in trailers", async () => {
  answer = (stream, headers) => {
    expect(headers.te).toBe("trailers");
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.on("data", (piece: Buffer) => stream.write(piece));
    stream.on("end", () => stream.end());
  };
  const client = open();
  const stream = client.request({ ...call, "content-type": "application/grpc" });
  let text = "";
  let status: unknown;
  stream.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
  });
  stream.on("trailers", (trailers) => {
    status = trailers["grpc-status"];
  });
  for (const word of ["one", "two", "three"]) {
    stream.write(message(word));
    // Each is answered before the next is sent: nothing waits for the end of the request.
    await eventually(() => text.includes(word));
  }
  stream.end();
  await new Promise((resolve) => stream.on("close", resolve));
  expect(status).toBe("0");
  expect(bodiesSeen).toEqual([]);
  client.close();
});

test("gRPC: a call that fails at once keeps its status, and one that is canceled ends upstream", async () => {
  answer = (stream) =>
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": "5" },
      { endStream: true },
    );
  const client = open();
  const failed = client.request({ ...call, "content-type": "application/grpc" });
  failed.end(message("x"));
  const headers = await new Promise<Record<string, unknown>>((resolve) =>
    failed.on("response", resolve),
  );
  expect(headers["grpc-status"]).toBe("5");
  let isClosed = false;
  answer = (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.on("close", () => {
      isClosed = true;
    });
  };
  const canceled = client.request({ ...call, "content-type": "application/grpc" });
  canceled.write(message("x"));
  await new Promise((resolve) => canceled.on("response", resolve));
  canceled.close(8);
  await eventually(() => isClosed);
  client.close();
});

test("a body that only says it is gRPC is inspected where the upstream speaks HTTP/1.1", async () => {
  worker.apply(intentOf([siteFor(["http://127.0.0.1:1"], { ...pair, mode: "block" })]));
  const post =
    "POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/grpc\r\nContent-Length: 4\r\nConnection: close\r\n\r\nevil";
  await exchangeRaw(worker.httpPort, post);
  expect(bodiesSeen).toEqual(["evil"]);
});
