/** Parses the text of one response head (RFC 9112 §4–§6) as strictly as a request. */
import type { FaultKind } from "./fault.ts";
import { emptyFields, type Fields, parseFields } from "./fields.ts";
import { declaredFraming, type Framing, noBody } from "./framing.ts";
import { CR, LF, SP, valueChars } from "./grammar.ts";
import type { Http1Limits } from "./limits.ts";

/** A response head; with `fault` set it must not be forwarded. Strings are latin1. */
export type ResponseHead = {
  fault: FaultKind | null;
  statusLine: string;
  minorVersion: number;
  status: number;
  reason: string;
  fields: Fields;
  framing: Framing;
  /** Whether the connection persists after the body (RFC 9112 §9.3). */
  keepAlive: boolean;
};

/**
 * Parses a complete response head.
 *
 * @param requestMethod method of the request it answers: HEAD has no body, CONNECT may switch.
 */
export function parseResponseHead(
  text: string,
  requestMethod: string,
  limits: Http1Limits,
  readerFault: FaultKind | null = null,
): ResponseHead {
  const head: ResponseHead = {
    fault: null,
    statusLine: "",
    minorVersion: 1,
    status: 0,
    reason: "",
    fields: emptyFields(),
    framing: noBody,
    keepAlive: false,
  };
  const start = parseStatusLine(text, head);
  const end = parseFields(text, start, head.fields, limits.fieldCountMax);
  head.fault ??= end.fault;
  readFraming(head, requestMethod);
  if (readerFault !== null) head.fault = readerFault;
  return head;
}

/** HTTP-version SP 3DIGIT SP [reason]; the last SP may be missing, as many servers omit it. */
function parseStatusLine(text: string, head: ResponseHead): number {
  const lf = text.indexOf("\n");
  const lineEnd = lf < 0 ? text.length : lf;
  const hasCr = lineEnd > 0 && text.charCodeAt(lineEnd - 1) === CR;
  const end = hasCr ? lineEnd - 1 : lineEnd;
  head.statusLine = text.substring(0, end);
  const minor = text.charCodeAt(7) - 48;
  const status = parseStatus(text);
  if (!text.startsWith("HTTP/1.") || (minor !== 0 && minor !== 1))
    head.fault = "unsupportedVersion";
  else if (text.charCodeAt(8) !== SP || status < 100) head.fault = "invalidStatus";
  else if (end > 12 && text.charCodeAt(12) !== SP) head.fault = "invalidStartLine";
  else if (lf < 0 || !hasCr || text.charCodeAt(lineEnd) !== LF) head.fault = "bareLf";
  head.minorVersion = minor === 0 ? 0 : 1;
  head.status = Math.max(status, 0);
  head.reason = text.substring(13, Math.max(end, 13));
  for (let at = 13; at < end; at++) {
    if (valueChars[text.charCodeAt(at)] !== 1) head.fault ??= "invalidStartLine";
  }
  return lineEnd + 1;
}

/** The three digits after "HTTP/1.x ", 100 to 599 (RFC 9110 §15), or -1. */
function parseStatus(text: string): number {
  let value = 0;
  for (let at = 9; at < 12; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value >= 100 && value <= 599 ? value : -1;
}

/** Message body length of a response, RFC 9112 §6.3. */
function readFraming(head: ResponseHead, requestMethod: string): void {
  const { status } = head;
  const declared = declaredFraming(head.fields, head.minorVersion);
  const switched = requestMethod === "CONNECT" && status >= 200 && status < 300;
  const bodiless = status < 200 || status === 204 || status === 304 || requestMethod === "HEAD";
  head.fault ??= declared.fault;
  if (bodiless || switched) head.framing = noBody;
  else head.framing = declared.framing.kind === "none" ? { kind: "close" } : declared.framing;
  head.keepAlive = persists(head);
}

function persists(head: ResponseHead): boolean {
  if (head.framing.kind === "close") return false;
  const { lower, values } = head.fields;
  let keepAlive = head.minorVersion === 1;
  for (let at = 0; at < lower.length; at++) {
    if (lower[at] !== "connection") continue;
    const value = (values[at] ?? "").toLowerCase();
    if (value === "close") return false;
    if (value === "keep-alive") {
      keepAlive = true;
      continue;
    }
    for (const option of value.split(",")) {
      const token = option.trim();
      if (token === "close") return false;
      if (token === "keep-alive") keepAlive = true;
    }
  }
  return keepAlive;
}
