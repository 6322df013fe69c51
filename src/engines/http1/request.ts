/**
 * Parses the text of one request head (RFC 9112 §3–§6); what it cannot accept it still describes.
 */
import type { FaultKind } from "./fault.ts";
import { emptyFields, type Fields, parseFields } from "./fields.ts";
import { declaredFraming, type Framing, noBody } from "./framing.ts";
import { allIn, CR, LF, SP, targetChars, tokenChars } from "./grammar.ts";
import type { Http1Limits } from "./limits.ts";
import {
  type Authority,
  parseAuthority,
  parseTarget,
  sameAuthority,
  type Target,
} from "./target.ts";

/**
 * A request head; all strings are latin1 (one char per byte). With `fault` set it is a view for
 * rules and logs: as complete as the bytes allow, and never to be forwarded.
 */
export type RequestHead = {
  /** The first fault met, in the order of the bytes; null for a request that may be served. */
  fault: FaultKind | null;
  /** The raw request line without its line end. */
  requestLine: string;
  method: string;
  /** The raw request target. */
  target: string;
  /** The raw version, `HTTP/1.1` and the like; empty when absent. */
  protocol: string;
  /** 0 or 1; meaningful without fault only. */
  minorVersion: number;
  parsedTarget: Target;
  /** Authority of the request: from the target if absolute or authority form, else from Host. */
  authority: Authority | null;
  fields: Fields;
  framing: Framing;
  /** Whether the connection persists after this exchange (RFC 9112 §9.3). */
  keepAlive: boolean;
  /** `Expect: 100-continue` on HTTP/1.1 (RFC 9110 §10.1.1). */
  expectContinue: boolean;
  /** The raw value of Upgrade when Connection nominates it (RFC 9110 §7.8), else null. */
  upgrade: string | null;
};

/**
 * Parses a complete head (or what a reader kept of a refused one).
 *
 * @param text latin1 text from the first byte of the request line.
 * @param readerFault fault the reader already met; it wins over faults found here.
 */
export function parseRequestHead(
  text: string,
  limits: Http1Limits,
  readerFault: FaultKind | null = null,
): RequestHead {
  const head = emptyHead();
  const start = parseRequestLine(text, head);
  const end = parseFields(text, start, head.fields, limits.fieldCountMax);
  head.fault ??= end.fault;
  const declared = declaredFraming(head.fields, head.minorVersion);
  head.framing = declared.framing;
  const hostFault = readHost(head);
  head.fault ??= declared.fault ?? hostFault ?? readConnection(head);
  if (readerFault !== null) head.fault = readerFault;
  return head;
}

const noTarget: Target = { form: "invalid", path: "", scheme: null, authority: null };

const emptyHead = (): RequestHead => ({
  fault: null,
  requestLine: "",
  method: "",
  target: "",
  protocol: "",
  minorVersion: 1,
  parsedTarget: noTarget,
  authority: null,
  fields: emptyFields(),
  framing: noBody,
  keepAlive: false,
  expectContinue: false,
  upgrade: null,
});

/**
 * method SP request-target SP HTTP-version CRLF, single spaces only. Returns where fields begin.
 */
function parseRequestLine(text: string, head: RequestHead): number {
  let at = 0;
  let code = text.charCodeAt(0);
  while (tokenChars[code] === 1) code = text.charCodeAt(++at);
  const methodEnd = at;
  if (code === SP && at > 0) {
    code = text.charCodeAt(++at);
    while (targetChars[code] === 1) code = text.charCodeAt(++at);
    if (code === SP && at > methodEnd + 1) {
      const versionEnd = at + 9;
      const isHttp1 = text.startsWith(" HTTP/1.", at);
      const minor = text.charCodeAt(at + 8) - 48;
      const ends = text.charCodeAt(versionEnd) === CR && text.charCodeAt(versionEnd + 1) === LF;
      if (isHttp1 && ends && (minor === 0 || minor === 1)) {
        head.method = text.substring(0, methodEnd);
        head.target = text.substring(methodEnd + 1, at);
        head.protocol = minor === 1 ? "HTTP/1.1" : "HTTP/1.0";
        head.minorVersion = minor;
        head.requestLine = text.substring(0, versionEnd);
        head.parsedTarget = parseTarget(head.method, head.target);
        if (head.parsedTarget.form === "invalid") head.fault = "invalidTarget";
        return versionEnd + 2;
      }
    }
  }
  return viewRequestLine(text, head);
}

