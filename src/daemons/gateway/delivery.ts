/** The delivery of one site as the request path looks it up, made once for each intent. */
import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import type { LeakKind } from "../../engines/leaks/mask.ts";
import {
  type ContentSettings,
  protocolDefaults,
  type SiteDelivery,
  tlsDefaults,
  type UpstreamSettings,
  upstreamDefaults,
} from "../../kernel/intent/site-delivery.ts";
import { cidrMatcher, type SiteIntent, type UpstreamPlace } from "./intent.ts";
import { leakKinds } from "./leak-kinds.ts";

/** How one upstream is spoken to and watched; null settings of a site mean the gateway's limits. */
export type UpstreamPolicy = {
  readonly settings: UpstreamSettings;
  readonly siteId: string;
  readonly weight: number;
  /** The value of the sticky cookie that means this upstream. */
  readonly stickyId: string;
  /** Host named in health checks. */
  readonly healthHost: string;
};

/** TLS towards one upstream. */
export type UpstreamTls = {
  readonly context: SecureContext;
  readonly serverName: string;
  readonly verifies: boolean;
};

/** What concerns requests of a site, beside its upstreams. */
export type Delivery = {
  readonly stickyCookie: string;
  /** Upstreams are spoken to in HTTP/2: bodies of gRPC stream past the rules in both directions. */
  readonly speaksHttp2: boolean;
  /** The value of Strict-Transport-Security; empty = none. */
  readonly hsts: string;
  readonly clientCertificates: "off" | "optional" | "required";
  readonly forwardedHeader: boolean;
  /** Whether connections of this address must begin with a PROXY header. */
  readonly sendsProxyHeader: (address: string) => boolean;
  readonly leakKinds: ReadonlySet<LeakKind> | null;
  /** Null: upgraded connections are not looked at. */
  readonly webSocket: WebSocketPolicy | null;
  readonly httpPorts: readonly number[];
  readonly httpsPorts: readonly number[];
};

export type WebSocketPolicy = {
  readonly frameBytesMax: number;
  readonly messageBytesMax: number;
  readonly messagesPerSecondMax: number;
  readonly inspectsText: boolean;
};

/** The delivery of a site; null when it has no settings of its own. */
export function deliveryOf({ delivery }: SiteIntent): Delivery | null {
  if (delivery === undefined) return null;
  const tls = delivery.tls ?? tlsDefaults;
  const protocol = delivery.protocol ?? protocolDefaults;
  return {
    stickyCookie: delivery.upstream?.stickyCookie ?? "",
    speaksHttp2: delivery.upstream?.protocol === "http2",
    hsts: hstsOf(tls),
    clientCertificates: tls.clientCertificates,
    forwardedHeader: protocol.forwardedHeader,
    sendsProxyHeader: cidrMatcher(protocol.proxyProtocolFrom),
    leakKinds: leakKinds(delivery.leaks),
    webSocket: webSocketOf(delivery.content),
    httpPorts: protocol.httpPorts,
    httpsPorts: protocol.httpsPorts,
  };
}

function webSocketOf(content: ContentSettings | undefined): WebSocketPolicy | null {
  if (content === undefined) return null;
  const policy = {
    frameBytesMax: content.webSocketFrameBytesMax,
    messageBytesMax: content.webSocketMessageBytesMax,
    messagesPerSecondMax: content.webSocketMessagesPerSecondMax,
    inspectsText: content.webSocketInspectText,
  };
  const { frameBytesMax, messageBytesMax, messagesPerSecondMax, inspectsText } = policy;
  const isNone = frameBytesMax + messageBytesMax + messagesPerSecondMax === 0 && !inspectsText;
  return isNone ? null : policy;
}

function hstsOf(tls: typeof tlsDefaults): string {
  if (tls.hstsMaxAgeSeconds === 0) return "";
  const subdomains = tls.hstsIncludeSubdomains ? "; includeSubDomains" : "";
  const preload = tls.hstsPreload ? "; preload" : "";
  return `max-age=${tls.hstsMaxAgeSeconds}${subdomains}${preload}`;
}

/** Key, policy and TLS of one upstream of a site. Upstreams of equal keys share their pool. */
export function upstreamPlan(
  site: SiteIntent,
  place: UpstreamPlace,
): { key: string; policy: UpstreamPolicy | null; tls: UpstreamTls | null } {
  const { upstream, upstreamIdentity } = site.delivery ?? {};
  if (upstream === undefined) {
    return { key: place.origin, policy: null, tls: place.isSecure ? tlsOf(place, {}) : null };
  }
  const made = createHash("sha256").update(JSON.stringify([upstream, upstreamIdentity]));
  const identity = createHash("sha256").update(`${site.siteId} ${place.origin}`);
  const [domain = ""] = site.domains.filter((name) => !name.startsWith("*."));
  return {
    key: `${place.origin} ${site.siteId} ${made.digest("hex")}`,
    policy: {
      settings: upstream,
      siteId: site.siteId,
      weight: weightOf(upstream, place.origin),
      stickyId: identity.digest("hex").slice(0, 16),
      healthHost: domain === "" ? place.host : domain,
    },
    tls: place.isSecure ? tlsOf(place, site.delivery ?? {}) : null,
  };
}

function weightOf({ weights }: UpstreamSettings, origin: string): number {
  const text = weights.find((one) => one.slice(0, one.lastIndexOf("=")) === origin);
  return text === undefined ? 1 : Number(text.slice(text.lastIndexOf("=") + 1));
}

function tlsOf(place: UpstreamPlace, delivery: SiteDelivery): UpstreamTls {
  const { serverName, verifyCertificate, authoritiesPem } = delivery.upstream ?? upstreamDefaults;
  const { certificatePem: cert, privateKeyPem: key } = delivery.upstreamIdentity ?? {};
  const context = createSecureContext({
    minVersion: "TLSv1.2",
    ...(authoritiesPem === "" ? {} : { ca: authoritiesPem }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  });
  return {
    context,
    serverName: serverName === "" ? place.host : serverName,
    verifies: verifyCertificate,
  };
}
