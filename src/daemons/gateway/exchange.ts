/** The request half of an exchange: admission, rules, and passing the request to an upstream. */
import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import { statusOfFault } from "../../engines/http1/fault.ts";
import { forwardedTrailers } from "../../engines/http1/hop-by-hop.ts";
import type { RequestHead } from "../../engines/http1/request.ts";
import { chunkStart, lastChunk } from "../../engines/http1/write.ts";
import { answerChallenge, answerOwn } from "./answer.ts";
import { refusedArrival } from "./arrival.ts";
import { chooseBalanced } from "./balance.ts";
import { decodedBody } from "./decode-body.ts";
import { lendBytes, writeBytes, writeText } from "./direct-socket.ts";
import { clientAddressOf, forwardedScheme, upstreamRequestHead } from "./forward.ts";
import { addPiece, bytesOf, createHeldBody, type HeldBody, letGo } from "./held-body.ts";
import { sendText } from "./hold.ts";
import { isGrpc } from "./http2-upstream.ts";
import { guardedPage } from "./page-guard.ts";
import { refuse, refuseByRules } from "./policy/refuse.ts";
import { applyPolicy, applyPolicyToBody, refuseLargeBody } from "./policy/stage.ts";
import { relayHandlers } from "./relay.ts";
import { holdBody } from "./request-record.ts";
import { challengeOf, siteOf } from "./routes.ts";
import { decideSource } from "./source-list.ts";
import type { Connection, Exchange, Site, Upstream, UpstreamConnection } from "./state.ts";
import { chooseUpstream, dropUpstream, openUpstream, takeIdle } from "./upstream.ts";

/** Begins an exchange for a request head, well-formed or not. It may be over on return. */
export function startExchange(connection: Connection, head: RequestHead): void {
  const exchange = newExchange(connection, head);
  connection.exchange = exchange;
  const { gateway } = connection;
  gateway.counters.requests++;
  const { routes } = gateway;
  const site = head.authority === null ? null : siteOf(routes, head.authority.host);
  exchange.site = site;
  const host = head.authority?.host ?? "";
  const proof = head.fault === null ? challengeOf(routes, host, head.parsedTarget.path) : undefined;
  // Before sources, redirect and rules: whoever issues certificates must always find it, and it
  // says nothing that is not public.
  if (proof !== undefined && (head.method === "GET" || head.method === "HEAD")) {
    answerChallenge(exchange, proof);
    return;
  }
  if (site !== null) {
    const { isTrustedProxy, intent } = site;
    if (mayRefuseArrival(connection, site) && refusedArrival(exchange, site)) return;
    exchange.clientAddress = clientAddressOf(connection.address, head.fields, isTrustedProxy);
    const { accountId, siteId } = intent;
    const where = { accountId, siteId, nowMs: Date.now() };
    if (decideSource(routes.sources, exchange.clientAddress, where)?.action === "block") {
      refuse(exchange, "sourceBlocked");
      return;
    }
  }
  if (head.fault === null) admit(exchange, site);
  else {
    if (site !== null) beginInspection(exchange, site);
    nameAttack(exchange);
    answerOwn(exchange, statusOfFault(head.fault), head.fault);
  }
}

/**
 * Asks the rules about a request that is refused whatever they say, so that its event tells what
 * it tried. Its body is not read: after such a head nobody knows where one ends.
 */
function nameAttack({ inspection, head }: Exchange): void {
  if (inspection?.requestHead(head) === 0) inspection.requestBody(Buffer.alloc(0), true);
}

/** Most connections came in the one way that every site takes. */
const mayRefuseArrival = (connection: Connection, site: Site): boolean =>
  site.delivery !== null || connection.tlsSiteId !== null || connection.gateway.extraPorts.size > 0;

/** Ends the exchange of a request whose body broke the rules or came to an early end. */
export function refuseBody(exchange: Exchange): void {
  const fault = exchange.connection.parser.body?.fault ?? "truncatedBody";
  if (exchange.upstream !== null) dropUpstream(exchange.upstream);
  answerOwn(exchange, statusOfFault(fault), fault);
}