/** Reads a request line that breaks the grammar as far as it goes, and names the fault. */
function viewRequestLine(text: string, head: RequestHead): number {
  const lf = text.indexOf("\n");
  const lineEnd = lf < 0 ? text.length : lf;
  const hasCr = lineEnd > 0 && text.charCodeAt(lineEnd - 1) === CR;
  const line = text.substring(0, hasCr ? lineEnd - 1 : lineEnd);
  head.requestLine = line;
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  const hasVersion = last > first && line.startsWith("HTTP", last + 1);
  head.method = first < 0 ? line : line.substring(0, first);
  head.target = first < 0 ? "" : line.substring(first + 1, hasVersion ? last : line.length);
  head.protocol = hasVersion ? line.substring(last + 1) : "";
  head.parsedTarget = parseTarget(head.method, head.target);
  head.fault = requestLineFault(line, head, lf >= 0 && !hasCr);
  return lineEnd + 1;
}

function requestLineFault(line: string, head: RequestHead, isBareLf: boolean): FaultKind {
  if (line.includes("\0")) return "nul";
  if (line.includes("\r")) return "bareCr";
  if (isBareLf) return "bareLf";
  if (head.method === "" || !allIn(tokenChars, head.method)) return "invalidMethod";
  if (head.protocol === "") return "invalidStartLine";
  if (!allIn(targetChars, head.target) || head.target === "") return "invalidTarget";
  // HTTP/0.9 had no version on its line: one that claims it is malformed, not merely old.
  return /^HTTP\/[1-9]\.\d$/.test(head.protocol) ? "unsupportedVersion" : "invalidStartLine";
}

/** RFC 9112 §3.2: exactly one valid Host in HTTP/1.1, and none that contradicts the target. */
function readHost(head: RequestHead): FaultKind | null {
  const { lower, values } = head.fields;
  const at = lower.indexOf("host");
  const { authority: targetAuthority, scheme } = head.parsedTarget;
  head.authority = targetAuthority;
  if (at < 0) return head.minorVersion === 0 ? null : "missingHost";
  const value = values[at] ?? "";
  const host = parseAuthority(value);
  head.authority ??= host;
  if (lower.indexOf("host", at + 1) >= 0) return "duplicateHost";
  if (host === null) return value === "" ? "missingHost" : "invalidHost";
  if (targetAuthority === null) return null;
  return sameAuthority(targetAuthority, host, scheme ?? "http") ? null : "hostMismatch";
}

/** Persistence, upgrade and expectation; nominating a framing field in Connection is a fault. */
function readConnection(head: RequestHead): FaultKind | null {
  const { lower, values } = head.fields;
  let keepAlive = head.minorVersion === 1;
  let close = false;
  let upgrades = false;
  let upgrade: string | null = null;
  let fault: FaultKind | null = null;
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at];
    if (name === "connection") {
      const value = (values[at] ?? "").toLowerCase();
      if (value === "keep-alive") keepAlive = true;
      else if (value === "close") close = true;
      else {
        for (const option of value.split(",")) {
          const token = option.trim();
          if (token === "close") close = true;
          else if (token === "keep-alive") keepAlive = true;
          else if (token === "upgrade") upgrades = true;
          else if (framingNames.has(token)) fault = "connectionNominatesFraming";
        }
      }
    } else if (name === "upgrade") upgrade = values[at] ?? "";
    else if (name === "expect" && head.minorVersion === 1) {
      head.expectContinue = (values[at] ?? "").toLowerCase() === "100-continue";
    }
  }
  head.keepAlive = keepAlive && !close;
  head.upgrade = upgrades && head.minorVersion === 1 ? upgrade : null;
  return fault;
}

const framingNames = new Set(["host", "content-length", "transfer-encoding"]);
