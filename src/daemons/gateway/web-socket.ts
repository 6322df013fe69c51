/** Watches what a client sends over an upgraded connection, where its site has limits for it. */
import { fieldValue } from "../../engines/http1/fields.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import {
  closeFrame,
  createFrameReader,
  type FrameReader,
  readFrames,
  type WebSocketFault,
  webSocketFaults,
} from "../../engines/websocket/frames.ts";
import { emitEvent } from "./answer.ts";
import { eventOf } from "./event.ts";
import { endSending, sendBytes } from "./hold.ts";
import type { Finding } from "./inspect.ts";
import type { Exchange } from "./state.ts";

/** Text of one message that rules judge. */
const TEXT_BYTES_MAX = 131_072;

/** Says of each piece of a client whether it may go on; false has ended the connection. */
export type Watch = (piece: Buffer) => boolean;

/** The watch over a tunnel; null when its site has no limits for it. */
export function watchClient(
  exchange: Exchange,
  head: ResponseHead,
  origin: { destroy(): void },
): Watch | null {
  const limits = exchange.site?.delivery?.webSocket ?? null;
  if (limits === null) return null;
  // Compressed payloads cannot be read as they pass: with inspection no extension is agreed on.
  const isExtended = fieldValue(head.fields, "sec-websocket-extensions") !== undefined;
  const textBytesMax = limits.inspectsText ? TEXT_BYTES_MAX : 0;
  const reader = createFrameReader({ ...limits, textBytesMax }, isExtended);
  return (piece) => {
    let isBlocked = false;
    readFrames(reader, piece, {
      nowMs: Date.now(),
      onText: (text) => {
        isBlocked ||= judgeText(exchange, text);
      },
    });
    if (reader.fault === null && !isBlocked) return true;
    end(exchange, reader, origin);
    return false;
  };
}

/** Ends both sides: the client is told why (RFC 6455 §7.4.1), the event says it too. */
function end(exchange: Exchange, { fault }: FrameReader, origin: { destroy(): void }): void {
  const status = fault === null ? POLICY_VIOLATION : webSocketFaults[fault];
  sendBytes(exchange.connection, closeFrame(status));
  endSending(exchange.connection);
  origin.destroy();
  if (fault !== null)
    tell(exchange, { reason: `webSocket:${fault}`, blocked: true, finding: null });
}

const POLICY_VIOLATION = webSocketFaults.tooManyMessages;

/** Lets the rules judge one message as the body of the request that opened the connection. */
function judgeText(exchange: Exchange, text: string): boolean {
  const { site, connection, clientAddress, requestId, head } = exchange;
  if (site === null || site.intent.mode === "off") return false;
  const inspection = connection.gateway.routes.inspector(site.intent, {
    clientAddress,
    clientPort: connection.port,
    serverAddress: connection.socket.localAddress ?? "",
    serverPort: connection.socket.localPort ?? 0,
    requestId,
  });
  if (inspection === null) return false;
  // As text, not as an upgrade: what was judged once at the handshake is not judged again.
  const isJson = /^\s*[[{]/.test(text);
  const contentType = isJson ? "application/json" : "application/x-www-form-urlencoded";
  const body = isJson
    ? text
    : `message=${encodeURIComponent(Buffer.from(text, "latin1").toString())}`;
  const fields = {
    names: ["Host", "User-Agent", "Accept", "Content-Type", "Content-Length"],
    lower: ["host", "user-agent", "accept", "content-type", "content-length"],
    values: [
      fieldValue(head.fields, "host") ?? "",
      fieldValue(head.fields, "user-agent") ?? "",
      ...["*/*", contentType, String(body.length)],
    ],
  };
  const requestLine = `POST ${head.target} HTTP/1.1`;
  let status = inspection.requestHead({ ...head, method: "POST", requestLine, fields });
  if (status === 0) status = inspection.requestBody(Buffer.from(body, "latin1"), true);
  const finding = inspection.finish();
  if (status === 0) return false;
  const blocked = site.intent.mode === "block";
  tell(exchange, { reason: "webSocket:blockedByRules", blocked, finding });
  return blocked;
}

/** One event for a message that was refused, or would have been. */
function tell(
  exchange: Exchange,
  told: { reason: WebSocketReason; blocked: boolean; finding: Finding | null },
): void {
  const { reason, blocked, finding } = told;
  const shown = { ...exchange, reason, blocked, wouldBlock: true, time: Date.now() };
  emitEvent(exchange.connection.gateway, eventOf(shown, finding));
}
type WebSocketReason = `webSocket:${WebSocketFault | "blockedByRules"}`;
