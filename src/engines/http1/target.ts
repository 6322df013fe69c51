/**
 * Request target and Host: RFC 9112 §3.2 forms, RFC 9110 §7.2 authority; no decoding, no resolving.
 */
import { allIn, hostChars, ipv6Chars, targetChars } from "./grammar.ts";

/** A host in lower case (IPv6 in brackets) and its port, null when none is given. */
export type Authority = { readonly host: string; readonly port: number | null };

export type TargetForm = "origin" | "absolute" | "authority" | "asterisk" | "invalid";

/** `path`: what an origin server is asked for (`/…`, `*`, or the authority of CONNECT). */
export type Target = {
  readonly form: TargetForm;
  readonly path: string;
  readonly scheme: "http" | "https" | null;
  readonly authority: Authority | null;
};

const PORT_MAX = 65_535;
const HOST_BYTES_MAX = 255;
const invalid = (path: string): Target => ({
  form: "invalid",
  path,
  scheme: null,
  authority: null,
});

/** Parses the request target that `method` came with; the form is `invalid` when it breaks §3.2. */
export function parseTarget(method: string, target: string): Target {
  if (target.length === 0 || !allIn(targetChars, target)) return invalid(target);
  if (method === "CONNECT") {
    const authority = parseAuthority(target);
    if (authority === null || authority.port === null) return invalid(target);
    return { form: "authority", path: target, scheme: null, authority };
  }
  if (target.charCodeAt(0) === 47) {
    return { form: "origin", path: target, scheme: null, authority: null };
  }
  if (target === "*") {
    if (method !== "OPTIONS") return invalid(target);
    return { form: "asterisk", path: "*", scheme: null, authority: null };
  }
  return parseAbsolute(method, target);
}

/** absolute-form of http and https without userinfo (RFC 9110 §4.2.4). */
function parseAbsolute(method: string, target: string): Target {
  const colon = target.indexOf("://");
  const scheme = colon < 0 ? "" : target.substring(0, colon).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return invalid(target);
  const start = colon + 3;
  let end = start;
  while (end < target.length && target[end] !== "/" && target[end] !== "?") end++;
  const authority = parseAuthority(target.substring(start, end));
  if (authority === null) return invalid(target);
  const rest = target.substring(end);
  // RFC 9112 §3.2.4: OPTIONS without a path asks about the server as a whole.
  const empty = method === "OPTIONS" ? "*" : "/";
  const path = rest === "" ? empty : rest.startsWith("/") ? rest : `/${rest}`;
  return { form: "absolute", path, scheme, authority };
}

/** Parses `host[:port]`; null when it is no host name, IPv4 or bracketed IPv6 with a valid port. */
export function parseAuthority(text: string): Authority | null {
  let hostEnd: number;
  if (text.charCodeAt(0) === 91) {
    hostEnd = text.indexOf("]") + 1;
    if (hostEnd < 4 || !allIn(ipv6Chars, text, 1, hostEnd - 1)) return null;
  } else {
    const colon = text.indexOf(":");
    hostEnd = colon < 0 ? text.length : colon;
    if (hostEnd === 0 || !allIn(hostChars, text, 0, hostEnd)) return null;
  }
  if (hostEnd > HOST_BYTES_MAX) return null;
  const host = text.substring(0, hostEnd).toLowerCase();
  if (hostEnd === text.length) return { host, port: null };
  if (text.charCodeAt(hostEnd) !== 58) return null;
  const port = parsePort(text, hostEnd + 1);
  return port < 0 ? null : { host, port: port === 0 ? null : port };
}

/**
 * Digits from `start` to the end: 1 to 65535; 0 for an empty port (RFC 3986 §3.2.3); -1 otherwise.
 */
function parsePort(text: string, start: number): number {
  if (start === text.length) return 0;
  if (text.length - start > 5) return -1;
  let port = 0;
  for (let at = start; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) return -1;
    port = port * 10 + digit;
  }
  return port >= 1 && port <= PORT_MAX ? port : -1;
}

/** Whether two authorities name the same host and port under a scheme (default 80 or 443). */
export function sameAuthority(a: Authority, b: Authority, scheme: "http" | "https"): boolean {
  const standard = scheme === "https" ? 443 : 80;
  return a.host === b.host && (a.port ?? standard) === (b.port ?? standard);
}
