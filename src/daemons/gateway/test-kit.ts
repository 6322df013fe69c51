/** What the gateway's tests share: an intent, an origin, raw clients. Test code only. */
import { createServer, type RequestListener, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { GatewayEvent } from "./event.ts";
import { type Inspection, noInspector } from "./inspect.ts";
import type { GatewayIntent, SiteIntent } from "./intent.ts";
import type { PageEvent } from "./page-event.ts";
import type { RefusalEvent } from "./refusal-event.ts";
import type { UpstreamEvent } from "./upstream-event.ts";
import { type GatewayWorker, startWorker, type WorkerOptions } from "./worker.ts";

/** Rules that find nothing, but for what is given. */
export const inspectionWith = (changes: Partial<Inspection>): Inspection => ({
  wantsRequestBody: false,
  requestHead: () => 0,
  requestBody: () => 0,
  responseHead: () => 0,
  wantsResponseBody: () => false,
  responseBody: () => 0,
  location: () => "",
  finish: () => ({ score: 0, threshold: 0, matches: [] }),
  ...changes,
});

/** A site `a.test` without rules. */
export const siteFor = (upstreams: string[], changes: Partial<SiteIntent> = {}): SiteIntent => ({
  siteId: "site-a",
  accountId: "acct-a",
  domains: ["a.test"],
  upstreams,
  mode: "off",
  paranoiaLevel: 1,
  inboundThreshold: 5,
  outboundThreshold: 4,
  requestBodyBytesMax: 131_072,
  failOpen: true,
  ruleset: "",
  exclusions: [],
  certificatePem: "",
  privateKeyPem: "",
  trustedProxies: [],
  redirectToHttps: false,
  ...changes,
});

export const intentOf = (
  sites: SiteIntent[],
  changes: Partial<GatewayIntent> = {},
): GatewayIntent => ({ version: 1, sites, sources: [], rulesets: [], ...changes });

/** An origin server of node:http on a free port. */
export async function startOrigin(
  listener: RequestListener,
  port = 0,
  host = "127.0.0.1",
): Promise<{ server: Server; port: number; url: string; close: () => Promise<void> }> {
  const server = createServer({ keepAlive: true }, listener);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const bound = (server.address() as AddressInfo).port;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { server, port: bound, url: `http://127.0.0.1:${bound}`, close };
}

/** A worker with its events kept in memory. */
export async function startTestWorker(changes: Partial<WorkerOptions> = {}): Promise<{
  worker: GatewayWorker;
  events: GatewayEvent[];
  refusals: RefusalEvent[];
  upstreamEvents: UpstreamEvent[];
  pageEvents: PageEvent[];
}> {
  const events: GatewayEvent[] = [];
  const refusals: RefusalEvent[] = [];
  const upstreamEvents: UpstreamEvent[] = [];
  const pageEvents: PageEvent[] = [];
  const worker = await startWorker({
    host: "127.0.0.1",
    httpPort: 0,
    httpsPort: 0,
    emit: (event) => {
      if (event.class_uid === 4002) events.push(event);
      else if (event.class_uid === 2004) pageEvents.push(event);
      else if (event.activity_id === 5) refusals.push(event);
      else upstreamEvents.push(event);
      return true;
    },
    inspectorOf: () => noInspector,
    ...changes,
  });
  return { worker, events, refusals, upstreamEvents, pageEvents };
}

/** A raw client: what it sends is sent as it is, what comes is kept as latin1 text. */
export type RawClient = {
  socket: Socket;
  text: () => string;
  send: (bytes: string) => void;
  /** Resolves when the text received satisfies `holds`, or rejects when the connection ends. */
  until: (holds: (text: string) => boolean) => Promise<string>;
  closed: Promise<string>;
};

export function rawClient(port: number, socket: Socket = connect(port, "127.0.0.1")): RawClient {
  let text = "";
  const waiting = new Set<() => void>();
  let isClosed = false;
  socket.on("data", (piece: Buffer) => {
    text += piece.toString("latin1");
    for (const check of waiting) check();
  });
  socket.on("error", () => {});
  const closed = new Promise<string>((resolve) => {
    socket.on("close", () => {
      isClosed = true;
      for (const check of waiting) check();
      resolve(text);
    });
  });
  const until = (holds: (text: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const check = () => {
        if (!holds(text) && !isClosed) return;
        waiting.delete(check);
        if (holds(text)) resolve(text);
        else reject(new Error(`connection closed after: ${text.slice(0, 500)}`));
      };
      waiting.add(check);
      check();
    });
  return {
    socket,
    text: () => text,
    send: (bytes) => socket.write(bytes, "latin1"),
    until,
    closed,
  };
}

/** Sends a whole request and returns everything received until the connection closes. */
export function exchangeRaw(port: number, bytes: string): Promise<string> {
  const client = rawClient(port);
  client.send(bytes);
  return client.closed;
}

/** The body of an answer, its chunks joined. */
export function bodyOf(answer: string): string {
  const [head = ""] = answer.split("\r\n\r\n", 1);
  const rest = answer.slice(head.length + 4);
  if (!/^transfer-encoding: chunked/im.test(head)) return rest;
  let body = "";
  for (let at = 0; at < rest.length; ) {
    const end = rest.indexOf("\r\n", at);
    const bytes = Number.parseInt(rest.slice(at, end), 16);
    body += rest.slice(end + 2, end + 2 + bytes);
    at = end + 4 + bytes;
    if (!(bytes > 0)) break;
  }
  return body;
}

/** Resolves when `holds` does; looks every few milliseconds, gives up with the test. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
