/** What the delivery service asks of others. */
import type { Database } from "../kernel/store/database.ts";
import { keyedCertificate } from "../services/certificates/gateway-keys.ts";
import type { DeliveryParts } from "../services/delivery/parts.ts";
import { gatewayReports } from "../services/fleet/service.ts";
import { wafStore } from "../services/waf/store.ts";

/** What the delivery service asks of others. */
export function deliveryParts(database: Database): DeliveryParts {
  return {
    siteUpstreams: async (sql, accountId, siteId) =>
      (await wafStore(sql).getSite(accountId, siteId))?.upstreams,
    siteIds: async (sql, accountId) =>
      (await wafStore(sql).listSites(accountId)).map(({ siteId }) => siteId),
    hasKey: async (sql, accountId, certificateId) =>
      (await keyedCertificate(sql, accountId, certificateId)) !== undefined,
    reports: async () =>
      (await gatewayReports(database)).map(({ name, upstreams, pages }) => ({
        gateway: name,
        upstreams,
        pages,
      })),
  };
}
