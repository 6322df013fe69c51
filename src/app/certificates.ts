/** What the certificates service and its ACME client ask of others. */
import { newId } from "../kernel/id.ts";
import type { Sql } from "../kernel/store/database.ts";
import type { ClientParts } from "../services/certificates/acme-client/parts.ts";
import type { CertificatesParts } from "../services/certificates/service.ts";
import { gatewayReports } from "../services/fleet/service.ts";
import { wafStore } from "../services/waf/store.ts";
import type { Foundations } from "./foundations.ts";
import { clock, config } from "./settings.ts";

/** What the certificates service asks of others. */
export function certificateParts({ database, keyd, signers }: Foundations): CertificatesParts {
  return {
    database,
    sealer: keyd,
    keyMaker: keyd,
    signers,
    gateway: config.gateway,
    ownsDomain,
    siteDomains: async (sql, accountId, siteId) =>
      (await wafStore(sql).getSite(accountId, siteId))?.domains,
  };
}

/** Whether a site of the account has the domain. */
export const ownsDomain = async (sql: Sql, accountId: string, domain: string): Promise<boolean> =>
  (await wafStore(sql).listSites(accountId)).some(({ domains }) => domains.includes(domain));

/** What the ACME client needs beside the database. */
export function acmeClientParts(
  { database, keyd, outbound }: Foundations,
  refreshIntent: () => Promise<void>,
): ClientParts {
  return {
    ...{ database, sealer: keyd, outbound, clock, newId, ownsDomain, refreshIntent },
    chance: Math.random,
    gatewaysFollow: async () => {
      const gateways = await gatewayReports(database);
      const isBehind = gateways.some((one) => one.runningVersion < one.wantedVersion);
      return gateways.length > 0 && !isBehind;
    },
  };
}
