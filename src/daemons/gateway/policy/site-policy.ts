/** The policy of a site, compiled once per intent: what the stage asks for each request. */
import {
  type AddressTest,
  asksFor,
  compileCondition,
  type ListLookup,
  type Test,
} from "../../../engines/sitepolicy/condition.ts";
import { compileRoutes, type RouteTable } from "../../../engines/sitepolicy/route.ts";
import type { GeoKind } from "../../../kernel/geo/database.ts";
import type {
  RouteIntent,
  RuleAction,
  RuleIntent,
  SitePolicyIntent,
} from "../../../kernel/intent/site-policy-document.ts";
import type { SiteIntent } from "../intent.ts";
import { challengeKeyOf } from "./challenge.ts";
import type { Crawlers } from "./crawlers.ts";
import type { Geo } from "./geo.ts";

export type CompiledRule = {
  readonly id: string;
  readonly name: string;
  readonly kind: "rule" | "patch" | "challenge";
  readonly test: Test | null;
  readonly readsBody: boolean;
  readonly action: RuleAction;
  readonly expiresAtMs: number;
};

export type ListUse = {
  readonly id: string;
  readonly action: "allow" | "block" | "log";
  readonly holds: AddressTest;
};

export type SitePolicy = {
  readonly intent: SitePolicyIntent;
  readonly routeOf: RouteTable | null;
  readonly lists: readonly ListUse[];
  readonly rules: readonly CompiledRule[];
  readonly challengeKey: Buffer;
  readonly geo: Geo | null;
  /** The databases that its settings and rules need. */
  readonly geoAsked: readonly GeoKind[];
  readonly countries: ReadonlySet<string>;
  readonly asns: ReadonlySet<string>;
  readonly bots: Bots | null;
  readonly honeypots: ReadonlySet<string>;
};

/** What is known of clients that are no browsers. */
export type Bots = {
  readonly isBadAgent: (userAgent: string) => boolean;
  readonly crawlers: Crawlers;
};

/** What a policy needs beside its intent. */
export type PolicyResources = {
  readonly lists: ListLookup;
  readonly geo: Geo | null;
  readonly bots: Bots | null;
  /** What the workers of this gateway share and nobody else knows. */
  readonly seed: string;
};

/** Compiles a site's policy. @throws ConditionError for what the control plane let through. */
export function compileSitePolicy(
  site: SiteIntent,
  intent: SitePolicyIntent,
  resources: PolicyResources,
): SitePolicy {
  const { routes, rules, lists } = intent;
  return {
    intent,
    routeOf:
      routes.length === 0 ? null : compileRoutes(routes.map((route) => declarationOf(site, route))),
    lists: lists.flatMap(({ addressListId: id, action }) => {
      const holds = resources.lists(id);
      return holds === undefined ? [] : [{ id, action, holds }];
    }),
    rules: [
      ...intent.patches.map((patch) => compileRule(ruleOfPatch(patch), resources.lists, "patch")),
      ...rules.map((rule) => compileRule(rule, resources.lists, "rule")),
      ...(intent.bots.challengeAll ? [challengeEveryone] : []),
    ],
    bots: resources.bots,
    honeypots: new Set(intent.bots.honeypotPaths),
    challengeKey: challengeKeyOf(site, resources.seed),
    geo: resources.geo,
    geoAsked: geoAskedBy(intent),
    countries: new Set(intent.geo.countries),
    asns: new Set(intent.geo.asns.map(String)),
  };
}

function geoAskedBy({ geo, rules, patches }: SitePolicyIntent): GeoKind[] {
  const isOn = geo.mode !== "off";
  const asked = { country: isOn && geo.countries.length > 0, asn: isOn && geo.asns.length > 0 };
  return (["country", "asn"] as const).filter(
    (name) =>
      asked[name] || [...rules, ...patches].some(({ when }) => when && asksFor(when, [name])),
  );
}

const ranks = { off: 0, observe: 1, block: 2 } as const;

/** A route loosens when any check is weaker below it than on the rest of the site. */
function declarationOf(site: SiteIntent, route: RouteIntent) {
  const there = intentOfRoute(site, route);
  const strict = strictIntent(site, there);
  const loosens =
    strict.mode !== there.mode ||
    strict.paranoiaLevel !== there.paranoiaLevel ||
    strict.inboundThreshold !== there.inboundThreshold ||
    strict.outboundThreshold !== there.outboundThreshold ||
    strict.requestBodyBytesMax !== there.requestBodyBytesMax;
  return { kind: route.match, path: route.path, loosens };
}

/** Of each check the stronger one of a site and its route: for a path that may be of either. */
export function strictIntent(site: SiteIntent, there: SiteIntent): SiteIntent {
  return {
    ...there,
    mode: ranks[there.mode] < ranks[site.mode] ? site.mode : there.mode,
    paranoiaLevel: Math.max(there.paranoiaLevel, site.paranoiaLevel),
    inboundThreshold: Math.min(there.inboundThreshold, site.inboundThreshold),
    outboundThreshold: Math.min(there.outboundThreshold, site.outboundThreshold),
    requestBodyBytesMax: Math.max(there.requestBodyBytesMax, site.requestBodyBytesMax),
  };
}

/** Last, so that a rule can spare who cannot solve it. */
const challengeEveryone: CompiledRule = {
  id: "challengeAll",
  name: "",
  kind: "challenge",
  test: null,
  readsBody: false,
  action: { kind: "challenge" },
  expiresAtMs: Number.POSITIVE_INFINITY,
};

function ruleOfPatch(patch: SitePolicyIntent["patches"][number]): RuleIntent {
  const { patchId: customRuleId, name, when, action: kind, expiresAt } = patch;
  return { customRuleId, name, when, action: { kind }, expiresAt };
}

function compileRule(rule: RuleIntent, lists: ListLookup, kind: "rule" | "patch"): CompiledRule {
  const { when } = rule;
  return {
    id: rule.customRuleId,
    name: rule.name,
    kind,
    test: when === null ? null : compileCondition(when, lists),
    readsBody: when !== null && asksFor(when, ["body", "bodyField"]),
    action: rule.action,
    expiresAtMs: rule.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(rule.expiresAt),
  };
}

/** The site's settings as a route changes them. */
export function intentOfRoute(site: SiteIntent, route: RouteIntent): SiteIntent {
  return {
    ...site,
    mode: route.bypass ? "off" : (route.mode ?? site.mode),
    paranoiaLevel: route.paranoiaLevel ?? site.paranoiaLevel,
    inboundThreshold: route.inboundThreshold ?? site.inboundThreshold,
    outboundThreshold: route.outboundThreshold ?? site.outboundThreshold,
    requestBodyBytesMax: route.requestBodyBytesMax ?? site.requestBodyBytesMax,
  };
}
