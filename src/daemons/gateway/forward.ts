/** Heads as the next hop gets them: hop-by-hop fields removed, forwarding fields set. */
import { isIP, isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";
import type { Fields } from "../../engines/http1/fields.ts";
import { isForwarded, nominatedFields } from "../../engines/http1/hop-by-hop.ts";
import type { ResponseHead } from "../../engines/http1/response.ts";
import { stickyLine } from "./balance.ts";
import { deliveryRequestLines, isCertificateField } from "./forwarding-fields.ts";
import { pageFormFields } from "./page-guard-types.ts";
import { digestFields } from "./response-text.ts";
import type { Exchange } from "./state.ts";

const HTTPS_PORT_DEFAULT = 443;

/**
 * Fields that say who forwarded what. They are ours to set: a client's own are dropped, with
 * underscores too, since CGI cannot tell them apart (`X_Forwarded_For`).
 */
const forwardingFields = new Set([
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-real-ip",
  "x-request-id",
  "x_forwarded_for",
  "x_forwarded_proto",
  "x_forwarded_host",
  "x_real_ip",
  "expect",
]);

/**
 * The scheme that the client used, as a trusted proxy in front of the gateway tells it; the last
 * X-Forwarded-Proto that is a scheme counts. Null when no such proxy says so.
 */
export function forwardedScheme({ head, connection, site }: Exchange): "http" | "https" | null {
  if (site === null || !site.isTrustedProxy(connection.address)) return null;
  const { lower, values } = head.fields;
  for (let at = lower.length - 1; at >= 0; at--) {
    const value = values[at];
    if (lower[at] !== "x-forwarded-proto") continue;
    if (value === "http" || value === "https") return value;
  }
  return null;
}

/**
 * Where a request of a site that is served over HTTPS only belongs. Behind a trusted proxy that
 * told the scheme, the client's port is the proxy's: the default one.
 */
export function httpsLocation(exchange: Exchange): string {
  const { head, connection } = exchange;
  const { httpsPort } = connection.gateway;
  const isDefault = httpsPort === HTTPS_PORT_DEFAULT || forwardedScheme(exchange) !== null;
  const port = isDefault ? "" : `:${httpsPort}`;
  return `https://${head.authority?.host ?? ""}${port}${head.parsedTarget.path}`;
}

/** The request head for the upstream: origin-form target, HTTP/1.1, our forwarding fields. */
export function upstreamRequestHead(exchange: Exchange, upgrade: string | null): string {
  const { head, connection, site } = exchange;
  const { names, lower, values } = head.fields;
  const nominated = nominatedFields(head.fields);
  const isTrusted = site?.isTrustedProxy(connection.address) ?? false;
  const masksText = (site?.delivery?.leakKinds ?? null) !== null;
  const inspectsText = upgrade !== null && site?.delivery?.webSocket?.inspectsText === true;
  const hidesCertificate = (site?.delivery?.clientCertificates ?? "off") !== "off";
  const scheme = forwardedScheme(exchange) ?? (connection.isSecure ? "https" : "http");
  const changes = exchange.policy?.headerChanges ?? null;
  let text = `${head.method} ${head.parsedTarget.path} HTTP/1.1\r\n`;
  let chain = "";
  let host = "";
  let via = "";
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at] ?? "";
    const value = values[at] ?? "";
    if (name === "host") host = value;
    if (exchange.page !== null && pageFormFields.has(name)) continue;
    if (inspectsText && name === "sec-websocket-extensions") continue;
    if (masksText && name === "accept-encoding") continue;
    if (exchange.range === "dropped" && (name === "range" || name === "if-range")) continue;
    if (hidesCertificate && isCertificateField(name)) continue;
    if (name === "via") via += `${value}, `;
    else if (forwardingFields.has(name)) {
      if (isTrusted && name === "x-forwarded-for") chain += `${value}, `;
    } else if (changes?.some((change) => isSameForCgi(change.name, name)) === true) continue;
    else if (isForwarded(name, nominated)) text += `${names[at]}: ${value}\r\n`;
  }
  if (host === "" && head.authority !== null) {
    const { host: name, port } = head.authority;
    host = port === null ? name : `${name}:${port}`;
    text += `Host: ${host}\r\n`;
  }
  for (const { name, value } of changes ?? []) if (value !== null) text += `${name}: ${value}\r\n`;
  // RFC 9110 §12.5.3: without this field any coding would do.
  if (masksText || exchange.page !== null) text += "Accept-Encoding: identity\r\n";
  if (head.framing.kind === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (upgrade !== null) text += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  if (site?.delivery) text += deliveryRequestLines(exchange, scheme, host);
  return `${text}X-Forwarded-For: ${chain}${connection.address}\r\nX-Forwarded-Proto: ${scheme}\r
X-Forwarded-Host: ${host}\r\nX-Request-Id: ${exchange.requestId}\r
Via: ${via}1.${head.minorVersion} cordon\r\n\r\n`;
}

