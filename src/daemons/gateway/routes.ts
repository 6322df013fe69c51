/** Turns an intent into what the request path looks up: sites by host, certificates, sources. */
import { createSecureContext, type SecureContext } from "node:tls";
import { deliveryOf } from "./delivery.ts";
import type { Inspector } from "./inspect.ts";
import { noInspector } from "./inspect.ts";
import { cidrMatcher, type GatewayIntent, parseUpstream, type SiteIntent } from "./intent.ts";
import { pageGuard } from "./page-guard.ts";
import {
  compileSitePolicy,
  intentOfRoute,
  type PolicyResources,
  strictIntent,
} from "./policy/site-policy.ts";
import { requestRecorder } from "./request-record.ts";
import { compileSources } from "./source-list.ts";
import type { Gateway, Routes, Site } from "./state.ts";
import { upstreamOf } from "./upstream.ts";
import { userReader } from "./user-audit/user-reader.ts";

/** The routes of a worker that has no intent yet. */
export const noRoutes: Routes = {
  version: 0,
  sites: [],
  exact: new Map(),
  wildcard: new Map(),
  sources: { prefixes: [] },
  challenges: new Map(),
  inspector: noInspector,
  hasOwnTls: false,
  sendsProxyHeader: null,
};

/** Builds routes from a validated intent without touching those in use. */
export function buildRoutes(
  gateway: Gateway,
  intent: GatewayIntent,
  { inspector, resources }: { inspector: Inspector; resources: PolicyResources },
): Routes {
  const exact = new Map<string, Site>();
  const wildcard = new Map<string, Site>();
  const sites = intent.sites.map((site) => buildSite(gateway, site, resources));
  for (const site of sites) {
    const intentSite = site.intent;
    for (const domain of intentSite.domains) {
      if (domain.startsWith("*.")) wildcard.set(domain.substring(2), site);
      else exact.set(domain, site);
    }
  }
  const sources = compileSources(intent.sources);
  const challenges = new Map(
    (intent.challenges ?? []).map(({ domain, token, keyAuthorization }) => [
      `${domain}/${token}`,
      keyAuthorization,
    ]),
  );
  const { version } = intent;
  return {
    ...{ version, sites, exact, wildcard, sources, challenges, inspector },
    hasOwnTls: sites.some(({ tlsServer }) => tlsServer !== null),
    sendsProxyHeader: proxyHeaderSenders(intent),
  };
}

/** Load balancers of any site; only the operator's account may name them. */
function proxyHeaderSenders({ sites }: GatewayIntent): Routes["sendsProxyHeader"] {
  const cidrs = sites.flatMap(({ delivery }) => delivery?.protocol?.proxyProtocolFrom ?? []);
  return cidrs.length === 0 ? null : cidrMatcher(cidrs);
}

/** The guard of the same site in the routes in use: what it has seen is not forgotten. */
const guardBefore = ({ routes }: Gateway, { siteId, delivery }: SiteIntent) =>
  delivery?.pages === undefined
    ? null
    : (routes.sites.find(({ intent }) => intent.siteId === siteId)?.guard ?? null);

function buildSite(gateway: Gateway, intent: SiteIntent, resources: PolicyResources): Site {
  const upstreams = intent.upstreams.flatMap((text) => {
    const place = parseUpstream(text);
    return place === null ? [] : [upstreamOf(gateway, intent, place)];
  });
  const site: Site = {
    intent,
    upstreams,
    next: 0,
    secureContext: secureContextOf(intent),
    isTrustedProxy: cidrMatcher(intent.trustedProxies),
    delivery: deliveryOf(intent),
    tlsServer: gateway.ownTlsServer(intent),
    policy:
      intent.policy === undefined ? null : compileSitePolicy(intent, intent.policy, resources),
    routes: [],
    strictRoutes: [],
    guard: pageGuard(intent.delivery?.pages, guardBefore(gateway, intent), gateway.copies.keep),
    userReader: userReader(intent.userAudit),
    recorder: requestRecorder(intent),
  };
  const routes = (intent.policy?.routes ?? []).map((route) => ({
    ...site,
    intent: intentOfRoute(intent, route),
  }));
  const strictRoutes = routes.map((there) => ({
    ...site,
    intent: strictIntent(intent, there.intent),
  }));
  return { ...site, routes, strictRoutes };
}

function secureContextOf(intent: SiteIntent): SecureContext | null {
  if (intent.certificatePem === "") return null;
  const { certificatePem: cert, privateKeyPem: key } = intent;
  return createSecureContext({ cert, key, minVersion: "TLSv1.2" });
}

const CHALLENGE_PATH = "/.well-known/acme-challenge/";

/** The proof that a path of a host is asked for (RFC 8555 §8.3), if there is one. */
export function challengeOf(routes: Routes, host: string, path: string): string | undefined {
  if (routes.challenges.size === 0 || !path.startsWith(CHALLENGE_PATH)) return undefined;
  return routes.challenges.get(`${host}/${path.substring(CHALLENGE_PATH.length)}`);
}

/** The site of a lower-case host: the exact name, else the nearest wildcard above it. */
export function siteOf(routes: Routes, host: string): Site | null {
  const site = routes.exact.get(host);
  if (site !== undefined) return site;
  if (routes.wildcard.size === 0) return null;
  let dot = host.indexOf(".");
  while (dot >= 0) {
    const above = routes.wildcard.get(host.substring(dot + 1));
    if (above !== undefined) return above;
    dot = host.indexOf(".", dot + 1);
  }
  return null;
}
