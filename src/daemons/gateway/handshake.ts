/** TLS with clients: one server for all sites, and one for each site whose settings differ. */
import { createHash } from "node:crypto";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { ja4 } from "../../engines/tls/ja4.ts";
import { protocolDefaults, type TlsSettings } from "../../kernel/intent/site-delivery.ts";
import { serveConnection } from "./connection.ts";
import { serveHttp2 } from "./http2-front.ts";
import type { SiteIntent } from "./intent.ts";
import { socketKey } from "./listeners.ts";
import { siteOf } from "./routes.ts";
import type { Arrival, Gateway } from "./state.ts";

/** Mozilla's server-side TLS guidelines 5.7, as OpenSSL names them; TLS 1.3 has its own three. */
const intermediateCiphers = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "DHE-RSA-AES128-GCM-SHA256",
  "DHE-RSA-AES256-GCM-SHA384",
  "DHE-RSA-CHACHA20-POLY1305",
].join(":");

/** The handshake of every site without TLS settings of its own. */
export function commonTlsServer(gateway: Gateway): Server {
  return tlsServer(gateway, null, {
    minVersion: "TLSv1.2",
    ciphers: intermediateCiphers,
    dhparam: "auto",
    SNICallback: (name, done) => {
      const site = siteOf(gateway.routes, name.toLowerCase());
      // A site with a handshake of its own is never served by this one: it may ask for less.
      if (site?.secureContext && site.tlsServer === null) done(null, site.secureContext);
      else done(new Error(`no certificate for ${name}`));
    },
  });
}

/** The handshake of one site; null when that of all sites will do. */
export function ownTlsServer(gateway: Gateway, intent: SiteIntent): Server | null {
  const tls = intent.delivery?.tls;
  if (tls === undefined || intent.certificatePem === "" || !differs(tls)) return null;
  const { certificatePem: cert, privateKeyPem: key } = intent;
  const asks = tls.clientCertificates !== "off";
  return tlsServer(gateway, intent.siteId, {
    cert,
    key,
    minVersion: tls.minimumVersion,
    maxVersion: tls.maximumVersion,
    ciphers: intermediateCiphers,
    dhparam: "auto",
    ...(asks ? { requestCert: true, ca: tls.clientAuthoritiesPem } : {}),
    // `optional` lets the handshake pass: what was shown and is not good is refused with a page.
    rejectUnauthorized: tls.clientCertificates === "required",
    // Tickets of one site open no session of another, whatever the process shares.
    sessionIdContext: createHash("sha256").update(intent.siteId).digest("hex").slice(0, 32),
  });
}

const differs = (tls: TlsSettings): boolean =>
  tls.minimumVersion !== "TLSv1.2" ||
  tls.maximumVersion !== "TLSv1.3" ||
  tls.clientCertificates !== "off";

function tlsServer(gateway: Gateway, tlsSiteId: string | null, options: TlsOptions): Server {
  const server = createServer(
    {
      noDelay: true,
      allowHalfOpen: true,
      handshakeTimeout: gateway.limits.handshakeTimeoutMs,
      ALPNCallback: ({ servername, protocols }) => {
        const { intent } = siteOf(gateway.routes, servername.toLowerCase()) ?? {};
        const { http2 } = intent?.delivery?.protocol ?? protocolDefaults;
        if (http2 && protocols.includes("h2")) return "h2";
        // Undefined ends the handshake with no_application_protocol (RFC 7301 §3.2).
        return protocols.includes("http/1.1") ? "http/1.1" : undefined;
      },
      ...options,
    },
    (socket) => onSecure(gateway, socket, tlsSiteId),
  );
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

function onSecure(gateway: Gateway, socket: TLSSocket, tlsSiteId: string | null): void {
  const key = socketKey(socket);
  const found = gateway.handshakes.get(key);
  gateway.handshakes.delete(key);
  clearTimeout(found?.deadline);
  const { servername } = socket;
  const arrival: Arrival = {
    isSecure: true,
    serverName: typeof servername === "string" ? servername.toLowerCase() : "",
    proxied: found?.proxied ?? null,
    // Here and not before: who never ends a handshake costs no hashing.
    ja4: found === undefined || found.hello === null ? "" : ja4(found.hello),
    clientCertificate: tlsSiteId === null ? null : certificateOf(socket),
    tlsSiteId,
    front: null,
  };
  if (socket.alpnProtocol === "h2") serveHttp2(gateway, socket, arrival);
  else serveConnection(gateway, socket, arrival);
}

/** What the client showed; `isVerified` false when no authority of the site stands behind it. */
function certificateOf(socket: TLSSocket): Arrival["clientCertificate"] {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const { subject, issuer, serialNumber, fingerprint256 } = certificate;
  return {
    isVerified: socket.authorized,
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    serialNumber,
    fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
  };
}

/** Names as one line of printable ASCII; everything else, and `%`, is percent-encoded UTF-8. */
function oneLine(name: string | undefined): string {
  const line = (name ?? "").trimEnd().replaceAll("\n", ", ");
  return line.replace(/[^\x20-\x24\x26-\x7e]/gu, (char) => {
    const bytes = Buffer.from(char, "utf8");
    return [...bytes]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join("");
  });
}
