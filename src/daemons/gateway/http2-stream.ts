/**
 * One stream of HTTP/2 as a socket that carries one HTTP/1.1 exchange: the request is written as
 * text for the strict parser to read, the response is read as text and sent as frames.
 *
 * INVARIANT: nothing of a stream is written before it was checked as a field, a target or a
 * method, so no byte of it can end a line (RFC 9113 §10.3, downgrade attacks).
 */
import { randomBytes } from "node:crypto";
import type { ServerHttp2Stream } from "node:http2";
import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { FaultKind } from "../../engines/http1/fault.ts";
import { emptyFields, type Fields } from "../../engines/http1/fields.ts";
import { chunkStart, isWritableField, lastChunk } from "../../engines/http1/write.ts";
import { requestText } from "./http2-request.ts";
import { responseWriter } from "./http2-response.ts";
import type { ClientSocket } from "./state.ts";

type Opened = {
  readonly stream: ServerHttp2Stream;
  /** Whose addresses the stream has. */
  readonly socket: TLSSocket;
  /** Names and values in turn, as node:http2 gives them. */
  readonly rawHeaders: readonly string[];
  readonly hasBody: boolean;
};

/** The stream as a socket, and what is wrong with its head. */
export function openStream(opened: Opened): { duplex: ClientSocket; fault: FaultKind | null } {
  const { stream, socket, rawHeaders, hasBody } = opened;
  const request = requestText(rawHeaders, hasBody, newKey);
  const { text, fault, isChunked } = request;
  const response = responseWriter(stream, request);
  const duplex = new Duplex({
    allowHalfOpen: true,
    read: () => {
      stream.resume();
    },
    write: (piece: Buffer, _encoding, done) => response.write(piece, done),
    final: (done) => {
      response.end();
      done();
    },
    destroy: (error, done) => {
      if (response.isComplete()) response.onSent(() => endStream(stream));
      else if (!stream.closed) stream.close(CANCEL);
      done(error);
    },
  });
  duplex.push(text, "latin1");
  if (hasBody && fault === null) pumpRequest({ stream, duplex, isChunked });
  else {
    stream.resume();
    duplex.push(null);
  }
  stream.on("error", () => duplex.destroy());
  stream.on("close", () => duplex.destroy());
  response.onComplete(() => duplex.destroy());
  return { duplex: withAddresses(duplex, socket), fault };
}

/** RFC 6455 §4.1: 16 random bytes. */
const newKey = (): string => randomBytes(16).toString("base64");

/** A request that is not read to its end is ended once its answer has left (RFC 9113 §8.1). */
function endStream(stream: ServerHttp2Stream): void {
  if (!stream.readableEnded && !stream.closed) stream.close(NO_ERROR);
}

/** RFC 9113 §7. */
const NO_ERROR = 0;
const CANCEL = 8;

function withAddresses(duplex: Duplex, socket: TLSSocket): ClientSocket {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return Object.assign(duplex, {
    ...{ remoteAddress, remotePort, localAddress, localPort },
    destroySoon: () => {
      duplex.end();
    },
  });
}

/** Body and trailers of the request, chunked unless its length was declared. */
function pumpRequest(parts: {
  stream: ServerHttp2Stream;
  duplex: Duplex;
  isChunked: boolean;
}): void {
  const { stream, duplex, isChunked } = parts;
  let trailers: Fields | null = null;
  const push = (piece: Buffer | string) => {
    if (!duplex.push(piece, "latin1")) stream.pause();
  };
  stream.on("data", (data: Buffer) => {
    if (data.length === 0 || duplex.destroyed) return;
    if (isChunked) push(chunkStart(data.length));
    push(data);
    if (isChunked) push("\r\n");
  });
  stream.on("trailers", (_headers, _flags, raw: readonly string[] = []) => {
    trailers = trailersOf(raw);
    if (trailers === null) duplex.destroy();
  });
  stream.on("end", () => {
    if (duplex.destroyed) return;
    if (isChunked) push(lastChunk(trailers));
    duplex.push(null);
  });
}

/** Trailer fields; null when one could not be written as a line, or is a pseudo-header field. */
function trailersOf(raw: readonly string[]): Fields | null {
  const fields = emptyFields();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at] ?? "";
    const value = raw[at + 1] ?? "";
    if (!isWritableField(name, value)) return null;
    fields.names.push(name);
    fields.lower.push(name);
    fields.values.push(value);
  }
  return fields;
}
