/** The desired state of one gateway: a document, its schema and its validation. No I/O. */
import { BlockList, isIP } from "node:net";
import { createSecureContext } from "node:tls";
import { Compile } from "typebox/compile";
import { GatewayIntent, type SiteIntent } from "../../kernel/intent/gateway-document.ts";
import { deliveryFaults } from "./delivery-faults.ts";

export type {
  GatewayIntent,
  SiteIntent,
  SourceIntent,
} from "../../kernel/intent/gateway-document.ts";

/** A fault of an intent; `siteId` is null when it concerns the document as a whole. */
export type IntentFault = { siteId: string | null; path: string; message: string };

/** `ok: false`: nothing of it can be used. Else the faults concern single sites and sources. */
export type IntentResult =
  | { ok: true; intent: GatewayIntent; faults: IntentFault[] }
  | { ok: false; version: number | null; faults: IntentFault[] };

const FAULTS_MAX = 50;
const compiled = Compile(GatewayIntent);
const domainForm = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,62})\.)*[a-z0-9_][a-z0-9_-]{0,62}$/;

/** Validates a document: shape first, then what the schema cannot say. */
export function readIntent(document: unknown): IntentResult {
  if (!compiled.Check(document)) {
    const faults = compiled
      .Errors(document)
      .slice(0, FAULTS_MAX)
      .map((error) => {
        const site = /^\/sites\/(\d+)/.exec(error.instancePath)?.[1];
        const siteId = site === undefined ? null : siteIdAt(document, Number(site));
        return { siteId, path: error.instancePath, message: error.message };
      });
    return { ok: false, version: versionOf(document), faults };
  }
  const faults: IntentFault[] = [];
  const owners = new Map<string, string>();
  const rulesets = new Set(document.rulesets.map(({ name }) => name));
  document.sites.forEach((site, at) => {
    const say = (field: string, message: string) =>
      faults.push({ siteId: site.siteId, path: `/sites/${at}/${field}`, message });
    checkSite(site, rulesets, say);
    for (const domain of site.domains) {
      const owner = owners.get(domain);
      if (owner !== undefined) say("domains", `"${domain}" belongs to site ${owner} already`);
      owners.set(domain, site.siteId);
    }
  });
  document.sources.forEach((source, at) => {
    const path = `/sources/${at}`;
    if (parseCidr(source.cidr) === null) {
      faults.push({ siteId: source.siteId, path, message: `"${source.cidr}" is no CIDR` });
    }
    if (source.expiresAt !== null && Number.isNaN(Date.parse(source.expiresAt))) {
      faults.push({ siteId: source.siteId, path, message: `"${source.expiresAt}" is no time` });
    }
  });
  return { ok: true, intent: document, faults };
}

/**
 * The intent that can be applied: a site with a fault keeps its settings of `previous`, or stays
 * out when it had none, so that one site's fault never holds up another's change.
 */
export function settleIntent(
  intent: GatewayIntent,
  faults: readonly IntentFault[],
  previous: GatewayIntent | null,
): GatewayIntent {
  if (faults.length === 0) return intent;
  const faulty = new Set(faults.map(({ siteId }) => siteId));
  const sites = intent.sites.flatMap((site) => {
    if (!faulty.has(site.siteId)) return [site];
    const before = previous?.sites.find(({ siteId }) => siteId === site.siteId);
    return before === undefined ? [] : [before];
  });
  const sources = intent.sources.filter(
    ({ cidr, expiresAt }) =>
      parseCidr(cidr) !== null && !(expiresAt !== null && Number.isNaN(Date.parse(expiresAt))),
  );
  const missing = (previous?.rulesets ?? []).filter(
    ({ name }) => !intent.rulesets.some((ruleset) => ruleset.name === name),
  );
  return { ...intent, sites, sources, rulesets: [...intent.rulesets, ...missing] };
}

function checkSite(
  site: SiteIntent,
  rulesets: ReadonlySet<string>,
  say: (field: string, message: string) => void,
): void {
  for (const domain of site.domains) {
    if (!domainForm.test(domain)) say("domains", `"${domain}" is no lower-case host or *.host`);
  }
  for (const upstream of site.upstreams) {
    if (parseUpstream(upstream) === null) {
      say("upstreams", `"${upstream}" is not of the form http://host:port or https://host:port`);
    }
  }
  for (const cidr of site.trustedProxies) {
    if (parseCidr(cidr) === null) say("trustedProxies", `"${cidr}" is no CIDR`);
  }
  if (site.ruleset !== "" && site.mode !== "off" && !rulesets.has(site.ruleset)) {
    say("ruleset", `"${site.ruleset}" is not among the rule sets of this intent`);
  }
  const fault = certificateFault(site);
  if (fault !== null) say("certificatePem", fault);
  for (const { field, message } of deliveryFaults(site.delivery)) {
    say(`delivery/${field}`, message);
  }
}

/** Address text and prefix length of a CIDR or a bare address; null when it is neither. */
export function parseCidr(text: string): { address: string; prefix: number; family: 4 | 6 } | null {
  const [address = "", length, ...rest] = text.split("/");
  const family = isIP(address);
  if (rest.length > 0 || (family !== 4 && family !== 6)) return null;
  const bits = family === 4 ? 32 : 128;
  if (length === undefined) return { address, prefix: bits, family };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bits) return null;
  return { address, prefix: Number(length), family };
}

/** Where an upstream is. */
export type UpstreamPlace = {
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
};

/** An upstream `http://host:port` or `https://host:port`; null when it is no such URL. */
export function parseUpstream(text: string): UpstreamPlace | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const { protocol, pathname, search, username, hostname, port } = url;
  const isSecure = protocol === "https:";
  if (!isSecure && protocol !== "http:") return null;
  if (pathname !== "/" || search !== "" || username !== "" || hostname === "") return null;
  const host = hostname.replace(/^\[|\]$/g, "");
  const standard = isSecure ? 443 : 80;
  return { origin: url.origin, host, port: port === "" ? standard : Number(port), isSecure };
}

/** A matcher for a few CIDRs. */
export function cidrMatcher(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false;
  const list = new BlockList();
  for (const text of cidrs) {
    const cidr = parseCidr(text);
    if (cidr) list.addSubnet(cidr.address, cidr.prefix, cidr.family === 4 ? "ipv4" : "ipv6");
  }
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

function certificateFault(site: SiteIntent): string | null {
  if (site.certificatePem === "") return null;
  try {
    createSecureContext({ cert: site.certificatePem, key: site.privateKeyPem });
    return null;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `Cannot use the certificate with its key: ${why}`;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const versionOf = (document: unknown): number | null =>
  isRecord(document) && typeof document.version === "number" ? document.version : null;

function siteIdAt(document: unknown, at: number): string | null {
  const sites = isRecord(document) ? document.sites : undefined;
  const site: unknown = Array.isArray(sites) ? sites[at] : undefined;
  return isRecord(site) && typeof site.siteId === "string" ? site.siteId : null;
}
