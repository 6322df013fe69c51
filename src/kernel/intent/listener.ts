/**
 * The control plane's side of the fleet: a listener of its own that speaks mutual TLS with
 * certificates of the internal authority. Only joining works without a certificate.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { TLSSocket } from "node:tls";
import Value from "typebox/value";
import type { CertificateAuthority, IssuedCertificate } from "../pki/authority.ts";
import { JoinRequest, LONG_POLL_MS, RenewRequest, STATUS_BYTES_MAX } from "./protocol.ts";
import type { IntentPublisher } from "./publisher.ts";
import type { RateExchange } from "./rate-exchange.ts";
import { RateReport } from "./rate-protocol.ts";

export type KnownNode = { readonly nodeId: string; readonly plane: string };

/** Where nodes are kept; the fleet service's part. */
export type NodeRegistry = {
  /** Takes the one-time token; undefined when it is unknown, used or too old. */
  join(token: string, admit: (nodeId: string) => Promise<string>): Promise<string | undefined>;
  /** By the certificate it uses; using a renewed one ends the one before. */
  find(certificateFingerprint: string): Promise<KnownNode | undefined>;
  /** Takes this certificate too from now on, until the node has used it. */
  renew(nodeId: string, certificateFingerprint: string): Promise<void>;
  report(nodeId: string, status: Readonly<Record<string, unknown>>): Promise<void>;
  seen(nodeId: string): Promise<void>;
};

export type FleetListenerParts = {
  readonly authority: CertificateAuthority;
  readonly certificate: IssuedCertificate;
  readonly registry: NodeRegistry;
  readonly publisher: IntentPublisher;
  readonly rates: RateExchange;
  /** Bytes that an intent of a plane names by their SHA-256; undefined when there are none. */
  readonly content: (plane: string, sha256: string) => Promise<Buffer | undefined>;
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
};

type Answer = { readonly code: number; readonly body?: unknown; readonly bytes?: Buffer };

/** SHA-256 over the DER certificate, hex: how a node is recognized. */
export function fingerprintOf(certificateDer: Buffer): string {
  return createHash("sha256").update(certificateDer).digest("hex");
}