/** Takes one piece of the request body. */
export function takeRequestBody(exchange: Exchange, data: Buffer): void {
  exchange.requestBytes += data.length;
  if (exchange.policy !== null && refuseLargeBody(exchange)) return;
  if (exchange.heldRequest === null) {
    forwardBody(exchange, data);
    return;
  }
  addPiece(exchange.heldRequest, data);
  const limit = exchange.site?.intent.requestBodyBytesMax ?? 0;
  if (exchange.heldRequest.length < limit || exchange.bodyJudged) return;
  judgeRequestBody(exchange, exchange.heldRequest, false);
}

/** The request body is complete. */
export function endRequestBody(exchange: Exchange): void {
  if (exchange.over) return;
  if (exchange.heldRequest === null) finishRequest(exchange);
  // Judged already: the request ends when the upstream is there (sendRequest).
  else if (!exchange.bodyJudged) judgeRequestBody(exchange, exchange.heldRequest, true);
}

function newExchange(connection: Connection, head: RequestHead): Exchange {
  return {
    connection,
    head,
    requestId: randomUUID(),
    startedMs: performance.now(),
    time: Date.now(),
    site: null,
    clientAddress: connection.address,
    inspection: null,
    policy: null,
    heldRequest: null,
    seenBody: null,
    bodyReady: false,
    bodyJudged: false,
    requestBytes: 0,
    requestDone: false,
    requestDoneMs: 0,
    rateWindowMs: 0,
    rateWindowBytes: 0,
    requestPaused: false,
    upstream: null,
    attempts: 0,
    tried: [],
    retried: false,
    response: null,
    page: null,
    mask: null,
    decoder: null,
    view: null,
    range: "asked",
    body: null,
    heldResponse: null,
    heldResponseBytes: 0,
    out: "",
    chunkedOut: false,
    keepClient: head.keepAlive && head.fault === null,
    headSent: false,
    status: 0,
    responseBytes: 0,
    upstreamPaused: false,
    blocked: false,
    wouldBlock: false,
    reason: "",
    over: false,
  };
}

/** Everything that can refuse a well-formed head, in order; then the body or the upstream. */
function admit(exchange: Exchange, site: Site | null): void {
  const { connection, head } = exchange;
  const { routes } = connection.gateway;
  if (site === null) {
    answerOwn(exchange, 404, "noSuchSite");
    return;
  }
  if (connection.serverName !== "") {
    const named = siteOf(routes, connection.serverName);
    if (named !== null && named.intent.accountId !== site.intent.accountId) {
      answerOwn(exchange, 421, "hostOfAnotherAccount");
      return;
    }
  }
  if (head.method === "CONNECT" || head.method === "TRACE") {
    answerOwn(exchange, 405, "methodNotServed");
    return;
  }
  if (connection.gateway.spoolFull && !site.intent.failOpen) {
    answerOwn(exchange, 503, "eventsCannotBeKept");
    return;
  }
  const isHttps = (forwardedScheme(exchange) ?? (connection.isSecure ? "https" : "")) === "https";
  if (site.intent.redirectToHttps && !isHttps) {
    answerOwn(exchange, 308, "redirectToHttps");
    return;
  }
  if (site.guard !== null) exchange.page = guardedPage(exchange);
  const served = applyPolicy(exchange, site);
  if (served === null) return;
  if (exchange.policy?.skipsRules !== true) beginInspection(exchange, served);
  if (judged(exchange, exchange.inspection?.requestHead(head) ?? 0)) return;
  const hasPolicyLeft = (exchange.policy?.resumeAt ?? -1) >= 0;
  // No byte will come to end a body of none.
  const hasBody =
    head.framing.kind === "chunked" || (head.framing.kind === "length" && head.framing.bytes > 0);
  const wants =
    (exchange.inspection?.wantsRequestBody === true || hasPolicyLeft) && !streamsBody(exchange);
  if (wants && hasBody && served.intent.requestBodyBytesMax > 0) {
    exchange.heldRequest = createHeldBody();
    wantBody(exchange);
  } else if (wants && bodyJudged(exchange, noBytes, true)) return;
  else connectUpstream(exchange);
}

