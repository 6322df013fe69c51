/** What the upstream is told beside X-Forwarded: Forwarded, and the client's certificate. */
import type { Fields } from "../../engines/http1/fields.ts";
import type { Exchange } from "./state.ts";

/** Names of the fields about a client's certificate begin so; `_` stands for `-` (CGI). */
const certificatePrefix = "x-client-certificate-";

/** Whether a client's own field must not reach an upstream that trusts what we say here. */
export const isCertificateField = (lowerName: string): boolean =>
  lowerName.replaceAll("_", "-").startsWith(certificatePrefix);

/** The lines that the delivery of the site adds to a request. */
export function deliveryRequestLines(exchange: Exchange, scheme: string, host: string): string {
  const { site, connection, head } = exchange;
  const delivery = site?.delivery ?? null;
  if (delivery === null) return "";
  let text = "";
  if (delivery.forwardedHeader) {
    const isTrusted = site?.isTrustedProxy(connection.address) ?? false;
    const before = isTrusted ? chainOf(head.fields) : "";
    text += `Forwarded: ${before}${elementOf(connection.address, scheme, host)}\r\n`;
  }
  if (delivery.clientCertificates === "off") return text;
  const certificate = connection.clientCertificate;
  if (certificate === null) return `${text}X-Client-Certificate-Verify: NONE\r\n`;
  return `${text}X-Client-Certificate-Verify: SUCCESS\r
X-Client-Certificate-Subject: ${certificate.subject}\r
X-Client-Certificate-Issuer: ${certificate.issuer}\r
X-Client-Certificate-Serial: ${certificate.serialNumber}\r
X-Client-Certificate-Fingerprint: ${certificate.fingerprint}\r\n`;
}

function chainOf({ lower, values }: Fields): string {
  let chain = "";
  for (let at = 0; at < lower.length; at++) {
    if (lower[at] === "forwarded" && values[at] !== "") chain += `${values[at]}, `;
  }
  return chain;
}

/** One forwarded-element (RFC 7239 §4): IPv6 addresses and hosts with a port need quotes. */
function elementOf(address: string, scheme: string, host: string): string {
  const from = address.includes(":") ? `"[${address}]"` : address;
  const named = /^[\w.-]+$/.test(host) ? host : `"${host.replace(/["\\]/g, "")}"`;
  return `for=${from};host=${named};proto=${scheme}`;
}
