/** The response half of an exchange: from the upstream through the rules to the client. */
import { createBodyDecoder, decodeBody, endBody } from "../../engines/http1/body.ts";
import { readHead, resetHead } from "../../engines/http1/head-reader.ts";
import { forwardedTrailers } from "../../engines/http1/hop-by-hop.ts";
import { limits as http1Limits } from "../../engines/http1/limits.ts";
import { parseResponseHead, type ResponseHead } from "../../engines/http1/response.ts";
import { chunkStart, lastChunk } from "../../engines/http1/write.ts";
import { answerOwn, endExchange } from "./answer.ts";
import { clientResponseHead } from "./forward.ts";
import { holdAnswer, sendBytes, sendText } from "./hold.ts";
import { judgePage } from "./page-guard.ts";
import { refuseByRules } from "./policy/refuse.ts";
import { maskerFor } from "./response-mask.ts";
import type { Exchange, UpstreamConnection } from "./state.ts";
import { openTunnel } from "./tunnel.ts";
import { dropUpstream, releaseUpstream, type UpstreamHandlers } from "./upstream.ts";

/** What the request half does when the upstream is up, or has gone before it answered. */
export type RequestSide = {
  onConnect(exchange: Exchange): void;
  onUnanswered(exchange: Exchange): void;
};

/** Small pieces are joined with what waits in `out`: one write instead of two. */
const JOIN_BYTES_MAX = 4_096;
const idempotent = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Handlers for the upstream connections of all exchanges. */
export function relayHandlers(requestSide: RequestSide): UpstreamHandlers {
  return {
    onConnect: (connection) => {
      if (connection.exchange !== null) requestSide.onConnect(connection.exchange);
    },
    onData: relayPiece,
    onDrain: (connection) => {
      const { exchange } = connection;
      if (exchange === null || !exchange.requestPaused) return;
      exchange.requestPaused = false;
      exchange.connection.onBodyWanted(exchange.connection);
    },
    onGone: (connection, isClean) => {
      const { exchange } = connection;
      if (exchange !== null) upstreamGone(exchange, connection, isClean, requestSide);
    },
  };
}

function upstreamGone(
  exchange: Exchange,
  connection: UpstreamConnection,
  isClean: boolean,
  requestSide: RequestSide,
): void {
  connection.exchange = null;
  exchange.upstream = null;
  if (exchange.response !== null && exchange.body !== null) {
    if (isClean) endBody(exchange.body);
    if (exchange.body.done) finishResponse(exchange, connection, false);
    else answerOwn(exchange, 502, "upstreamBrokeOff");
    return;
  }
  if (!connection.connected) {
    connection.upstream.downUntilMs =
      Date.now() + exchange.connection.gateway.limits.upstreamDownMs;
    requestSide.onUnanswered(exchange);
    return;
  }
  // A pooled connection may have been closed under our feet: RFC 9110 §9.2.2 allows one more try,
  // on a new connection, since the others of the pool may have been closed at the same time.
  const mayRetry =
    connection.reused &&
    connection.reader.bytes === 0 &&
    exchange.head.framing.kind === "none" &&
    idempotent.has(exchange.head.method);
  if (mayRetry) {
    exchange.retried = true;
    requestSide.onUnanswered(exchange);
  } else answerOwn(exchange, 502, "upstreamBrokeOff");
}

function relayPiece(connection: UpstreamConnection, piece: Buffer): void {
  const exchange = connection.exchange;
  if (exchange === null) return;
  exchange.connection.lastActivityMs = Date.now();
  let at = 0;
  while (at < piece.length && !exchange.over) {
    if (exchange.body === null) {
      at = readHead(connection.reader, piece, at);
      if (connection.reader.text === null) return;
      if (!takeHead(exchange, connection, piece, at)) return;
      if (exchange.body === null) continue;
    }
    const { body } = exchange;
    if (!body.done) at = decodeBody(body, piece, at, (data) => takeBody(exchange, data));
    if (exchange.over) return;
    if (body.fault !== null) {
      answerOwn(exchange, 502, `upstream:${body.fault}`);
      return;
    }
    if (body.done) {
      finishResponse(exchange, connection, at === piece.length);
      return;
    }
  }
  if (!exchange.over) flush(exchange);
}

/** Takes a response head; false when the exchange is over or became a tunnel. */
function takeHead(
  exchange: Exchange,
  connection: UpstreamConnection,
  piece: Buffer,
  at: number,
): boolean {
  const { reader } = connection;
  const { method, minorVersion } = exchange.head;
  const head = parseResponseHead(reader.text ?? "", method, http1Limits, reader.fault);
  resetHead(reader);
  if (head.fault !== null) {
    answerOwn(exchange, 502, `upstream:${head.fault}`);
    return false;
  }
  if (head.status === 101) {
    if (exchange.head.upgrade?.toLowerCase() === "websocket") {
      openTunnel(exchange, connection, head, piece.subarray(at));
    } else answerOwn(exchange, 502, "upstream:unaskedUpgrade");
    return false;
  }
  if (head.status < 200) {
    // Our own 100 has gone out already; HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
    if (head.status !== 100 && minorVersion === 1) {
      sendText(exchange.connection, clientResponseHead(exchange, head));
    }
    return true;
  }
  return startResponse(exchange, head);
}

