/** Which requests a site refuses for the way they arrived: its port, PROXY header, TLS. */
import { answerOwn } from "./answer.ts";
import type { Exchange, Site } from "./state.ts";

/** Answers and returns true when the request may not be served for this site as it came. */
export function refusedArrival(exchange: Exchange, site: Site): boolean {
  const refusal = refusalOf(exchange, site);
  if (refusal === null) return false;
  answerOwn(exchange, refusal[0], refusal[1]);
  return true;
}

function refusalOf({ connection }: Exchange, site: Site): [number, string] | null {
  const { delivery, intent, tlsServer } = site;
  const { socket, gateway, isSecure, tlsSiteId, clientCertificate } = connection;
  const port = socket.localPort ?? 0;
  if (gateway.extraPorts.has(port)) {
    const ports = isSecure ? delivery?.httpsPorts : delivery?.httpPorts;
    if (ports?.includes(port) !== true) return [404, "noSuchSite"];
  }
  if (connection.proxied === null && delivery?.sendsProxyHeader(connection.peerAddress) === true) {
    return [400, "proxyHeaderMissing"];
  }
  // A certificate shown for one site proves nothing for another that shares the connection, and a
  // handshake by other rules proves too little (RFC 9110 §15.5.20).
  const wanted = tlsServer === null ? null : intent.siteId;
  if (isSecure && tlsSiteId !== wanted) return [421, "hostOfAnotherHandshake"];
  if (delivery === null || delivery.clientCertificates === "off") return null;
  if (delivery.clientCertificates === "required" && clientCertificate === null) {
    return [403, "clientCertificateMissing"];
  }
  return clientCertificate?.isVerified === false ? [403, "clientCertificateNotTrusted"] : null;
}
