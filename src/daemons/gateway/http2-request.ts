/** The head of an HTTP/2 request (RFC 9113 §8.3) as the text of an HTTP/1.1 head. Pure. */
import type { FaultKind } from "../../engines/http1/fault.ts";
import { isWritableField, isWritableMethod, isWritableTarget } from "../../engines/http1/write.ts";

/** `fault`: the text is a view for rules and the event, and must not be served. */
export type RequestText = {
  readonly text: string;
  readonly method: string;
  readonly fault: FaultKind | null;
  /** Whether the body has no declared length, and is written in chunks. */
  readonly isChunked: boolean;
  /** Of a WebSocket that the stream opens (RFC 8441); null = it opens none. */
  readonly webSocketKey: string | null;
};

/** Fields that speak of a connection: malformed in HTTP/2 (RFC 9113 §8.2.2). */
const connectionFields = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const pseudoNames = new Set([":method", ":scheme", ":authority", ":path", ":protocol"]);

type Head = {
  readonly pseudo: Map<string, string>;
  lines: string;
  host: string | null;
  cookies: string[];
  length: string | null;
  fault: FaultKind | null;
};

/**
 * Turns names and values into a head. An extended CONNECT becomes the GET that opens a WebSocket in
 * HTTP/1.1, with a key of the gateway's own: HTTP/2 has none (RFC 8441 §5).
 *
 * @param hasBody false when the HEADERS frame ended the stream.
 * @param newKey makes a Sec-WebSocket-Key
 */
export function requestText(
  raw: readonly string[],
  hasBody: boolean,
  newKey: () => string,
): RequestText {
  const head: Head = {
    pseudo: new Map(),
    lines: "",
    host: null,
    cookies: [],
    length: null,
    fault: null,
  };
  for (let at = 0; at + 1 < raw.length; at += 2) {
    takeField(head, raw[at] ?? "", raw[at + 1] ?? "");
  }
  const webSocketKey = opensWebSocket(head, hasBody) ? newKey() : null;
  const method = webSocketKey === null ? (head.pseudo.get(":method") ?? "") : "GET";
  const target = targetOf(head, method);
  const host = hostOf(head);
  const isChunked = hasBody && head.length === null && webSocketKey === null;
  if (!isWritableMethod(method)) head.fault ??= "invalidMethod";
  let text = `${shown(method, "INVALID")} ${shown(target, "/")} HTTP/1.1\r\n`;
  if (host !== null) text += `Host: ${host}\r\n`;
  text += head.lines;
  if (head.cookies.length > 0) text += `cookie: ${head.cookies.join("; ")}\r\n`;
  if (isChunked) text += "Transfer-Encoding: chunked\r\n";
  if (webSocketKey !== null) {
    text += `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${webSocketKey}\r\n`;
  }
  return { text: `${text}\r\n`, method, fault: head.fault, isChunked, webSocketKey };
}

/** RFC 8441 §4: `:protocol` belongs to CONNECT, whose stream stays open both ways. */
function opensWebSocket(head: Head, hasBody: boolean): boolean {
  const protocol = head.pseudo.get(":protocol");
  if (protocol === undefined) return false;
  const isConnect = head.pseudo.get(":method") === "CONNECT";
  if (isConnect && protocol === "websocket" && hasBody && head.length === null) return true;
  head.fault ??= "invalidPseudoField";
  return false;
}

function takeField(head: Head, name: string, value: string): void {
  if (name.startsWith(":")) {
    if (!pseudoNames.has(name) || head.pseudo.has(name)) head.fault ??= "invalidPseudoField";
    else head.pseudo.set(name, value);
  } else if (!isWritableField(name, value)) {
    head.fault ??= isWritableField(name, "") ? "invalidFieldValue" : "invalidFieldName";
  } else if (name !== name.toLowerCase()) head.fault ??= "invalidFieldName";
  else if (connectionFields.has(name) || (name === "te" && value !== "trailers")) {
    head.fault ??= "connectionFieldInHttp2";
  } else if (name === "host") {
    if (head.host !== null) head.fault ??= "duplicateHost";
    head.host = value;
  } else if (name === "cookie") head.cookies.push(value);
  // In HTTP/2 it has no meaning (RFC 8441 §5.1), and beside the gateway's own it would be a second.
  else if (name === "sec-websocket-key" && head.pseudo.has(":protocol")) return;
  else {
    if (name === "content-length") {
      if (head.length !== null) head.fault ??= "duplicateContentLength";
      head.length = value;
    }
    head.lines += `${name}: ${value}\r\n`;
  }
}

/** RFC 9113 §8.3.1: a path, or `*` of OPTIONS; no absolute form that could name another host. */
function targetOf(head: Head, method: string): string {
  const { pseudo } = head;
  if (method === "CONNECT") return pseudo.get(":authority") ?? "";
  if (pseudo.get(":scheme") !== "https") head.fault ??= "invalidPseudoField";
  const path = pseudo.get(":path") ?? "";
  const isPath = path.startsWith("/") || (path === "*" && method === "OPTIONS");
  if (!isPath || !isWritableTarget(path)) head.fault ??= "invalidTarget";
  return path;
}

/** :authority and Host name the same host, or the request is refused (RFC 9113 §8.3.1). */
function hostOf(head: Head): string | null {
  const authority = head.pseudo.get(":authority");
  if (authority === undefined) return head.host;
  if (!isWritableField("host", authority)) {
    head.fault ??= "invalidHost";
    return null;
  }
  if (head.host !== null && head.host.toLowerCase() !== authority.toLowerCase()) {
    head.fault ??= "hostMismatch";
  }
  return authority;
}

/** The text when it can stand on a request line, else what stands for it. */
const shown = (text: string, otherwise: string): string =>
  isWritableTarget(text) ? text : otherwise;
