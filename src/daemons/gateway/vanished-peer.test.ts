/** Clients gone before they are accepted, or as soon as they are: nothing stays of them. */
import { execFile, execFileSync } from "node:child_process";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import {
  END_HEADERS,
  END_STREAM,
  fieldBlock,
  frame,
  frameType,
  getFields,
  preface,
  rawHttp2,
} from "../../../test/http2-frames.ts";
import { until } from "../../../test/stack.ts";
import type { GatewayLimits } from "./limits.ts";
import { exchangeRaw, intentOf, siteFor, startOrigin, startTestWorker } from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

/** Sends a request and resets the connection. */
const SENDER = `
const socket = require("node:net").connect(Number(process.argv[1]), "127.0.0.1", () =>
  socket.write(process.argv[2], () => socket.resetAndDestroy()),
);
`;

test("what a client sent that reset the connection before it was accepted reaches no site", async () => {
  const asked: (string | undefined)[] = [];
  const origin = await startOrigin((request, response) => {
    asked.push(request.url);
    response.end("ok");
  });
  const { worker, events } = await startTestWorker();
  try {
    worker.apply(intentOf([siteFor([origin.url])]));
    const request = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n`;
    // The gateway runs in this process, which waits here: it accepts when all is over.
    for (let sent = 0; sent < 3; sent += 1) {
      execFileSync(process.execPath, ["-e", SENDER, String(worker.httpPort), request("/blind")]);
    }
    await exchangeRaw(
      worker.httpPort,
      request("/seen").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    );
    expect(asked).toEqual(["/seen"]);
    expect(events.map(({ src_endpoint }) => src_endpoint.ip)).toEqual(["127.0.0.1"]);
  } finally {
    await worker.close(0);
    await origin.close();
  }
});

/** Opens HTTP/2, sends, and is gone at once: `reset` or `end`. */
const LEAVER = `
const [port, bytes, how] = process.argv.slice(1);
const socket = require("node:net").connect(Number(port), "127.0.0.1");
socket.on("error", () => {});
const options = { servername: "a.test", rejectUnauthorized: false, ALPNProtocols: ["h2"] };
const secure = require("node:tls").connect({ socket, ...options }, () => {
  secure.write(Buffer.from(bytes, "hex"));
  setTimeout(() => (how === "reset" ? socket.resetAndDestroy() : socket.destroy()));
});
secure.on("error", () => {});
`;

const flags = END_HEADERS | END_STREAM;
const get = frame(frameType.headers, { flags, stream: 1, payload: fieldBlock(getFields()) });

/** Whether a client of the same address is served, of which there may be only so many. */
const isServed = async ({ httpsPort }: GatewayWorker): Promise<boolean> => {
  const client = await rawHttp2(httpsPort);
  client.send(get);
  const answer = await client.first(({ type }) => type === frameType.headers);
  client.socket.destroy();
  return answer !== undefined;
};

async function startFew(limits: Partial<GatewayLimits>) {
  const files = certificateFolder();
  const origin = await startOrigin((_request, response) => response.end("ok"));
  const { worker } = await startTestWorker({ limits: { sweepMs: 50, ...limits } });
  worker.apply(intentOf([siteFor([origin.url], { ...files.issue("a", ["a.test"]) })]));
  const stop = async () => {
    // It resolves when the last socket is closed.
    await worker.close(0);
    await origin.close();
    files.remove();
  };
  return { worker, stop };
}

test("of HTTP/2 clients that leave as soon as they came nothing stays", async () => {
  const { worker, stop } = await startFew({ connectionsPerSourceMax: 2 });
  try {
    const leave = (how: string) => {
      const bytes = Buffer.concat([preface, get]).toString("hex");
      const args = ["-e", LEAVER, String(worker.httpsPort), bytes, how];
      return promisify(execFile)(process.execPath, args);
    };
    for (let round = 0; round < 3; round += 1) {
      await leave("reset");
      await leave("end");
    }
    await until("a client of the same address is served", () => isServed(worker));
  } finally {
    await stop();
  }
});

test("an HTTP/2 client that does not close when its session has ended is cut off", async () => {
  const times = { keepAliveTimeoutMs: 2_000, streamIdleTimeoutMs: 2_000 };
  const { worker, stop } = await startFew({ connectionsPerSourceMax: 1, ...times });
  const raw = connect({ port: worker.httpsPort, host: "127.0.0.1", allowHalfOpen: true });
  try {
    const names = { servername: "a.test", ALPNProtocols: ["h2"] };
    const client = connectTls({ socket: raw, rejectUnauthorized: false, ...names });
    client.on("error", () => {});
    client.write(preface);
    await new Promise((resolve) => client.once("data", resolve));
    expect(await isServed(worker)).toBe(false);
    await until("it does not count any more", () => isServed(worker));
  } finally {
    raw.destroy();
    await stop();
  }
});
