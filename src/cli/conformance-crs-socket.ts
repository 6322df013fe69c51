/**
 * The Core Rule Set's tests over sockets: raw bytes to a gateway worker in a process of its own, in
 * front of a reflecting back end in this one.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseRequestStream } from "../engines/http1/parse-stream.ts";
import { programFolder } from "../kernel/config.ts";
import {
  type ConformanceReport,
  type ConformanceSite,
  readConformanceReport,
} from "../kernel/rules/conformance-messages.ts";
import type { CrsCase } from "./conformance-crs-cases.ts";
import { answerOf, type Exchange, TEST_VARIABLES } from "./conformance-crs-run.ts";

/** Answers and reports come within this after the last byte, or not at all. */
const ANSWER_MS_MAX = 3_000;
const START_MS_MAX = 60_000;

export type SocketRun = {
  ask(request: string): Promise<Exchange>;
  close(): void;
};

type Report = Extract<ConformanceReport, { kind: "request" }>;

/** Starts back end and gateway for these tests. @throws Error when the gateway does not listen. */
export async function startSocketRun(rules: string, cases: readonly CrsCase[]): Promise<SocketRun> {
  const origin = createServer(reflect).listen(0, "127.0.0.1");
  await once(origin, "listening");
  const gateway = fork(join(programFolder, "src/daemons/gateway/conformance-main.ts"));
  const site: ConformanceSite = {
    rules,
    upstreamPort: portOf(origin),
    hosts: hostsOf(cases),
    variables: [...TEST_VARIABLES],
  };
  const close = (): void => {
    gateway.kill();
    origin.close();
  };
  try {
    const port = await listening(gateway, site);
    const waiting = new Map<number, (report: Report) => void>();
    gateway.on("message", (value) => {
      const report = readConformanceReport(value);
      if (report?.kind === "request") waiting.get(report.clientPort)?.(report);
    });
    return { ask: (request) => ask(port, request, waiting), close };
  } catch (error) {
    close();
    throw error;
  }
}

const portOf = (server: Server): number => {
  const address: AddressInfo | string | null = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

/** The gateway serves hosts it knows; so it knows every one that a test names. */
function hostsOf(cases: readonly CrsCase[]): string[] {
  const hosts = new Set<string>();
  for (const { request } of cases.flatMap(({ stages }) => stages)) {
    const [read] = parseRequestStream([Buffer.from(request, "latin1")]);
    const host = read?.head.authority?.host ?? "";
    if (host !== "") hosts.add(host);
  }
  return [...hosts];
}

async function listening(gateway: ChildProcess, site: ConformanceSite): Promise<number> {
  const ready = new Promise<number>((resolve, reject) => {
    gateway.on("message", (value) => {
      const report = readConformanceReport(value);
      if (report?.kind === "listening") resolve(report.port);
    });
    gateway.once("error", reject);
    gateway.once("exit", (code) => reject(new Error(`The gateway ended with ${code}`)));
  });
  gateway.send(site);
  const late = sleep(START_MS_MAX, undefined, { ref: false }).then(() => {
    throw new Error(`The gateway did not listen within ${START_MS_MAX / 1_000} seconds`);
  });
  return await Promise.race([ready, late]);
}

/** One connection for each request, as go-ftw has it; ends when answer and report are there. */
async function ask(
  port: number,
  request: string,
  waiting: Map<number, (report: Report) => void>,
): Promise<Exchange> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const clientPort = socket.localPort ?? 0;
  const reported = new Promise<Report>((resolve) => waiting.set(clientPort, resolve));
  const answered = statusFrom(socket);
  socket.write(request, "latin1");
  const late = sleep(ANSWER_MS_MAX, undefined, { ref: false });
  const status = await Promise.race([answered, late.then(() => 0)]);
  // A connection that ends without an answer may still have its report on the way.
  const grace = status === 0 ? sleep(100) : late;
  const report = await Promise.race([reported, grace.then(() => null)]);
  waiting.delete(clientPort);
  socket.destroy();
  const refused = report === null || report.reason !== "";
  return { status, refused, matches: report?.matches ?? [] };
}

/** The final status of an answer; 0 when the connection ends without one. */
function statusFrom(socket: Socket): Promise<number> {
  let text = "";
  return new Promise((resolve) => {
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
      const final = /(?:^|\r\n\r\n)HTTP\/1\.1 ([2-5]\d\d) /.exec(text);
      if (final !== null) resolve(Number(final[1]));
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => resolve(0));
  });
}

const written = new Set(["content-length", "transfer-encoding", "connection"]);

/** Answers one request of a connection as the back end in process does. */
function reflect(socket: Socket): void {
  const pieces: Buffer[] = [];
  socket.on("error", () => socket.destroy());
  socket.on("data", (piece: Buffer) => {
    pieces.push(piece);
    const [read] = parseRequestStream(pieces);
    if (read?.complete !== true) return;
    const { status, names, values, body } = answerOf(read);
    const fields = names
      .map((name, at) => `${name}: ${values[at]}\r\n`)
      .filter((_, at) => !written.has((names[at] ?? "").toLowerCase()));
    const hasBody = status >= 200 && status !== 204 && status !== 304;
    const length = hasBody ? `Content-Length: ${body.length}\r\n` : "";
    const sends = hasBody && read.head.method !== "HEAD";
    const head = `HTTP/1.1 ${status} Reflected\r\n${fields.join("")}${length}Connection: close\r\n`;
    socket.end(`${head}\r\n${sends ? body : ""}`, "latin1");
  });
}
