/** The gateways' part of what this service keeps: sites with their certificates, and lists. */
import { isDeepStrictEqual } from "node:util";
import type { SiteIntent, SourceIntent } from "../../kernel/intent/gateway-document.ts";
import type { IntentSection } from "../../kernel/intent/publisher.ts";
import type { SiteDelivery } from "../../kernel/intent/site-delivery.ts";
import type { SiteUserAudit } from "../../kernel/intent/site-user-audit.ts";
import type { CertificateAuthority } from "../../kernel/pki/authority.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { INSTALLED_RULE_SET } from "./contract.ts";
import { geoDatabaseIntentStore } from "./geo-database-store.ts";
import { listIntentStore } from "./list-store.ts";
import { sitePolicies } from "./policy-intent.ts";
import { type SiteRow, wafIntentStore } from "./store.ts";

const RENEW_BEFORE_MS = 30 * 86_400_000;

/** Sites and listed sources for the plane `gateway`. */
export function wafGatewaySection(parts: {
  readonly authority: CertificateAuthority;
  /** Name of the installed rule set; empty = none. */
  readonly ruleset: () => string;
  /** The certificate an operator bound to the site, if any; else Cordon's own CA makes one. */
  readonly boundCertificate?: (
    sql: Sql,
    siteId: string,
  ) => Promise<{ certificatePem: string; privateKeyPem: string } | undefined>;
  /** How sites are delivered that have settings of their own. */
  readonly deliveries?: (sql: Sql) => Promise<ReadonlyMap<string, SiteDelivery>>;
  /** How users are told apart on sites that record them. */
  readonly userAudits?: (sql: Sql) => Promise<ReadonlyMap<string, SiteUserAudit>>;
}): IntentSection {
  return async (sql, nowMs) => {
    const store = wafIntentStore(sql);
    const deliveries = await parts.deliveries?.(sql);
    const userAudits = await parts.userAudits?.(sql);
    const exclusions = await store.listExclusions();
    const policies = await sitePolicies(sql, nowMs);
    const sites: SiteIntent[] = [];
    for (const site of await store.listSites()) {
      const certificate =
        (await parts.boundCertificate?.(sql, site.siteId)) ??
        (await certificateFor(parts.authority, sql, { site, nowMs }));
      const delivery = deliveries?.get(site.siteId);
      const userAudit = userAudits?.get(site.siteId);
      sites.push({
        ...settingsOf(site),
        ...(delivery === undefined ? {} : { delivery }),
        ...(userAudit === undefined ? {} : { userAudit }),
        ...certificate,
        ruleset: site.ruleSetId === INSTALLED_RULE_SET ? parts.ruleset() : site.ruleSetId,
        ...policies(site.siteId),
        exclusions: exclusions
          .filter((exclusion) => exclusion.siteId === site.siteId)
          .map(({ exclusionId, pathPrefix, ruleId, variable }) => ({
            exclusionId,
            pathPrefix,
            ruleId,
            variable,
          })),
      });
    }
    const listed = await store.listListEntries(new Date(nowMs).toISOString());
    const sources = listed.map(
      (entry): SourceIntent => ({
        cidr: entry.cidr,
        action: entry.action,
        accountId: entry.accountId,
        siteId: entry.siteId,
        expiresAt: entry.expireTime,
        responseId: null,
      }),
    );
    const geoDatabases = await geoDatabaseIntentStore(sql).inForce();
    return {
      ...{ sites, sources, addressLists: await listIntentStore(sql).list() },
      // Left out while there is none: an older gateway refuses what it does not know.
      ...(geoDatabases.length === 0 ? {} : { geoDatabases }),
    };
  };
}

function settingsOf(site: SiteRow) {
  const {
    createTime: _created,
    updateTime: _updated,
    ruleSetId: _set,
    previousRuleSetId: _previous,
    ...settings
  } = site;
  return settings;
}

async function certificateFor(
  authority: CertificateAuthority,
  sql: Sql,
  { site, nowMs }: { site: SiteRow; nowMs: number },
) {
  const store = wafIntentStore(sql);
  const known = await store.certificateOf(site.siteId);
  if (
    known !== undefined &&
    isDeepStrictEqual(known.domains, site.domains) &&
    Date.parse(known.expireTime) - nowMs > RENEW_BEFORE_MS
  ) {
    return { certificatePem: known.certificatePem, privateKeyPem: known.privateKeyPem };
  }
  const issued = await authority.issueServer(site.domains);
  const { certificatePem, privateKeyPem } = issued;
  await store.setCertificate(site.siteId, {
    domains: site.domains,
    certificatePem,
    privateKeyPem,
    expireTime: new Date(issued.expireTimeMs).toISOString(),
  });
  return { certificatePem, privateKeyPem };
}
