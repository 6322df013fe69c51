/**
 * The body of a response on its way to the client: held back for the rules and the guard, judged,
 * masked, framed and sent at the client's pace.
 */
import { forwardedTrailers } from "../../engines/http1/hop-by-hop.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { chunkStart, lastChunk } from "../../engines/http1/write.ts";
import { clientResponseHead } from "./forward.ts";
import { holdAnswer, sendBytes, sendText } from "./hold.ts";
import { judgePage } from "./page-guard.ts";
import { refuseByRules } from "./policy/refuse.ts";
import type { ResponseDecoder } from "./response-decoder.ts";
import { maskerFor } from "./response-text.ts";
import type { Exchange } from "./state.ts";

/** Small pieces are joined with what waits in `out`: one write instead of two. */
const JOIN_BYTES_MAX = 4_096;

/** Begins the answer to the client. */
export function sendHead(exchange: Exchange, head: ResponseHead): void {
  if (exchange.site?.delivery?.leakKinds) exchange.mask = maskerFor(exchange, head);
  exchange.out = clientResponseHead(exchange, head);
  exchange.headSent = true;
}

/** Applies what the rules say by the mode of the site; true when the exchange is over. */
export function judgedResponse(exchange: Exchange, status: number): boolean {
  if (status === 0) return false;
  exchange.wouldBlock = true;
  if (exchange.site?.intent.mode !== "block") return false;
  refuseByRules(exchange, status);
  return true;
}

/** Takes a piece of the body as it is to be judged and sent. */
export function takeText(exchange: Exchange, data: Buffer): void {
  if (exchange.heldResponse === null) {
    writeBody(exchange, data);
    return;
  }
  const kept = Buffer.from(data);
  exchange.heldResponse.push(kept);
  exchange.heldResponseBytes += data.length;
  const { view } = exchange;
  view?.decoder.write(kept);
  const { responseBodyBytesMax } = exchange.connection.gateway.limits;
  if (exchange.heldResponseBytes < responseBodyBytesMax) return;
  if (view === null) judgeResponseBody(exchange, false);
  else {
    // What is in the decoder is judged soon.
    exchange.upstream?.socket.pause();
    view.decoder.end();
  }
}

/** Lets the rules judge what was held back, then sends it; true when the exchange is over. */
export function judgeResponseBody(exchange: Exchange, isWhole: boolean): boolean {
  const held = Buffer.concat(exchange.heldResponse ?? []);
  exchange.heldResponse = null;
  const { inspection, response, page, view } = exchange;
  view?.decoder.destroy();
  exchange.view = null;
  if (page !== null && judgePage(exchange, page, isWhole ? held : null)) return true;
  const isInspected = inspection !== null && response !== null;
  if (isInspected && inspection.wantsResponseBody(response.fields)) {
    const seen = view === null ? held : Buffer.concat(view.text);
    if (judgedResponse(exchange, inspection.responseBody(seen, isWhole))) return true;
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

/** Gives the socket what waits for it. */
export function flush(exchange: Exchange): void {
  if (exchange.out === "") return;
  const { out } = exchange;
  exchange.out = "";
  pauseUnless(exchange, sendText(exchange.connection, out));
}

function pauseUnless(exchange: Exchange, isFree: boolean): void {
  const source = sourceOf(exchange);
  if (isFree || exchange.upstreamPaused || source === null) return;
  exchange.upstreamPaused = true;
  source.pause();
}

/** What the body comes from; an upstream behind a decoder is held back by that. */
const sourceOf = ({ decoder, upstream }: Exchange): Source | null =>
  decoder ?? upstream?.socket ?? null;
type Source = Pick<ResponseDecoder, "pause" | "resume">;

/** The client takes bytes again. */
export function resumeResponse(exchange: Exchange): void {
  if (!exchange.upstreamPaused) return;
  exchange.upstreamPaused = false;
  sourceOf(exchange)?.resume();
}

/** Sends the rest of the answer; false when the rules, or the guard, have answered instead. */
export function completeAnswer(exchange: Exchange): boolean {
  holdAnswer(exchange.connection);
  if (exchange.heldResponse !== null && judgeResponseBody(exchange, true)) return false;
  const { body, mask, decoder } = exchange;
  if (mask !== null) writeText(exchange, mask.end());
  if (exchange.chunkedOut) {
    const trailers = body?.trailers;
    // They may hold a digest of what was sent to the gateway.
    const isChanged = mask !== null || decoder !== null;
    const kept = isChanged || !trailers?.names.length ? null : forwardedTrailers(trailers);
    exchange.out += lastChunk(kept);
  }
  flush(exchange);
  return true;
}