/** Calls of gRPC may answer before they were asked in full: held back, both sides would wait. */
export const streamsBody = ({ site, head }: Exchange): boolean =>
  site?.delivery?.speaksHttp2 === true && isGrpc(head.fields);

const noBytes = Buffer.alloc(0);

function beginInspection(exchange: Exchange, site: Site): void {
  if (site.intent.mode === "off") return;
  const { connection, clientAddress, requestId } = exchange;
  exchange.inspection = connection.gateway.routes.inspector(site.intent, {
    clientAddress,
    clientPort: connection.port,
    serverAddress: connection.socket.localAddress ?? "",
    serverPort: connection.socket.localPort ?? 0,
    requestId,
  });
}

/** Applies what the rules say by the mode of the site; true when the exchange is over. */
function judged(exchange: Exchange, status: number): boolean {
  if (status === 0) return false;
  exchange.wouldBlock = true;
  if (exchange.site?.intent.mode !== "block") return false;
  refuseByRules(exchange, status);
  return true;
}

/** What the policy, then the rules say of the body; true when the exchange is over. */
function bodyJudged(exchange: Exchange, body: Buffer, isWhole: boolean): boolean {
  if (exchange.policy !== null && applyPolicyToBody(exchange, body)) return true;
  const { inspection } = exchange;
  if (inspection === null || exchange.policy?.skipsRules === true) return false;
  return inspection.wantsRequestBody && judged(exchange, inspection.requestBody(body, isWhole));
}

function judgeRequestBody(exchange: Exchange, held: HeldBody, isWhole: boolean): void {
  const body = bytesOf(held);
  exchange.bodyJudged = true;
  const seen = decodedBody(exchange, body, isWhole);
  if (seen.ok) holdBody(exchange, { body: seen.body, sent: body, isWhole });
  if (!seen.ok && refusedBody(exchange, seen)) return;
  if (bodyJudged(exchange, seen.ok ? seen.body : body, isWhole)) return;
  exchange.bodyReady = false;
  connectUpstream(exchange);
}

/** A body that rules cannot read is refused where they would refuse; true when it was. */
function refusedBody(exchange: Exchange, why: { status: number; reason: string }): boolean {
  exchange.wouldBlock = true;
  if (exchange.site?.intent.mode !== "block") return false;
  exchange.blocked = true;
  answerOwn(exchange, why.status, why.reason);
  return true;
}

/** Finds a connection and sends the head; on a new one the rest follows when it is up. */
function connectUpstream(exchange: Exchange): void {
  const { site, connection } = exchange;
  const { gateway } = connection;
  const upstream = site === null ? null : nextUpstream(site, exchange);
  if (upstream === null) {
    answerOwn(exchange, 502, "upstreamDown");
    return;
  }
  exchange.attempts++;
  const idle = exchange.retried ? null : takeIdle(upstream);
  if (idle !== null) {
    exchange.attempts--;
    exchange.upstream = idle;
    idle.exchange = exchange;
    sendRequest(exchange);
    return;
  }
  const activeMax =
    upstream.policy?.settings.connectionsMax ?? gateway.limits.upstreamConnectionsMax;
  if (upstream.active >= activeMax) {
    answerOwn(exchange, 503, "upstreamConnectionsExhausted");
    return;
  }
  exchange.upstream = openUpstream(upstream, exchange, handlers);
}

function nextUpstream(site: Site, exchange: Exchange): Upstream | null {
  if (site.intent.delivery?.upstream === undefined) return chooseUpstream(site, exchange.attempts);
  // A pooled connection that had been closed says nothing of its upstream: the same one again.
  const again = exchange.retried ? exchange.tried.at(-1) : undefined;
  const chosen = again ?? chooseBalanced(site, exchange);
  if (chosen !== null && chosen !== again) exchange.tried.push(chosen);
  return chosen;
}

