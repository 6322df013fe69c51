/**
 * What requests are counted for: the limits of sites by name. Gateways count under these names, and
 * the control plane looks up by them what the accounts have declared.
 */
import Type from "typebox";
import { Compile } from "typebox/compile";
import type { RateTerms } from "../../engines/sitepolicy/rate-book.ts";
import { SiteIntent } from "./gateway-document.ts";
import type { Intent } from "./publisher.ts";
import type { RateLimit } from "./site-policy-document.ts";

export type RateScope = { readonly accountId: string; readonly terms: RateTerms };

/** The scope of a custom rule that limits. */
export const scopeOfRule = (siteId: string, customRuleId: string): string =>
  `${siteId}/${customRuleId}`;

/** The scope of a site's honeypot paths. */
export const scopeOfHoneypot = (siteId: string): string => `honeypot/${siteId}`;

/** What a limit allows. */
export function termsOfLimit(limit: RateLimit): RateTerms {
  return {
    requestsMax: limit.requestsMax,
    windowMs: limit.windowSeconds * 1_000,
    banMs: limit.banSeconds * 1_000,
    banMsMax: limit.banSecondsMax * 1_000,
  };
}

/** A honeypot path bans at the first request. */
export function termsOfHoneypot(banSeconds: number): RateTerms {
  const banMs = banSeconds * 1_000;
  return { requestsMax: 0, windowMs: 1_000, banMs, banMsMax: banMs };
}

const counted = Compile(
  Type.Object({ sites: Type.Array(Type.Pick(SiteIntent, ["siteId", "accountId", "policy"])) }),
);

/** The scopes of a gateway's document; one that cannot be read has none. */
export function scopesOf(document: Intent["document"]): ReadonlyMap<string, RateScope> {
  const scopes = new Map<string, RateScope>();
  const value: unknown = document;
  if (!counted.Check(value)) return scopes;
  for (const { siteId, accountId, policy } of value.sites) {
    if (policy === undefined) continue;
    const { honeypotPaths, honeypotBanSeconds } = policy.bots;
    if (honeypotPaths.length > 0) {
      const terms = termsOfHoneypot(honeypotBanSeconds);
      scopes.set(scopeOfHoneypot(siteId), { accountId, terms });
    }
    for (const { customRuleId, action } of policy.rules) {
      if (action.kind !== "rateLimit") continue;
      const terms = termsOfLimit(action.limit);
      scopes.set(scopeOfRule(siteId, customRuleId), { accountId, terms });
    }
  }
  return scopes;
}

/** The scopes of the newest intent, read once for each version of it. */
export function scopesOfNewest(
  newest: () => Intent | undefined,
): () => ReadonlyMap<string, RateScope> {
  let version = 0;
  let scopes: ReadonlyMap<string, RateScope> = new Map();
  return () => {
    const intent = newest();
    if (intent !== undefined && intent.version !== version) {
      version = intent.version;
      scopes = scopesOf(intent.document);
    }
    return scopes;
  };
}
