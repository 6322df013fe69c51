/** Reads the HTTP/1.1 response of one exchange as it is written, and sends it as frames. */
import { createHash } from "node:crypto";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import {
  type BodyDecoder,
  createBodyDecoder,
  decodeBody,
  endBody,
} from "../../engines/http1/body.ts";
import { type Fields, fieldValue } from "../../engines/http1/fields.ts";
import {
  createHeadReader,
  type HeadReader,
  readHead,
  resetHead,
} from "../../engines/http1/head-reader.ts";
import { limits as http1Limits } from "../../engines/http1/limits.ts";
import { parseResponseHead, type ResponseHead } from "../../engines/http1/response.ts";
import type { RequestText } from "./http2-request.ts";

/** Fields that HTTP/2 does not know (RFC 9113 §8.2.2). */
const connectionFields = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

export type ResponseWriter = {
  /** Takes bytes; `done` is called when more may come. */
  write(piece: Buffer, done: (error?: Error | null) => void): void;
  /** The last byte was written. */
  end(): void;
  isComplete(): boolean;
  onComplete(then: () => void): void;
  /** Calls when everything, trailers too, was handed to the session. */
  onSent(then: () => void): void;
};

type Writing = {
  readonly stream: ServerHttp2Stream;
  readonly method: string;
  readonly webSocketKey: string | null;
  readonly reader: HeadReader;
  body: BodyDecoder | null;
  isComplete: boolean;
  hasTrailers: boolean;
  onComplete: () => void;
};

/** Our own heads hold fields beside those of the upstream, which passed the limits already. */
const limits = { ...http1Limits, headBytesMax: http1Limits.headBytesMax * 2, fieldCountMax: 160 };

/** A writer for the answer to a request. */
export function responseWriter(
  stream: ServerHttp2Stream,
  { method, webSocketKey }: Pick<RequestText, "method" | "webSocketKey">,
): ResponseWriter {
  const writing: Writing = {
    ...{ stream, method, webSocketKey, reader: createHeadReader(limits), body: null },
    isComplete: false,
    hasTrailers: false,
    onComplete: () => {},
  };
  return {
    write(piece, done) {
      if (stream.destroyed || stream.closed) return done();
      try {
        if (writePiece(writing, piece) || writing.isComplete) done();
        else stream.once("drain", () => done());
      } catch {
        // A response that cannot be said in HTTP/2, such as two values of a single-valued field.
        stream.close(INTERNAL_ERROR);
        done();
      }
    },
    end() {
      if (writing.body !== null) endBody(writing.body);
      if (writing.body?.done === true) complete(writing);
    },
    isComplete: () => writing.isComplete,
    onComplete: (next) => {
      writing.onComplete = next;
    },
    onSent: (next) => {
      if (stream.destroyed) return;
      // What ends the stream comes after `finish` or `wantTrailers`, in the same turn.
      if (writing.hasTrailers) stream.once("wantTrailers", () => setImmediate(next));
      else if (stream.writableFinished) next();
      else stream.once("finish", next);
    },
  };
}

/** Takes bytes of the response; false when the stream's buffer is full. */
function writePiece(writing: Writing, piece: Buffer): boolean {
  const { stream, reader } = writing;
  let at = 0;
  let isFree = true;
  while (at < piece.length && !writing.isComplete) {
    if (writing.body === null) {
      at = readHead(reader, piece, at);
      if (reader.text === null) break;
      takeHead(writing);
    } else {
      at = decodeBody(writing.body, piece, at, (data) => {
        // What node:net may reuse is copied: the frame leaves later than this turn.
        isFree = stream.write(Buffer.from(data)) && isFree;
      });
      if (writing.body.fault !== null) throw new Error(`response body: ${writing.body.fault}`);
    }
    if (writing.body?.done === true) complete(writing);
  }
  return isFree;
}

function takeHead(writing: Writing): void {
  const { stream, method, webSocketKey, reader } = writing;
  const head = parseResponseHead(reader.text ?? "", method, limits, reader.fault);
  resetHead(reader);
  if (head.fault !== null) throw new Error(`response head: ${head.fault}`);
  if (head.status === 101) {
    openTunnel(writing, head);
    return;
  }
  if (head.status < 200) {
    stream.additionalHeaders(headersOf(head));
    return;
  }
  // To who asked for a WebSocket it would say that there is one (RFC 8441 §5).
  if (webSocketKey !== null && head.status < 300) head.status = 502;
  writing.body = createBodyDecoder(head.framing, limits);
  writing.hasTrailers = head.framing.kind === "chunked";
  respond(stream, head, writing.body);
}

/**
 * Says 200 for 101, and passes on what follows. The client cannot tell whether the upstream speaks
 * WebSocket, since the key is not its own, so this is asked here (RFC 6455 §4.1).
 */
function openTunnel(writing: Writing, head: ResponseHead): void {
  const { stream, webSocketKey } = writing;
  if (fieldValue(head.fields, "sec-websocket-accept") !== acceptOf(webSocketKey ?? "")) {
    throw new Error("the upstream's Sec-WebSocket-Accept is not that of the key");
  }
  const { "sec-websocket-accept": _, ...headers } = headersOf({ ...head, status: 200 });
  writing.body = createBodyDecoder({ kind: "close" }, limits);
  stream.respond(headers);
}

/** RFC 6455 §4.2.2. */
const acceptOf = (key: string): string =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

function complete(writing: Writing): void {
  if (writing.isComplete) return;
  writing.isComplete = true;
  if (!writing.stream.writableEnded) writing.stream.end();
  writing.onComplete();
}

const INTERNAL_ERROR = 2;

function respond(stream: ServerHttp2Stream, head: ResponseHead, body: BodyDecoder): void {
  if (stream.destroyed || stream.closed) return;
  const hasTrailers = head.framing.kind === "chunked";
  stream.respond(headersOf(head), { endStream: body.done, waitForTrailers: hasTrailers });
  if (!hasTrailers) return;
  stream.on("wantTrailers", () => stream.sendTrailers(plainFields(body.trailers)));
}

function headersOf(head: ResponseHead): OutgoingHttpHeaders {
  return { ...plainFields(head.fields), ":status": head.status };
}

/** Fields by lower-case name; repeated ones as a list. */
function plainFields({ lower, values }: Fields): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at] ?? "";
    if (connectionFields.has(name)) continue;
    const value = values[at] ?? "";
    const known = headers[name];
    if (known === undefined) headers[name] = value;
    else headers[name] = [...(typeof known === "string" ? [known] : known), value];
  }
  return headers;
}
