/** TLS towards upstreams as node:tls and node:http2 take it. */
import type { UpstreamTls } from "./delivery.ts";

/** Options of a TLS connection to an upstream. */
export function tlsOptions(tls: UpstreamTls) {
  const { context, serverName, verifies } = tls;
  // RFC 6066 §3 allows no address as server name; the certificate must name the address then.
  const isAddress = /^[\d.]+$/.test(serverName) || serverName.includes(":");
  return {
    secureContext: context,
    rejectUnauthorized: verifies,
    ...(isAddress ? {} : { servername: serverName }),
  };
}
