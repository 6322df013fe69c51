/** The response half of an exchange: what comes from the upstream, and what becomes of it then. */
import { createBodyDecoder, decodeBody, endBody } from "../../engines/http1/body.ts";
import { readHead, resetHead } from "../../engines/http1/head-reader.ts";
import { limits as http1Limits } from "../../engines/http1/limits.ts";
import { parseResponseHead, type ResponseHead } from "../../engines/http1/response.ts";
import { answerOwn, endExchange } from "./answer.ts";
import { codingOf, isCoding } from "./content-coding.ts";
import { clientResponseHead } from "./forward.ts";
import { holdAnswer, sendText } from "./hold.ts";
import {
  completeAnswer,
  flush,
  judgedResponse,
  resumeResponse,
  sendHead,
  takeText,
} from "./response-body.ts";
import { undoCoding, viewText } from "./response-decoding.ts";
import { codingToUndo, headWithoutCoding, isPartOfMasked } from "./response-text.ts";
import type { Exchange, UpstreamConnection } from "./state.ts";
import { openTunnel } from "./tunnel.ts";
import { dropUpstream, releaseUpstream, type UpstreamHandlers } from "./upstream.ts";

/** What the request half does when the upstream is up, or has gone before it answered. */
export type RequestSide = {
  onConnect(exchange: Exchange): void;
  onUnanswered(exchange: Exchange): void;
};

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
  if (exchange.range === "refused") {
    exchange.range = "dropped";
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
  if (isPartOfMasked(exchange, head)) {
    askForWhole(exchange, connection);
    return false;
  }
  const coding = codingToUndo(exchange, head);
  if (coding === null) return startResponse(exchange, head);
  if (coding === "unknown") answerOwn(exchange, 502, "upstream:unknownContentCoding");
  else if (head.framing.kind === "none" || undoCoding(exchange, coding)) {
    return startResponse(exchange, headWithoutCoding(head));
  }
  return false;
}

/** Asks once more, on a new connection, for what nothing of is left out. */
function askForWhole(exchange: Exchange, { socket }: UpstreamConnection): void {
  const { method, framing } = exchange.head;
  if (exchange.range !== "asked" || method !== "GET" || framing.kind !== "none") {
    answerOwn(exchange, 502, "upstream:partOfMaskedText");
    return;
  }
  exchange.range = "refused";
  exchange.retried = true;
  exchange.attempts = 0;
  // `upstreamGone` goes on.
  socket.destroy();
}

function startResponse(exchange: Exchange, head: ResponseHead): boolean {
  const { connection } = exchange;
  exchange.response = head;
  exchange.body = createBodyDecoder(head.framing, http1Limits);
  exchange.status = head.status;
  const { kind } = head.framing;
  const isStream = kind === "chunked" || kind === "close" || exchange.decoder !== null;
  exchange.chunkedOut = isStream && exchange.head.minorVersion === 1;
  exchange.keepClient =
    exchange.keepClient &&
    connection.parser.body?.done === true &&
    !connection.inputEnded &&
    !connection.gateway.stopping &&
    (!isStream || exchange.chunkedOut);
  const { inspection } = exchange;
  if (exchange.page !== null) exchange.heldResponse = [];
  if (inspection !== null) {
    if (judgedResponse(exchange, inspection.responseHead(head))) return false;
    const hasBody = head.framing.kind !== "none";
    if (hasBody && inspection.wantsResponseBody(head.fields)) {
      exchange.heldResponse = [];
      const coding = codingOf(head.fields);
      if (isCoding(coding)) viewText(exchange, coding);
      return true;
    }
  }
  if (exchange.heldResponse === null) sendHead(exchange, head);
  return true;
}

function takeBody(exchange: Exchange, data: Buffer): void {
  if (exchange.over) return;
  const { body, connection, decoder, view } = exchange;
  if (decoder !== null) {
    if (!decoder.write(Buffer.from(data))) exchange.upstream?.socket.pause();
    return;
  }
  const isLast = body?.kind === "length" && body.remaining === data.length;
  if (isLast && view === null) holdAnswer(connection);
  takeText(exchange, data);
}

function finishResponse(
  exchange: Exchange,
  connection: UpstreamConnection,
  isAtEnd: boolean,
): void {
  const decoder = exchange.decoder ?? exchange.view?.decoder;
  if (decoder !== undefined) {
    // What is in it comes later, at the client's pace, and the upstream need not wait for that.
    connection.socket.resume();
    freeUpstream(exchange, connection, isAtEnd);
    decoder.end();
  } else if (completeAnswer(exchange)) {
    if (exchange.upstreamPaused) resumeResponse(exchange);
    freeUpstream(exchange, connection, isAtEnd);
    endExchange(exchange, exchange.keepClient);
  }
}

function freeUpstream(exchange: Exchange, connection: UpstreamConnection, isAtEnd: boolean): void {
  exchange.upstream = null;
  connection.exchange = null;
  const reusable = isAtEnd && exchange.requestDone && exchange.response?.keepAlive === true;
  if (reusable) releaseUpstream(exchange.connection.gateway, connection);
  else dropUpstream(connection);
}
