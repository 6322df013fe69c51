/**
 * The HTTPS listener of the API and the console: bytes in, calls to the pipeline, envelopes out.
 * It decides nothing; every decision is a step of the pipeline.
 */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { cookieOf, DEVICE_COOKIE, SESSION_COOKIE } from "../identity/authenticate.ts";
import { Problem, type ProblemCatalog } from "../problem.ts";
import { PROMETHEUS_TYPE } from "../telemetry/prometheus.ts";
import type { Call } from "./call.ts";
import { keepRoom } from "./connection-room.ts";
import type { ForeignAnswer, ForeignProtocol } from "./foreign-protocol.ts";
import { type HealthParts, serveHealth } from "./health-paths.ts";
import type { Mount } from "./mount.ts";
import { REFERENCE_STYLE, referenceLanguage, referencePage } from "./openapi-page.ts";
import { type PipelineParts, runCall } from "./pipeline.ts";
import type { ForeignRouter, RouteMatch, Router } from "./route.ts";
import { answerScim } from "./scim-calls.ts";
import { serveConsole } from "./serve-console.ts";
import { streamLines, streamServerSentEvents } from "./stream.ts";

const BODY_BYTES_MAX = 1_048_576;
/** Bodies above that which are taken in at a time, by the operations that allow them. */
const LARGE_BODIES_MAX = 4;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const CONNECTIONS_MAX = 2_000;

export type ServerParts = PipelineParts &
  HealthParts & {
    readonly router: Router;
    /** Other APIs that are spoken on the same listener. */
    readonly foreign: ForeignRouter;
    /** Other APIs that have one path and answers of their own. */
    readonly protocols?: readonly ForeignProtocol[];
    readonly problems: ProblemCatalog;
    /** The OpenAPI 3.1 document. */
    readonly openapi: Readonly<Record<string, unknown>>;
    /** Folder of the built console; undefined when it is not built. */
    readonly consoleFolder: string | undefined;
    /** Protocols beside the API. */
    readonly mounts?: readonly Mount[];
    readonly certificate: { readonly certificatePem: string; readonly privateKeyPem: string };
  };

/** No inline script, no outside host (CSP Level 3); frames nowhere. */
const SECURITY_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; " +
    "form-action 'self'; frame-ancestors 'none'",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** Builds the listener; `listen` is the caller's. */