/** CGI (RFC 3875 §4.1.18) and its heirs make one variable of `X-User` and `X_User`. */
const isSameForCgi = (one: string, other: string): boolean =>
  one.replaceAll("_", "-") === other.replaceAll("_", "-");

/** The response head for the client. */
export function clientResponseHead(exchange: Exchange, head: ResponseHead): string {
  const { names, lower, values } = head.fields;
  const nominated = nominatedFields(head.fields);
  const { status } = head;
  let text = `HTTP/1.1 ${status} ${head.reason}\r\n`;
  const setsHsts = exchange.connection.isSecure && (exchange.site?.delivery?.hsts ?? "") !== "";
  const dropsLength = status < 200 || status === 204 || exchange.chunkedOut;
  for (let at = 0; at < lower.length; at++) {
    const name = lower[at] ?? "";
    if (name === "content-length" && dropsLength) continue;
    if (name === "strict-transport-security" && setsHsts) continue;
    if (exchange.mask !== null && digestFields.has(name)) continue;
    if (isForwarded(name, nominated)) text += `${names[at]}: ${values[at]}\r\n`;
  }
  if (status < 200) return `${text}\r\n`;
  if (exchange.chunkedOut) text += "Transfer-Encoding: chunked\r\n";
  if (!exchange.keepClient) text += "Connection: close\r\n";
  else if (exchange.head.minorVersion === 0) text += "Connection: keep-alive\r\n";
  if (exchange.site?.delivery) text += deliveryLines(exchange);
  return `${text}X-Request-Id: ${exchange.requestId}\r\n\r\n`;
}

/** Response fields that the delivery of the site adds. */
function deliveryLines(exchange: Exchange): string {
  const hsts = exchange.connection.isSecure ? (exchange.site?.delivery?.hsts ?? "") : "";
  const line = hsts === "" ? "" : `Strict-Transport-Security: ${hsts}\r\n`;
  return line + stickyLine(exchange);
}

/** The 101 head, with the Upgrade the upstream chose. */
export function switchingHead(head: ResponseHead): string {
  let text = `HTTP/1.1 101 ${head.reason}\r\n`;
  const { names, lower, values }: Fields = head.fields;
  for (let at = 0; at < lower.length; at++) {
    if (lower[at] === "content-length" || lower[at] === "transfer-encoding") continue;
    text += `${names[at]}: ${values[at]}\r\n`;
  }
  return `${text}\r\n`;
}

/**
 * The address that the request is attributed to: the peer, or behind trusted proxies the last
 * address of X-Forwarded-For that is not one of them.
 */
export function clientAddressOf(
  peer: string,
  fields: Fields,
  isTrustedProxy: (address: string) => boolean,
): string {
  if (!isTrustedProxy(peer)) return peer;
  const chain = fields.values
    .filter((_, at) => fields.lower[at] === "x-forwarded-for")
    .join(",")
    .split(",");
  for (let at = chain.length - 1; at >= 0; at--) {
    const address = forwardedAddress((chain[at] ?? "").trim());
    if (address === null) return peer;
    if (!isTrustedProxy(address)) return address;
  }
  return peer;
}

/**
 * An address as proxies write it, some with a port (`1.2.3.4:5`, `[2001:db8::1]:5`). One spelling
 * for each address, and IPv4 for what is mapped: countries, limits and bans compare texts.
 */
function forwardedAddress(text: string): string | null {
  const [, inBrackets, beforePort] = /^(?:\[([^\]]+)\](?::\d+)?|([\d.]+):\d+)$/.exec(text) ?? [];
  const bare = inBrackets ?? beforePort ?? text;
  if (isIP(bare) === 0) return null;
  return isIPv4(bare) ? bare : ipaddr.process(bare).toString();
}
