/** Ends exchanges: the gateway's own answers, the event, and what becomes of the connections. */
import { noteOutcome } from "./balance.ts";
import { eventOf, type GatewayEvent } from "./event.ts";
import { httpsLocation } from "./forward.ts";
import { letGo } from "./held-body.ts";
import { holdAnswer, sendText } from "./hold.ts";
import { ownPage, reasonOf } from "./pages.ts";
import type { RefusalEvent } from "./refusal-event.ts";
import { recordRequest } from "./request-record.ts";
import type { Exchange, Gateway } from "./state.ts";
import { dropUpstream } from "./upstream.ts";

/** Answers with a page of the gateway's own, or cuts the connection when a response has begun. */
export function answerOwn(exchange: Exchange, status: number, reason: string): void {
  if (exchange.over) return;
  exchange.reason = reason;
  const { connection, head } = exchange;
  if (reason.startsWith("upstream")) connection.gateway.counters.upstreamFailures++;
  if (exchange.headSent) {
    endExchange(exchange, false);
    connection.socket.destroy();
    return;
  }
  writeOwn(exchange, status, ownPage(status, exchange.requestId, head.fields));
}

/** Answers with the proof of a challenge (RFC 8555 §8.3). */
export function answerChallenge(exchange: Exchange, keyAuthorization: string): void {
  if (exchange.over) return;
  exchange.reason = "acmeChallenge";
  writeOwn(exchange, 200, { contentType: "application/octet-stream", body: keyAuthorization });
}

/** Answers with a page that is not the gateway's own; `body` is latin1, `fields` ends in CRLF. */
export function answerWith(
  exchange: Exchange,
  reason: string,
  page: { status: number; contentType: string; body: string; fields: string },
): void {
  if (exchange.headSent) answerOwn(exchange, page.status, reason);
  if (exchange.over) return;
  exchange.reason = reason;
  writeOwn(exchange, page.status, page);
}

function writeOwn(
  exchange: Exchange,
  status: number,
  { contentType, body, fields = "" }: { contentType: string; body: string; fields?: string },
): void {
  const { connection, head } = exchange;
  exchange.status = status;
  // A request whose body was not read leaves bytes behind that no one may take for a request.
  const keep = exchange.keepClient && connection.parser.body?.done === true && status !== 503;
  const length = Buffer.byteLength(body, "latin1");
  let text = `HTTP/1.1 ${status} ${reasonOf(status)}\r\nContent-Type: ${contentType}\r\n`;
  text += `Content-Length: ${length}\r\nX-Request-Id: ${exchange.requestId}\r\n`;
  text += `Cache-Control: no-store\r\n${fields}`;
  if (status === 308) text += `Location: ${httpsLocation(exchange)}\r\n`;
  if (status === 405) text += "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n";
  if (!keep) text += "Connection: close\r\n";
  else if (head.minorVersion === 0) text += "Connection: keep-alive\r\n";
  exchange.headSent = true;
  holdAnswer(connection);
  const hasBody = head.method !== "HEAD";
  if (hasBody) exchange.responseBytes = length;
  sendText(connection, `${text}\r\n${hasBody ? body : ""}`);
  endExchange(exchange, keep);
}

/** Closes the books of an exchange: rules, event, upstream, and the client's connection. */
export function endExchange(exchange: Exchange, keep: boolean): void {
  if (exchange.over) return;
  exchange.over = true;
  const { connection, upstream } = exchange;
  if (upstream !== null) {
    upstream.exchange = null;
    dropUpstream(upstream);
    exchange.upstream = null;
  }
  if (exchange.decoder !== null) {
    exchange.decoder.destroy();
    connection.gateway.decoding--;
  }
  exchange.view?.decoder.destroy();
  if (exchange.heldRequest !== null) letGo(exchange.heldRequest);
  exchange.heldRequest = null;
  if (exchange.blocked) connection.gateway.counters.blocked++;
  const finding = exchange.inspection?.finish() ?? null;
  exchange.inspection = null;
  if (exchange.tried.length > 0) noteOutcome(exchange);
  const event = eventOf(exchange, finding);
  const isRecorded = recordRequest(exchange, finding, event.metadata.uid);
  if (isRecorded !== undefined) event.unmapped.cordon.isRecorded = isRecorded;
  emitEvent(connection.gateway, event);
  connection.onExchangeEnd(connection, keep);
}

/** Hands an event on; a lost one is counted and makes fail-closed sites refuse traffic. */
export function emitEvent(gateway: Gateway, event: GatewayEvent | RefusalEvent): void {
  const isKept = gateway.emit(event);
  gateway.spoolFull = !isKept;
  if (!isKept) gateway.counters.eventsLost++;
}