function startResponse(exchange: Exchange, head: ResponseHead): boolean {
  const { connection } = exchange;
  exchange.response = head;
  exchange.body = createBodyDecoder(head.framing, http1Limits);
  exchange.status = head.status;
  const isStream = head.framing.kind === "chunked" || head.framing.kind === "close";
  exchange.chunkedOut = isStream && exchange.head.minorVersion === 1;
  exchange.keepClient =
    exchange.keepClient &&
    connection.parser.body?.done === true &&
    !connection.inputEnded &&
    !connection.gateway.stopping &&
    (!isStream || exchange.chunkedOut);
  const { inspection } = exchange;
  if (exchange.page !== null && head.framing.kind !== "none") exchange.heldResponse = [];
  if (inspection !== null) {
    if (judgedResponse(exchange, inspection.responseHead(head))) return false;
    const hasBody = head.framing.kind !== "none";
    if (hasBody && inspection.wantsResponseBody(head.fields)) {
      exchange.heldResponse = [];
      return true;
    }
  }
  if (exchange.heldResponse === null) sendHead(exchange, head);
  return true;
}

function sendHead(exchange: Exchange, head: ResponseHead): void {
  if (exchange.site?.delivery?.leakKinds) exchange.mask = maskerFor(exchange, head);
  exchange.out = clientResponseHead(exchange, head);
  exchange.headSent = true;
}

function judgedResponse(exchange: Exchange, status: number): boolean {
  if (status === 0) return false;
  exchange.wouldBlock = true;
  if (exchange.site?.intent.mode !== "block") return false;
  refuseByRules(exchange, status);
  return true;
}

function takeBody(exchange: Exchange, data: Buffer): void {
  if (exchange.over) return;
  const { body, connection } = exchange;
  const isLast = body?.kind === "length" && body.remaining === data.length;
  if (isLast) holdAnswer(connection);
  if (exchange.heldResponse === null) {
    writeBody(exchange, data);
    return;
  }
  exchange.heldResponse.push(Buffer.from(data));
  exchange.heldResponseBytes += data.length;
  const { responseBodyBytesMax } = connection.gateway.limits;
  if (exchange.heldResponseBytes >= responseBodyBytesMax) judgeResponseBody(exchange, false);
}

/** Lets the rules judge what was held back, then sends it; true when the exchange is over. */
function judgeResponseBody(exchange: Exchange, isWhole: boolean): boolean {
  const held = Buffer.concat(exchange.heldResponse ?? []);
  exchange.heldResponse = null;
  const { inspection, response, page } = exchange;
  if (page !== null && judgePage(exchange, page, isWhole ? held : null)) return true;
  const isInspected = inspection !== null && response !== null;
  if (isInspected && inspection.wantsResponseBody(response.fields)) {
    if (judgedResponse(exchange, inspection.responseBody(held, isWhole))) return true;
  }
  if (response !== null) sendHead(exchange, response);
  if (held.length > 0) writeBody(exchange, held);
  return false;
}

function writeBody(exchange: Exchange, data: Buffer): void {
  if (exchange.mask === null) writeBytes(exchange, data);
  else writeText(exchange, exchange.mask.push(data.toString("latin1")));
}

function writeText(exchange: Exchange, text: string): void {
  if (text !== "") writeBytes(exchange, Buffer.from(text, "latin1"));
}

function writeBytes(exchange: Exchange, data: Buffer): void {
  exchange.responseBytes += data.length;
  if (exchange.chunkedOut) exchange.out += chunkStart(data.length);
  if (data.length <= JOIN_BYTES_MAX) exchange.out += data.toString("latin1");
  else {
    flush(exchange);
    pauseUnless(exchange, sendBytes(exchange.connection, data));
  }
  if (exchange.chunkedOut) exchange.out += "\r\n";
}

function flush(exchange: Exchange): void {
  if (exchange.out === "") return;
  const { out } = exchange;
  exchange.out = "";
  pauseUnless(exchange, sendText(exchange.connection, out));
}

function pauseUnless(exchange: Exchange, isFree: boolean): void {
  if (isFree || exchange.upstreamPaused || exchange.upstream === null) return;
  exchange.upstreamPaused = true;
  exchange.upstream.socket.pause();
}

/** The client takes bytes again. */
export function resumeResponse(exchange: Exchange): void {
  if (!exchange.upstreamPaused) return;
  exchange.upstreamPaused = false;
  exchange.upstream?.socket.resume();
}

function finishResponse(
  exchange: Exchange,
  connection: UpstreamConnection,
  isAtEnd: boolean,
): void {
  holdAnswer(exchange.connection);
  if (exchange.heldResponse !== null && judgeResponseBody(exchange, true)) return;
  const { body, response, requestDone, mask } = exchange;
  if (mask !== null) writeText(exchange, mask.end());
  if (exchange.chunkedOut) {
    const trailers = body?.trailers;
    const kept = trailers === undefined || trailers.names.length === 0 ? null : trailers;
    exchange.out += lastChunk(kept === null ? null : forwardedTrailers(kept));
  }
  flush(exchange);
  if (exchange.upstreamPaused) resumeResponse(exchange);
  exchange.upstream = null;
  connection.exchange = null;
  const reusable = isAtEnd && requestDone && response?.keepAlive === true;
  if (reusable) releaseUpstream(exchange.connection.gateway, connection);
  else dropUpstream(connection);
  endExchange(exchange, exchange.keepClient);
}