export async function createServer(parts: ServerParts): Promise<FastifyInstance> {
  const server = fastify({
    https: {
      cert: parts.certificate.certificatePem,
      key: parts.certificate.privateKeyPem,
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    },
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: 0,
    exposeHeadRoutes: false,
    genReqId: () => parts.newId("req"),
    logger: false,
    forceCloseConnections: true,
  });
  server.server.headersTimeout = HEADERS_TIMEOUT_MS;
  keepRoom(server.server, CONNECTIONS_MAX);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });
  server.addHook("onRequest", (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
  server.setErrorHandler((error, request, reply) => answerError(parts, { error, request, reply }));
  server.get("/v1/openapi.json", async (_request, reply) => {
    reply.header("cache-control", "no-cache");
    return parts.openapi;
  });
  serveReference(server, parts);
  serveLarge(server, parts);
  serveHealth(server, parts);
  serveMetrics(server, parts);
  server.all("/v1/*", (request, reply) => answerCall(parts, request, reply));
  for (const protocol of parts.protocols ?? []) serveProtocol(server, parts, protocol);
  for (const mount of parts.mounts ?? []) serveMount(server, mount);
  await serveConsole(server, parts.consoleFolder);
  return server;
}

/**
 * Operations with large bodies, a few at a time: a body is held before anybody knows whose it is,
 * so their number is what bounds the memory that strangers can take.
 */
function serveLarge(server: FastifyInstance, parts: ServerParts): void {
  let underWay = 0;
  for (const { method, path, bodyBytesMax } of parts.router.large) {
    server.route({
      method,
      url: path,
      bodyLimit: bodyBytesMax,
      async onRequest(request, reply) {
        const bytes = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
        if (bytes <= BODY_BYTES_MAX) return;
        if (underWay >= LARGE_BODIES_MAX) throw new Problem("kernel.rateLimited");
        underWay++;
        reply.raw.once("close", () => {
          underWay--;
        });
      },
      handler: (request, reply) => answerCall(parts, request, reply),
    });
  }
}

/** The reference page and its style; both say nothing that the OpenAPI document does not. */
function serveReference(server: FastifyInstance, parts: ServerParts): void {
  server.get("/v1/reference", async (request, reply) => {
    const [, query] = splitOnce(request.raw.url ?? "", "?");
    const language = referenceLanguage(query, request.headers["accept-language"] ?? "");
    reply.header("cache-control", "no-cache").header("vary", "accept-language");
    return reply.type("text/html; charset=utf-8").send(referencePage(parts.openapi, language));
  });
  server.get("/v1/reference.css", async (_request, reply) =>
    reply.header("cache-control", "no-cache").type("text/css").send(REFERENCE_STYLE),
  );
}

function serveMount(server: FastifyInstance, { prefix, answer }: Mount): void {
  server.all(`${prefix}/*`, { exposeHeadRoute: false }, async (request, reply) => {
    const [path = ""] = splitOnce(request.raw.url ?? "", "?");
    const { status, headers, body } = await answer({
      method: request.method,
      path: path.slice(prefix.length),
      host: (request.headers.host ?? "").toLowerCase(),
      contentType: request.headers["content-type"] ?? "",
      body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      sourceIp: request.ip,
    });
    return reply
      .code(status)
      .headers({ ...headers })
      .send(body);
  });
}

const METRICS_OPERATION = "/v1/fleet/metrics";

/** The operation that reads metrics, under the path and in the form that scrapers expect. */
function serveMetrics(server: FastifyInstance, parts: ServerParts): void {
  server.get("/metrics", async (request, reply) => {
    const matched = parts.router.match("GET", METRICS_OPERATION);
    if (matched === undefined) throw new Problem("kernel.routeNotFound");
    const raw = rawRequest(request);
    const { service } = matched.route.contract;
    const call = callOf({ request, reply, raw }, matched, { ...raw, service });
    const result = await runCall(parts, call);
    const text = typeof result === "object" && result !== null ? Reflect.get(result, "text") : "";
    reply.header("x-request-id", request.id).header("cache-control", "no-store");
    return reply.type(PROMETHEUS_TYPE).send(String(text));
  });
}

async function answerCall(
  parts: ServerParts,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const raw = rawRequest(request);
  // A foreign API is chosen by the service that the signature names; the scope is signed.
  const foreign = parts.foreign.match(raw);
  const matched = foreign ?? parts.router.match(request.method, raw.path);
  if (matched === undefined) throw new Problem("kernel.routeNotFound");
  const service = foreign?.service ?? matched.route.contract.service;
  const call = callOf({ request, reply, raw }, matched, { ...raw, service });
  const { stream, wire } = matched.route.operation;
  if (wire !== undefined) return answerScim(parts, call, { request, reply });
  const translation = foreign?.translation;
  const result = await runCall(parts, translation === undefined ? call : { ...call, translation });
  reply.header("x-request-id", request.id).header("cache-control", "no-store");
  if (stream === undefined) return { requestId: request.id, result };
  return sendStream(reply, { stream, items: result as AsyncIterable<unknown> });
}

/** The request as its signature covers it. */
function rawRequest(request: FastifyRequest) {
  const [path = "", query = ""] = splitOnce(request.raw.url ?? "", "?");
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  return { method: request.method, path, query, headers: headersOf(request.raw), body };
}

function callOf(
  from: { request: FastifyRequest; reply: FastifyReply; raw: ReturnType<typeof rawRequest> },
  { route, parameters }: RouteMatch,
  signed: Call["signed"],
): Call {
  const { request, reply, raw } = from;
  const { query, headers, body } = raw;
  return {
    requestId: request.id,
    route,
    parameters,
    query,
    headers,
    body,
    sourceIp: request.ip,
    signal: lazySignal(reply),
    setSessionCookie: (token, maxAgeSeconds) => setSessionCookie(reply, token, maxAgeSeconds),
    setDeviceCookie: (token) =>
      setCookie(reply, DEVICE_COOKIE, { token, maxAgeSeconds: DEVICE_MAX_AGE_SECONDS }),
    deviceToken: cookieOf(headers.cookie, DEVICE_COOKIE),
    signed,
  };
}

/** Aborts when the connection closes. Made only when asked for: few operations look at it. */
function lazySignal(reply: FastifyReply): () => AbortSignal {
  let made: AbortController | undefined;
  return () => {
    if (made !== undefined) return made.signal;
    const aborting = new AbortController();
    made = aborting;
    if (reply.raw.closed) aborting.abort();
    else reply.raw.once("close", () => aborting.abort());
    return aborting.signal;
  };
}

function serveProtocol(
  server: FastifyInstance,
  parts: ServerParts,
  protocol: ForeignProtocol,
): void {
  const { path, scheme } = protocol;
  const send = (reply: FastifyReply, { code, headers, body }: ForeignAnswer) =>
    reply
      .code(code)
      .header("cache-control", "no-store")
      .headers({ ...headers })
      .send(body);
  const errorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = error instanceof Problem ? error : problemOfServer(parts, error, request);
    send(reply, protocol.refuse(request.id, parts.problems.errorBody(problem)));
  };
  server.post(path, { errorHandler }, async (request, reply) => {
    const raw = rawRequest(request);
    const { service, translation, ...matched } = protocol.match(raw);
    const call = callOf({ request, reply, raw }, matched, { ...raw, service, scheme });
    const result = await runCall(parts, { ...call, translation });
    return send(reply, protocol.answer(request.id, result));
  });
}

