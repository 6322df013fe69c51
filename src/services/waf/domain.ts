/** Rules of sites, exclusions and lists. */
import { addressBits, formatPrefix, parsePrefix } from "../../engines/netpolicy/prefix.ts";
import { Problem } from "../../kernel/problem.ts";
import { type GeoDatabase, type Site, siteDefaults } from "./contract.ts";

export const limits = {
  sitesMax: 1_000,
  exclusionsPerSiteMax: 500,
  listEntriesMax: 10_000,
  /** Editions appear each month or more often, and blocks of addresses move. */
  geoDatabaseDaysMax: 60,
} as const;

/** What an operator sets on a site; the rest is the system's. */
export type SiteSettings = Omit<
  Site,
  "siteId" | "previousRuleSetId" | "state" | "stateReason" | "createTime" | "updateTime"
>;

type Given = { readonly [Name in keyof SiteSettings]?: SiteSettings[Name] | undefined };

/**
 * The settings of a new site: what was given over the defaults.
 *
 * @throws Problem waf.upstreamInvalid, waf.cidrInvalid.
 */
export function newSite(given: Given & Pick<SiteSettings, "domains" | "upstreams">): SiteSettings {
  return changedSite({ ...siteDefaults, trustedProxies: [], domains: [], upstreams: [] }, given);
}

/** The settings after a change. */
export function changedSite(before: SiteSettings, given: Given): SiteSettings {
  const after: SiteSettings = {
    domains: given.domains ?? before.domains,
    upstreams: (given.upstreams ?? before.upstreams).map(canonicalUpstream),
    mode: given.mode ?? before.mode,
    paranoiaLevel: given.paranoiaLevel ?? before.paranoiaLevel,
    inboundThreshold: given.inboundThreshold ?? before.inboundThreshold,
    outboundThreshold: given.outboundThreshold ?? before.outboundThreshold,
    requestBodyBytesMax: given.requestBodyBytesMax ?? before.requestBodyBytesMax,
    ruleSetId: given.ruleSetId ?? before.ruleSetId,
    failOpen: given.failOpen ?? before.failOpen,
    redirectToHttps: given.redirectToHttps ?? before.redirectToHttps,
    trustedProxies: (given.trustedProxies ?? before.trustedProxies).map((cidr) =>
      canonicalCidr(cidr),
    ),
  };
  return after;
}

function canonicalUpstream(text: string, at: number): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.port === "0" || url.pathname !== "/") {
    const message = `"${text}" is no origin such as http://127.0.0.1:3000`;
    throw new Problem("waf.upstreamInvalid", { details: [{ path: `/upstreams/${at}`, message }] });
  }
  return url.origin;
}

/**
 * An address or block in canonical form, host bits cleared: `203.0.113.0/24`, `2001:db8::/32`.
 *
 * @throws Problem waf.cidrInvalid.
 */
export function canonicalCidr(text: string): string {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return formatPrefix(prefix);
  const message = `"${text}" is no IP address or CIDR block`;
  throw new Problem("waf.cidrInvalid", { details: [{ path: "/cidr", message }] });
}

/**
 * One address, canonical and without its length.
 *
 * @throws Problem waf.cidrInvalid, also for a block.
 */
export function canonicalAddress(text: string): string {
  const prefix = parsePrefix(text);
  if (prefix !== undefined && prefix.bits === addressBits(prefix.family)) {
    return formatPrefix(prefix).replace(/\/.*/, "");
  }
  const message = `"${text}" is no single IP address`;
  throw new Problem("waf.cidrInvalid", { details: [{ path: "/address", message }] });
}

/** What the gateways say of a site. */
export function siteState(
  siteId: string,
  gateways: readonly {
    readonly runningVersion: number;
    readonly wantedVersion: number;
    readonly failures: readonly { readonly siteId: string; readonly message: string }[];
  }[],
): Pick<Site, "state" | "stateReason"> {
  if (gateways.length === 0) return { state: "pending", stateReason: "No gateway has joined yet" };
  for (const gateway of gateways) {
    const failure = gateway.failures.find((one) => one.siteId === siteId);
    if (failure !== undefined) return { state: "failed", stateReason: failure.message };
  }
  const behind = gateways.filter((gateway) => gateway.runningVersion < gateway.wantedVersion);
  return behind.length === 0
    ? { state: "applied", stateReason: "" }
    : { state: "pending", stateReason: `${behind.length} of ${gateways.length} gateways follow` };
}

const DAY_MS = 86_400_000;

/** How old a database is, and whether that is too old. */
export function geoDatabaseAge(
  buildTime: string,
  nowMs: number,
): Pick<GeoDatabase, "ageDays" | "isOutdated"> {
  const ageDays = Math.max(0, Math.floor((nowMs - Date.parse(buildTime)) / DAY_MS));
  return { ageDays, isOutdated: ageDays > limits.geoDatabaseDaysMax };
}

/** What each gateway says of a database; nothing of one that is not in force. */
export function geoDatabaseStates(
  database: Pick<GeoDatabase, "kind" | "sha256" | "inForce">,
  gateways: readonly {
    readonly name: string;
    readonly geoDatabases: readonly {
      readonly kind: string;
      readonly sha256: string | null;
      readonly fault: string;
    }[];
  }[],
): GeoDatabase["gateways"] {
  if (!database.inForce) return [];
  return gateways.map(({ name: gateway, geoDatabases }) => {
    const report = geoDatabases.find(({ kind }) => kind === database.kind);
    if (report?.sha256 === database.sha256) return { gateway, state: "applied", stateReason: "" };
    const fault = report?.fault ?? "";
    if (fault !== "") return { gateway, state: "failed", stateReason: fault };
    return { gateway, state: "pending", stateReason: "It does not have it yet" };
  });
}
