/** Parses whole streams of requests in memory: for tests, fuzzers and replays, not for traffic. */
import type { FaultKind } from "./fault.ts";
import type { Fields } from "./fields.ts";
import { limits } from "./limits.ts";
import type { RequestHead } from "./request.ts";
import {
  createRequestParser,
  endRequests,
  nextRequest,
  readRequestBody,
  readRequestHead,
} from "./request-parser.ts";

/** One request with its decoded body (latin1); `complete` when its last byte was there. */
export type StreamedRequest = {
  head: RequestHead;
  body: string;
  trailers: Fields;
  fault: FaultKind | null;
  complete: boolean;
};

/** Requests of a connection, given as pieces, in order; stops after the first fault. */
export function parseRequestStream(pieces: readonly Buffer[]): StreamedRequest[] {
  const parser = createRequestParser(limits);
  const requests: StreamedRequest[] = [];
  let body = "";
  const finish = (): boolean => {
    const { head, body: decoder } = parser;
    if (head === null || decoder === null) return false;
    const fault = head.fault ?? decoder.fault;
    const complete = fault === null && decoder.done;
    requests.push({ head, body, trailers: decoder.trailers, fault, complete });
    body = "";
    nextRequest(parser);
    return complete;
  };
  const sink = (data: Buffer): void => {
    body += data.toString("latin1");
  };
  for (const piece of pieces) {
    let at = 0;
    while (at < piece.length || parser.body?.done === true) {
      at = readRequestHead(parser, piece, at);
      if (parser.head?.fault === null) at = readRequestBody(parser, piece, at, sink);
      if (parser.head === null) continue;
      const ended = parser.head.fault !== null || parser.body?.fault !== null;
      if ((ended || parser.body?.done === true) && !finish()) return requests;
    }
  }
  endRequests(parser);
  finish();
  return requests;
}
