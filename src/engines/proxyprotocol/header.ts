/**
 * Reads the PROXY protocol header, version 1 and 2, that a load balancer writes before the first
 * byte of a connection ("The PROXY protocol", versions 1 & 2, HAProxy, 2020). Strict: a header
 * that breaks the form is invalid, never a guess.
 */
import ipaddr from "ipaddr.js";

export const proxyHeaderLimits = {
  /** §2.1: a version 1 line with its CRLF. */
  lineBytesMax: 107,
  /** Version 2: the fixed part, addresses and extensions that are skipped. */
  binaryBytesMax: 4_096,
} as const;

/** Where the connection came from; null for LOCAL and UNKNOWN: the balancer's own. */
export type ProxySource = { readonly address: string; readonly port: number } | null;

export type ProxyHeader =
  | { readonly kind: "more" }
  /** These bytes do not begin with a header. */
  | { readonly kind: "none" }
  | { readonly kind: "invalid" }
  /** `bytes`: how long the header is. */
  | { readonly kind: "header"; readonly bytes: number; readonly source: ProxySource };

const more: ProxyHeader = { kind: "more" };
const none: ProxyHeader = { kind: "none" };
const invalid: ProxyHeader = { kind: "invalid" };

/** CR LF CR LF NUL CR LF `QUIT` LF. */
const signatureHex = "0d0a0d0a000d0a515549540a";
const signature = Buffer.from(signatureHex, "hex");
const lineStarts = ["PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN"];

/** The header at the begin of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  const shared = Math.min(bytes.length, signature.length);
  if (bytes.subarray(0, shared).equals(signature.subarray(0, shared))) {
    return bytes.length < 16 ? more : readBinary(bytes);
  }
  const text = bytes.toString("latin1", 0, proxyHeaderLimits.lineBytesMax);
  if (lineStarts.some((start) => text.startsWith(start))) return readLine(text);
  // As long as it may still become one of them.
  return lineStarts.some((start) => start.startsWith(text)) ? more : none;
}

function readLine(text: string): ProxyHeader {
  const end = text.indexOf("\r\n");
  if (end < 0) return text.length >= proxyHeaderLimits.lineBytesMax ? invalid : more;
  const bytes = end + 2;
  const [, family, source = "", target = "", sourcePort = "", targetPort = "", ...rest] = text
    .slice(0, end)
    .split(" ");
  if (family === "UNKNOWN") return { kind: "header", bytes, source: null };
  const isAddress = family === "TCP4" ? isIPv4 : isIPv6;
  const port = portOf(sourcePort);
  const isWhole = rest.length === 0 && port >= 0 && portOf(targetPort) >= 0;
  if (!isWhole || !isAddress(source) || !isAddress(target)) return invalid;
  return { kind: "header", bytes, source: { address: canonical(source), port } };
}

const isIPv4 = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text);
const isIPv6 = (text: string): boolean => !text.includes("%") && ipaddr.IPv6.isValid(text);

/** The shortest form; an IPv4 address that is mapped into IPv6 is that IPv4 address. */
const canonical = (text: string): string => ipaddr.process(text).toString();

/** Digits without leading zeros, 0 to 65535, else -1. */
function portOf(text: string): number {
  if (!/^(0|[1-9]\d{0,4})$/.test(text)) return -1;
  const port = Number(text);
  return port <= 65_535 ? port : -1;
}

/** §2.2: version and command, family and protocol, length, addresses. */
function readBinary(bytes: Buffer): ProxyHeader {
  const version = bytes[12] ?? 0;
  const family = bytes[13] ?? 0;
  const length = bytes.readUInt16BE(14);
  const total = 16 + length;
  if (version >> 4 !== 2 || (version & 15) > 1) return invalid;
  if (total > proxyHeaderLimits.binaryBytesMax) return invalid;
  if (bytes.length < total) return more;
  // §2.2: of a connection of the balancer's own, what follows is skipped, its family unread.
  if ((version & 15) === 0) return { kind: "header", bytes: total, source: null };
  // 0x11 is TCP over IPv4, 0x21 over IPv6; every other family is accepted without its address.
  if (family !== 0x11 && family !== 0x21) {
    return family >> 4 > 3 || (family & 15) > 2
      ? invalid
      : { kind: "header", bytes: total, source: null };
  }
  const addressBytes = family === 0x11 ? 4 : 16;
  if (length < 2 * addressBytes + 4) return invalid;
  const address = canonical(addressText(bytes.subarray(16, 16 + addressBytes)));
  const port = bytes.readUInt16BE(16 + 2 * addressBytes);
  return { kind: "header", bytes: total, source: { address, port } };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join(".");
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return groups.join(":");
}