const handlers = relayHandlers({
  onConnect: (exchange) => sendRequest(exchange),
  onUnanswered: (exchange) => connectUpstream(exchange),
});

/** A longer body is not copied behind its head, and its upstream may slow its client down. */
const SENT_AT_ONCE_MAX = 16_384;

function sendRequest(exchange: Exchange): void {
  const { upstream, head } = exchange;
  if (upstream === null) return;
  // Only WebSocket: an upgrade to h2c would tunnel requests past the rules.
  const isWebSocket = head.upgrade?.toLowerCase() === "websocket" && head.method === "GET";
  const text = upstreamRequestHead(exchange, isWebSocket ? head.upgrade : null);
  const held = exchange.heldRequest;
  exchange.heldRequest = null;
  if (held === null || held.length === 0) writeText(upstream.socket, text);
  else if (head.framing.kind === "length" && held.length <= SENT_AT_ONCE_MAX) {
    writeBytes(upstream.socket, Buffer.concat([Buffer.from(text, "latin1"), bytesOf(held)]));
    letGo(held);
  } else {
    writeText(upstream.socket, text);
    forwardHeldBody(exchange, upstream, held);
  }
  if (exchange.connection.parser.body?.done === true) finishRequest(exchange);
  else wantBody(exchange);
}

function wantBody(exchange: Exchange): void {
  const { connection, head } = exchange;
  exchange.bodyReady = true;
  exchange.rateWindowMs = Date.now();
  exchange.rateWindowBytes = exchange.requestBytes;
  // RFC 9110 §10.1.1: the gateway itself says 100, since it may hold the body for the rules.
  if (head.expectContinue && exchange.requestBytes === 0 && !connection.inputEnded) {
    sendText(connection, "HTTP/1.1 100 Continue\r\n\r\n");
  }
  connection.onBodyWanted(connection);
}

/** Passes a piece of the body on, which is another's as soon as this returns. */
function forwardBody(exchange: Exchange, data: Buffer): void {
  const { upstream, head } = exchange;
  if (upstream === null || upstream.closed) return;
  const { socket } = upstream;
  const isFree =
    head.framing.kind === "chunked"
      ? writeChunk(socket, Buffer.from(data), () => {})
      : writeBytes(socket, data);
  if (!isFree) pauseRequest(exchange);
}

/** Passes on what was held back. */
function forwardHeldBody(exchange: Exchange, upstream: UpstreamConnection, held: HeldBody): void {
  const write = exchange.head.framing.kind === "chunked" ? writeChunk : lendBytes;
  if (!write(upstream.socket, bytesOf(held), () => letGo(held))) pauseRequest(exchange);
}

/** Writes bytes as a chunk; they are the caller's again when `onWritten` is called. */
function writeChunk(socket: Duplex, data: Buffer, onWritten: () => void): boolean {
  socket.cork();
  socket.write(chunkStart(data.length), "latin1");
  socket.write(data);
  const isFree = socket.write("\r\n", "latin1", onWritten);
  socket.uncork();
  return isFree;
}

/** Until the upstream has taken what waits for it. */
function pauseRequest(exchange: Exchange): void {
  if (exchange.requestPaused) return;
  exchange.requestPaused = true;
  exchange.connection.socket.pause();
}

function finishRequest(exchange: Exchange): void {
  const { upstream, connection, head } = exchange;
  const decoder = connection.parser.body;
  if (head.framing.kind === "chunked" && decoder !== null && upstream !== null) {
    const { trailers } = decoder;
    const kept = trailers.names.length === 0 ? null : forwardedTrailers(trailers);
    writeText(upstream.socket, lastChunk(kept));
  }
  exchange.requestDone = true;
  exchange.requestDoneMs = Date.now();
}
