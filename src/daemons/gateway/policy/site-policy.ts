/** The policy of a site, compiled once per intent: what the stage asks for each request. */
import {
  type AddressTest,
  compileCondition,
  type ListLookup,
  readsBody,
  type Test,
} from "../../../engines/sitepolicy/condition.ts";
import { compileRoutes, type RouteTable } from "../../../engines/sitepolicy/route.ts";
import type {
  RouteIntent,
  RuleAction,
  RuleIntent,
  SitePolicyIntent,
} from "../../../kernel/intent/site-policy-document.ts";
import type { SiteIntent } from "../intent.ts";
import { challengeKeyOf } from "./challenge.ts";

export type CompiledRule = {
  readonly id: string;
  readonly name: string;
  readonly kind: "rule" | "patch";
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
};

/** What a policy needs beside its intent. */
export type PolicyResources = {
  readonly lists: ListLookup;
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
    rules: rules.map((rule) => compileRule(rule, resources.lists)),
    challengeKey: challengeKeyOf(site, resources.seed),
  };
}

const ranks = { off: 0, observe: 1, block: 2 } as const;

/** A route loosens when any check is weaker below it than on the rest of the site. */
function declarationOf(site: SiteIntent, route: RouteIntent) {
  const there = intentOfRoute(site, route);
  const loosens =
    route.bypass ||
    ranks[there.mode] < ranks[site.mode] ||
    there.paranoiaLevel < site.paranoiaLevel ||
    there.inboundThreshold > site.inboundThreshold ||
    there.outboundThreshold > site.outboundThreshold ||
    there.requestBodyBytesMax < site.requestBodyBytesMax;
  return { kind: route.match, path: route.path, loosens };
}

function compileRule(rule: RuleIntent, lists: ListLookup): CompiledRule {
  const { when } = rule;
  return {
    id: rule.customRuleId,
    name: rule.name,
    kind: "rule",
    test: when === null ? null : compileCondition(when, lists),
    readsBody: when !== null && readsBody(when),
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
