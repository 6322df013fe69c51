/**
 * Upstreams that speak HTTP/2, gRPC among them: each exchange is a stream of a shared session and
 * looks like a socket that carries HTTP/1.1, so that forwarding and relaying are the same for both.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { Duplex } from "node:stream";
import { addField, emptyFields, type Fields, fieldValue } from "../../engines/http1/fields.ts";
import { limits as http1Limits } from "../../engines/http1/limits.ts";
import type { RequestHead } from "../../engines/http1/request.ts";
import {
  createRequestParser,
  type RequestParser,
  readRequestBody,
  readRequestHead,
} from "../../engines/http1/request-parser.ts";
import { chunkStart, isWritableField, lastChunk } from "../../engines/http1/write.ts";
import type { Upstream } from "./state.ts";
import { tlsOptions } from "./upstream-tls.ts";

const IDLE_MS = 30_000;
const sessions = new WeakMap<Upstream, ClientHttp2Session>();

/** The session of an upstream, opened when there is none that takes streams. */
function sessionOf(upstream: Upstream): ClientHttp2Session {
  const known = sessions.get(upstream);
  if (known !== undefined && !known.closed && !known.destroyed) return known;
  const shared: ClientSessionOptions = { maxHeaderListPairs: http1Limits.fieldCountMax };
  const secure: SecureClientSessionOptions =
    upstream.tls === null ? shared : { ...shared, ...tlsOptions(upstream.tls) };
  const session = connect(upstream.origin, secure);
  // Each exchange under way listens to it.
  session.setMaxListeners(0);
  session.on("error", () => {});
  session.on("goaway", () => session.close());
  session.setTimeout(IDLE_MS, () => session.close());
  sessions.set(upstream, session);
  return session;
}

/** Ends the session of an upstream that no site names any more. */
export function closeHttp2(upstream: Upstream): void {
  sessions.get(upstream)?.close();
}

type Exchange = {
  readonly session: ClientHttp2Session;
  readonly parser: RequestParser;
  stream: ClientHttp2Stream | null;
  isOver: boolean;
};

/** A stream as a socket; `connect` comes once the session is there. */
export function connectHttp2(upstream: Upstream): Duplex {
  const session = sessionOf(upstream);
  const exchange: Exchange = {
    ...{ session, parser: createRequestParser(http1Limits) },
    ...{ stream: null, isOver: false },
  };
  const duplex: Duplex = new Duplex({
    read: () => {
      exchange.stream?.resume();
    },
    write: (piece: Buffer, _encoding, done) => {
      const isFree = take(exchange, duplex, piece);
      const { stream } = exchange;
      if (isFree || stream === null) done();
      else stream.once("drain", () => done());
    },
    destroy: (error, done) => {
      session.off("close", onGone);
      if (exchange.stream !== null && !exchange.isOver) exchange.stream.close(CANCEL);
      done(error);
    },
  });
  const onGone = () => duplex.destroy();
  session.once("close", onGone);
  if (session.connecting) session.once("connect", () => duplex.emit("connect"));
  else setImmediate(() => duplex.emit("connect"));
  return duplex;
}

/** RFC 9113 §7. */
const CANCEL = 8;

/** Takes bytes of the request; false when the stream's buffer is full. */
function take(exchange: Exchange, duplex: Duplex, piece: Buffer): boolean {
  const { parser } = exchange;
  let at = 0;
  let isFree = true;
  if (exchange.stream === null) {
    at = readRequestHead(parser, piece, 0);
    const { head } = parser;
    if (head === null) return true;
    // The gateway wrote this head itself: a fault here is its own, and ends the exchange.
    if (head.fault === null) exchange.stream = openRequest(exchange, duplex, head);
    else duplex.destroy();
  }
  const { stream } = exchange;
  if (stream === null || stream.destroyed) return true;
  readRequestBody(parser, piece, at, (data) => {
    isFree = stream.write(Buffer.from(data)) && isFree;
  });
  if (parser.body?.done === true && !stream.writableEnded) stream.end();
  return isFree;
}

function openRequest(exchange: Exchange, duplex: Duplex, head: RequestHead): ClientHttp2Stream {
  const stream = exchange.session.request(requestHeaders(head), {
    endStream: head.framing.kind === "none",
  });
  let trailers: Fields | null = null;
  let isChunked = false;
  const push = (piece: Buffer | string) => {
    if (!duplex.destroyed && !duplex.push(piece, "latin1")) stream.pause();
  };
  stream.on("headers", (headers) => push(headText(headers, "")));
  stream.on("response", (headers, flags) => {
    const isEmpty = (flags & END_STREAM) !== 0 || head.method === "HEAD";
    isChunked = !isEmpty && headers["content-length"] === undefined;
    const length =
      isEmpty && headers["content-length"] === undefined ? "Content-Length: 0\r\n" : "";
    push(headText(headers, isChunked ? "Transfer-Encoding: chunked\r\n" : length));
  });
  stream.on("data", (data: Buffer) => {
    if (data.length === 0) return;
    if (isChunked) push(chunkStart(data.length));
    push(data);
    if (isChunked) push("\r\n");
  });
  stream.on("trailers", (headers) => {
    trailers = fieldsOf(headers);
  });
  stream.on("end", () => {
    exchange.isOver = true;
    if (isChunked) push(lastChunk(trailers));
  });
  stream.on("error", () => duplex.destroy());
  stream.on("close", () => {
    if (!exchange.isOver) duplex.destroy();
  });
  return stream;
}

/** RFC 9113 §6.2. */
const END_STREAM = 1;
const unsaid = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "te"]);

function requestHeaders(head: RequestHead): Record<string, string | string[]> {
  const { lower, values } = head.fields;
  const headers: Record<string, string | string[]> = {
    ":method": head.method,
    ":path": head.target,
    ":authority": fieldValue(head.fields, "host") ?? "",
  };
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at] ?? "";
    if (unsaid.has(name)) continue;
    const value = values[at] ?? "";
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else headers[name] = [...(typeof known === "string" ? [known] : known), value];
  }
  // A gRPC server that is not told so answers with an error (gRPC over HTTP/2, Requests).
  if (isGrpc(head.fields)) headers.te = "trailers";
  return headers;
}

/** Whether a message is of gRPC. */
export const isGrpc = (fields: Fields): boolean =>
  /^application\/grpc(?:$|[+;])/i.test(fieldValue(fields, "content-type") ?? "");

function headText(
  headers: IncomingHttpHeaders & { ":status"?: number | undefined },
  more: string,
): string {
  let text = `HTTP/1.1 ${headers[":status"] ?? 502} \r\n`;
  const { names, values } = fieldsOf(headers);
  for (let at = 0; at < names.length; at++) text += `${names[at]}: ${values[at]}\r\n`;
  return `${text}${more}\r\n`;
}

/** Fields that can be written as lines; nghttp2 lets no others through, and we ask again. */
function fieldsOf(headers: IncomingHttpHeaders): Fields {
  const fields = emptyFields();
  for (const [name, given] of Object.entries(headers)) {
    if (name.startsWith(":") || unsaid.has(name)) continue;
    for (const value of Array.isArray(given) ? given : [given ?? ""]) {
      if (isWritableField(name, value)) addField(fields, name, value);
    }
  }
  return fields;
}
