/**
 * Reads a stream of requests: heads, bodies, pipelining. One call takes a piece of bytes as far as
 * the current request goes, so that the caller decides when the next request may start.
 */
import { type BodyDecoder, createBodyDecoder, decodeBody, endBody } from "./body.ts";
import {
  createHeadReader,
  type HeadReader,
  headBegun,
  readHead,
  resetHead,
  truncateHead,
} from "./head-reader.ts";
import type { Http1Limits } from "./limits.ts";
import { parseRequestHead, type RequestHead } from "./request.ts";

/** State of one connection's input. After `head.fault` or `body.fault` nothing more is read. */
export type RequestParser = {
  readonly limits: Http1Limits;
  readonly reader: HeadReader;
  /** The head of the current request, null while it is incomplete. */
  head: RequestHead | null;
  /** The body of the current request, null while there is no head. */
  body: BodyDecoder | null;
};

/** A parser for the requests of one connection. */
export const createRequestParser = (limits: Http1Limits): RequestParser => ({
  limits,
  reader: createHeadReader(limits),
  head: null,
  body: null,
});

/**
 * Reads head bytes; `parser.head` is set when it is complete or refused. Returns the next index.
 */
export function readRequestHead(parser: RequestParser, piece: Buffer, from: number): number {
  if (parser.head !== null) return from;
  const { reader, limits } = parser;
  const next = readHead(reader, piece, from);
  if (reader.text !== null) setHead(parser, parseRequestHead(reader.text, limits, reader.fault));
  return next;
}

/** Reads body bytes of the current request into `sink`. Returns the next index. */
export const readRequestBody = (
  parser: RequestParser,
  piece: Buffer,
  from: number,
  sink: (data: Buffer) => void,
): number => (parser.body === null ? from : decodeBody(parser.body, piece, from, sink));

/** Makes the parser ready for the next request of the connection. */
export const nextRequest = (parser: RequestParser): void => {
  resetHead(parser.reader);
  parser.head = null;
  parser.body = null;
};

/** Tells the parser that no more bytes come; a begun head or body becomes a fault. */
export function endRequests(parser: RequestParser): void {
  if (parser.body !== null) endBody(parser.body);
  else if (headBegun(parser.reader)) {
    truncateHead(parser.reader);
    const { text } = parser.reader;
    setHead(parser, parseRequestHead(text ?? "", parser.limits, "truncatedHead"));
  }
}

function setHead(parser: RequestParser, head: RequestHead): void {
  parser.head = head;
  parser.body = createBodyDecoder(head.framing, parser.limits);
}
