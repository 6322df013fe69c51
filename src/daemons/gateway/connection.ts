/** One client connection: reads requests in turn, enforces its times, closes it in order. */
import { headBegun } from "../../engines/http1/head-reader.ts";
import { limits as http1Limits } from "../../engines/http1/limits.ts";
import type { RequestHead } from "../../engines/http1/request.ts";
import {
  createRequestParser,
  endRequests,
  nextRequest,
  readRequestBody,
  readRequestHead,
} from "../../engines/http1/request-parser.ts";
import { answerOwn, endExchange } from "./answer.ts";
import { readDirectly } from "./direct-socket.ts";
import {
  endRequestBody,
  refuseBody,
  startExchange,
  streamsBody,
  takeRequestBody,
} from "./exchange.ts";
import { peerOf } from "./first-bytes.ts";
import { endConnection } from "./hold.ts";
import { countRefusal } from "./refusals.ts";
import { resumeResponse } from "./response-body.ts";
import type { Arrival, ClientSocket, Connection, Exchange, Gateway } from "./state.ts";

/** Takes over an accepted (and, if secure, handshaken) socket. */
export function serveConnection(gateway: Gateway, socket: ClientSocket, arrival: Arrival): void {
  const peerAddress = peerOf(socket);
  // Reset already, with a request left to read: lists and limits by address would not know whose.
  if (peerAddress === "") {
    socket.destroy();
    return;
  }
  const connection: Connection = {
    gateway,
    socket,
    take: (piece) => onData(connection, piece),
    ...arrival,
    peerAddress,
    address: arrival.proxied?.address ?? peerAddress,
    port: arrival.proxied?.port ?? socket.remotePort ?? 0,
    parser: createRequestParser(http1Limits),
    bodySink: (data) => {
      if (connection.exchange !== null) takeRequestBody(connection.exchange, data);
    },
    exchange: null,
    rest: null,
    taking: false,
    ending: false,
    discardedBytes: 0,
    isHeld: false,
    held: [],
    endsOnRelease: false,
    closed: false,
    inputEnded: false,
    tunnel: null,
    lastActivityMs: Date.now(),
    headStartedMs: 0,
    endingSinceMs: 0,
    onExchangeEnd: exchangeEnded,
    onBodyWanted: takeRest,
  };
  if (!admitted(connection)) return;
  const onPiece = (piece: Buffer) => connection.take(piece);
  if (!readDirectly(socket, onPiece)) socket.on("data", onPiece);
  socket.on("drain", () => {
    connection.lastActivityMs = Date.now();
    if (connection.exchange !== null) resumeResponse(connection.exchange);
  });
  socket.on("end", () => onInputEnd(connection));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => onClose(connection));
}