/** Builds the listener; `listen` is the caller's. */
export function createFleetListener(parts: FleetListenerParts): https.Server {
  const server = https.createServer(
    {
      cert: parts.certificate.certificatePem,
      key: parts.certificate.privateKeyPem,
      ca: parts.authority.certificatePem,
      requestCert: true,
      // Joining has no certificate yet; every other path demands one below.
      rejectUnauthorized: false,
      minVersion: "TLSv1.3",
    },
    (request, response) => {
      answer(parts, request, response).catch((error: unknown) => {
        parts.log({ level: "error", listener: "fleet", error: String(error) });
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    },
  );
  server.requestTimeout = LONG_POLL_MS * 2;
  server.maxConnections = 1_000;
  return server;
}

async function answer(
  parts: FleetListenerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { code, body, bytes } = await route(parts, request, response);
  if (response.destroyed) return;
  if (bytes !== undefined) {
    response.writeHead(code, { "content-type": "application/octet-stream" });
    response.end(bytes);
    return;
  }
  response.writeHead(code, { "content-type": "application/json" });
  response.end(body === undefined ? "" : JSON.stringify(body));
}

async function route(
  parts: FleetListenerParts,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Answer> {
  const url = new URL(request.url ?? "/", "https://fleet");
  const key = `${request.method} ${url.pathname}`;
  if (key === "POST /fleet/v1/join") return join(parts, request);
  const node = await nodeOf(parts, request);
  if (node === undefined) return { code: 401 };
  if (url.pathname === "/fleet/v1/rates" && node.plane === "gateway") {
    return rates(parts, node, { request, response, asked: url.searchParams });
  }
  await parts.registry.seen(node.nodeId);
  if (key === "GET /fleet/v1/intent") {
    return intent(parts, { node, after: Number(url.searchParams.get("after") ?? 0), response });
  }
  const digest = /^GET \/fleet\/v1\/content\/([0-9a-f]{64})$/.exec(key)?.[1];
  if (digest !== undefined) {
    const bytes = await parts.content(node.plane, digest);
    return bytes === undefined ? { code: 404 } : { code: 200, bytes };
  }
  if (key === "POST /fleet/v1/renew") return renew(parts, node, request);
  if (key === "POST /fleet/v1/status") {
    const status: unknown = JSON.parse(await readText(request));
    if (typeof status !== "object" || status === null) return { code: 400 };
    await parts.registry.report(node.nodeId, { ...status });
    return { code: 200, body: {} };
  }
  return { code: 404 };
}

async function join(parts: FleetListenerParts, request: IncomingMessage): Promise<Answer> {
  const body: unknown = JSON.parse(await readText(request));
  if (!Value.Check(JoinRequest, body)) return { code: 400 };
  let certificatePem = "";
  const nodeId = await parts.registry.join(body.token, async (newNodeId) => {
    ({ certificatePem } = await parts.authority.issueClient(newNodeId, body.requestPem));
    return fingerprintOf(derOf(certificatePem));
  });
  if (nodeId === undefined) return { code: 401 };
  return { code: 200, body: { nodeId, certificatePem } };
}

async function renew(
  parts: FleetListenerParts,
  { nodeId }: KnownNode,
  request: IncomingMessage,
): Promise<Answer> {
  const body: unknown = JSON.parse(await readText(request));
  if (!Value.Check(RenewRequest, body)) return { code: 400 };
  const { certificatePem } = await parts.authority.issueClient(nodeId, body.requestPem);
  await parts.registry.renew(nodeId, fingerprintOf(derOf(certificatePem)));
  return { code: 200, body: { certificatePem } };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
}

async function nodeOf(parts: FleetListenerParts, request: IncomingMessage) {
  const socket = request.socket as TLSSocket;
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  return certificate.raw === undefined
    ? undefined
    : parts.registry.find(fingerprintOf(certificate.raw));
}

async function intent(
  parts: FleetListenerParts,
  { node, after, response }: { node: KnownNode; after: number; response: ServerResponse },
): Promise<Answer> {
  const newer = await heldOpen(response, (signal) =>
    parts.publisher.newerThan(node.plane, Number.isSafeInteger(after) ? after : 0, signal),
  );
  if (newer === undefined) return { code: 204 };
  const { version, document } = newer;
  return { code: 200, body: { version, document: { version, ...document } } };
}

/** What gateways tell each other of rate limits: reports come in, news go out when there are. */
async function rates(
  parts: FleetListenerParts,
  { nodeId }: KnownNode,
  call: { request: IncomingMessage; response: ServerResponse; asked: URLSearchParams },
): Promise<Answer> {
  if (call.request.method === "POST") {
    const report: unknown = JSON.parse(await readText(call.request));
    if (!Value.Check(RateReport, report)) return { code: 400 };
    return parts.rates.take(nodeId, report) === "taken"
      ? { code: 200, body: {} }
      : { code: 429, body: {} };
  }
  const heard = {
    epoch: call.asked.get("epoch") ?? "",
    sequence: Number(call.asked.get("after") ?? 0),
    gateways: Number(call.asked.get("gateways") ?? 0),
  };
  const news = await heldOpen(call.response, (signal) => parts.rates.news(nodeId, heard, signal));
  return news === undefined ? { code: 204 } : { code: 200, body: news };
}

/** Waits for an answer until the client has to be told that there is none, or is gone. */
async function heldOpen<Result>(
  response: ServerResponse,
  wait: (signal: AbortSignal) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(), LONG_POLL_MS);
  response.once("close", () => ended.abort());
  try {
    return await wait(ended.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > STATUS_BYTES_MAX) throw new Error("The report is too large");
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString("utf8");
}