function sendStream(
  reply: FastifyReply,
  { stream, items }: { stream: "serverSentEvents" | "lines"; items: AsyncIterable<unknown> },
) {
  const events = stream === "serverSentEvents";
  reply.header("content-type", events ? "text/event-stream" : "application/x-ndjson");
  if (events) reply.header("x-accel-buffering", "no");
  return reply.send(Readable.from(events ? streamServerSentEvents(items) : streamLines(items)));
}

function headersOf({ headers }: IncomingMessage): Readonly<Record<string, string | undefined>> {
  if (areTexts(headers)) return headers;
  const texts: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(headers)) {
    texts[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return texts;
}

/** So they nearly always are: of what clients send, Node makes a list of Set-Cookie only. */
function areTexts(
  headers: IncomingHttpHeaders,
): headers is Readonly<Record<string, string | undefined>> {
  for (const name in headers) if (Array.isArray(headers[name])) return false;
  return true;
}

const DEVICE_MAX_AGE_SECONDS = 180 * 86_400;

function setSessionCookie(reply: FastifyReply, token: string | null, maxAgeSeconds: number): void {
  const age = token === null ? 0 : maxAgeSeconds;
  setCookie(reply, SESSION_COOKIE, { token: token ?? "", maxAgeSeconds: age });
}

/** fastify sends each value of a repeated set-cookie in a line of its own. */
function setCookie(
  reply: FastifyReply,
  name: string,
  { token, maxAgeSeconds }: { token: string; maxAgeSeconds: number },
): void {
  reply.header(
    "set-cookie",
    `${name}=${token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${maxAgeSeconds}`,
  );
}

function answerError(
  parts: ServerParts,
  { error, request, reply }: { error: unknown; request: FastifyRequest; reply: FastifyReply },
): void {
  const problem = error instanceof Problem ? error : problemOfServer(parts, error, request);
  const body = parts.problems.errorBody(problem);
  reply
    .code(body.code)
    .header("x-request-id", request.id)
    .header("cache-control", "no-store")
    .send({ requestId: request.id, error: body });
}

/** Errors of the HTTP layer itself: a body over the limit, broken framing. */
function problemOfServer(parts: ServerParts, error: unknown, request: FastifyRequest): Problem {
  const code = error instanceof Error && "statusCode" in error ? error.statusCode : 500;
  if (code === 413) return new Problem("kernel.bodyTooLarge");
  if (typeof code === "number" && code < 500) {
    const message = error instanceof Error ? error.message : "cannot be read";
    return new Problem("kernel.inputInvalid", { details: [{ path: "/", message }] });
  }
  parts.log({
    level: "error",
    requestId: request.id,
    error: error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
  return new Problem("kernel.internal", { cause: error });
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