/** Counts the connection, or refuses it when there are too many. */
function admitted(connection: Connection): boolean {
  const { gateway, socket, address } = connection;
  const ofSource = gateway.connectionsBySource.get(address) ?? 0;
  const { connectionsMax, connectionsPerSourceMax } = gateway.limits;
  if (gateway.connections.size >= connectionsMax || ofSource >= connectionsPerSourceMax) {
    countRefusal(gateway, address);
    socket.on("error", () => {});
    socket.end(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    socket.destroySoon();
    return false;
  }
  gateway.connectionsBySource.set(address, ofSource + 1);
  gateway.connections.add(connection);
  return true;
}

function onData(connection: Connection, piece: Buffer): void {
  connection.lastActivityMs = Date.now();
  if (connection.ending) {
    connection.discardedBytes += piece.length;
    const { discardBytesMax } = connection.gateway.limits;
    if (connection.discardedBytes > discardBytesMax) connection.socket.destroy();
    return;
  }
  if (connection.rest !== null || mustWait(connection)) hold(connection, piece);
  else take(connection, piece);
}

/** Whether bytes cannot be read now: the body is not wanted yet, or the answer is under way. */
function mustWait(connection: Connection): boolean {
  const { exchange, parser } = connection;
  return exchange !== null && (!exchange.bodyReady || parser.body?.done === true);
}

function hold(connection: Connection, piece: Buffer): void {
  const { rest } = connection;
  connection.rest = rest === null ? Buffer.from(piece) : Buffer.concat([rest, piece]);
  connection.socket.pause();
}

function take(connection: Connection, piece: Buffer): void {
  const { parser } = connection;
  connection.taking = true;
  let at = 0;
  while (at < piece.length && !connection.closed && !connection.ending) {
    if (mustWait(connection)) {
      hold(connection, piece.subarray(at));
      break;
    }
    const { exchange } = connection;
    if (exchange === null) {
      at = readRequestHead(parser, piece, at);
      if (parser.head !== null) {
        connection.headStartedMs = 0;
        if (connection.front !== null) takeFront(parser.head, connection.front);
        startExchange(connection, parser.head);
      } else if (connection.headStartedMs === 0) connection.headStartedMs = Date.now();
      continue;
    }
    at = readRequestBody(parser, piece, at, connection.bodySink);
    if (exchange.over) continue;
    if (parser.body?.fault) refuseBody(exchange);
    else if (parser.body?.done === true) endRequestBody(exchange);
  }
  connection.taking = false;
}

/** A stream of HTTP/2 is judged, and told of, as what it is. */
function takeFront(head: RequestHead, front: NonNullable<Connection["front"]>): void {
  head.requestLine = head.requestLine.replace(/HTTP\/1\.1$/, front.protocol);
  head.protocol = front.protocol;
  if (front.fault !== null) head.fault = front.fault;
}

/** Reads on where reading had to stop. */
function takeRest(connection: Connection): void {
  if (connection.taking || connection.closed) return;
  const { rest, exchange } = connection;
  if (rest !== null && !mustWait(connection) && !connection.ending) {
    connection.rest = null;
    take(connection, rest);
  }
  if (connection.rest === null && exchange?.requestPaused !== true) connection.socket.resume();
  if (connection.inputEnded && connection.rest === null) finishInput(connection);
}

function exchangeEnded(connection: Connection, keep: boolean): void {
  connection.exchange = null;
  if (connection.tunnel !== null || connection.closed) return;
  nextRequestOrEnd(connection, keep);
}

function nextRequestOrEnd(connection: Connection, keep: boolean): void {
  const { parser, socket } = connection;
  if (keep) {
    nextRequest(parser);
    connection.lastActivityMs = Date.now();
    const hasMore = connection.rest !== null || connection.inputEnded || socket.isPaused();
    if (hasMore) setImmediate(takeRest, connection);
    return;
  }
  connection.rest = null;
  endConnection(connection);
  socket.resume();
}

/** The client has sent its last byte; what is under way is still answered. */
function onInputEnd(connection: Connection): void {
  connection.inputEnded = true;
  if (connection.rest === null) finishInput(connection);
}

function finishInput(connection: Connection): void {
  const { parser, exchange } = connection;
  if (connection.closed || connection.ending) return;
  if (exchange !== null) {
    exchange.keepClient = false;
    if (parser.body?.done === true) return;
    endRequests(parser);
    refuseBody(exchange);
    return;
  }
  endRequests(parser);
  if (parser.head !== null) startExchange(connection, parser.head);
  else endConnection(connection);
}

function onClose(connection: Connection): void {
  if (connection.closed) return;
  connection.closed = true;
  const { gateway, address, exchange } = connection;
  gateway.connections.delete(connection);
  const ofSource = (gateway.connectionsBySource.get(address) ?? 1) - 1;
  if (ofSource <= 0) gateway.connectionsBySource.delete(address);
  else gateway.connectionsBySource.set(address, ofSource);
  if (exchange !== null) {
    exchange.reason = "clientClosed";
    if (exchange.status === 0) exchange.status = 499;
    endExchange(exchange, false);
  }
}

/** Enforces the times of a connection; called by the worker's sweep. */
export function checkTimes(connection: Connection, nowMs: number): void {
  const { limits } = connection.gateway;
  const idleMs = nowMs - connection.lastActivityMs;
  const { exchange, parser, socket } = connection;
  if (connection.ending) {
    if (nowMs - connection.endingSinceMs > limits.lingerTimeoutMs) {
      if (socket.writableLength === 0 || idleMs > limits.streamIdleTimeoutMs) socket.destroy();
    }
  } else if (connection.tunnel !== null) {
    if (idleMs > limits.tunnelIdleTimeoutMs) socket.destroy();
  } else if (exchange !== null) checkExchange(exchange, nowMs);
  else if (connection.headStartedMs > 0) {
    if (nowMs - connection.headStartedMs > limits.headReadTimeoutMs) refuseSlowHead(connection);
  } else if (!headBegun(parser.reader) && idleMs > limits.keepAliveTimeoutMs)
    endConnection(connection);
}

function checkExchange(exchange: Exchange, nowMs: number): void {
  const { connection, upstream } = exchange;
  const { limits } = connection.gateway;
  if (exchange.response !== null) {
    if (nowMs - connection.lastActivityMs > limits.streamIdleTimeoutMs) {
      connection.socket.destroy();
    }
  } else if (exchange.requestDone) {
    const timeoutMs = upstream?.upstream.policy?.settings.responseTimeoutMs;
    if (nowMs - exchange.requestDoneMs > (timeoutMs ?? limits.responseHeadTimeoutMs)) {
      answerOwn(exchange, 504, "upstreamTimeout");
    }
  } else if (upstream !== null && !upstream.connected) {
    const timeoutMs = upstream.upstream.policy?.settings.connectTimeoutMs;
    if (nowMs - upstream.startedMs > (timeoutMs ?? limits.connectTimeoutMs)) {
      upstream.upstream.downUntilMs = nowMs + limits.upstreamDownMs;
      answerOwn(exchange, 504, "upstreamConnectTimeout");
    }
  } else if (exchange.bodyReady && !exchange.requestPaused) checkBodyRate(exchange, nowMs);
}

function checkBodyRate(exchange: Exchange, nowMs: number): void {
  const { bodyRateWindowMs, bodyBytesPerSecondMin } = exchange.connection.gateway.limits;
  if (exchange.site?.delivery?.speaksHttp2 && streamsBody(exchange)) return;
  const windowMs = nowMs - exchange.rateWindowMs;
  if (windowMs < bodyRateWindowMs) return;
  const bytes = exchange.requestBytes - exchange.rateWindowBytes;
  if ((bytes * 1_000) / windowMs < bodyBytesPerSecondMin) {
    answerOwn(exchange, 408, "bodyTooSlow");
    return;
  }
  exchange.rateWindowMs = nowMs;
  exchange.rateWindowBytes = exchange.requestBytes;
}

function refuseSlowHead(connection: Connection): void {
  const { parser } = connection;
  endRequests(parser);
  if (parser.head === null) {
    connection.socket.destroy();
    return;
  }
  parser.head.fault = "headTooSlow";
  connection.headStartedMs = 0;
  startExchange(connection, parser.head);
}
