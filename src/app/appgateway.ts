/** What the appgateway service asks of others. */
import type { Service } from "../kernel/service.ts";
import type { AppgatewayParts } from "../services/appgateway/parts.ts";
import { wafStore } from "../services/waf/store.ts";
import type { Foundations } from "./foundations.ts";
import { config } from "./settings.ts";

/** Sites and exclusions of the waf service, for the service that tunes them. */
export function wafForTuning(
  waf: Service,
): Pick<AppgatewayParts, "site" | "exclusions" | "createExclusion"> {
  return {
    site: (sql, accountId, siteId) => wafStore(sql).getSite(accountId, siteId),
    exclusions: async (sql, accountId, siteId) =>
      (await wafStore(sql).listExclusions(accountId)).filter((one) => one.siteId === siteId),
    async createExclusion(context, input) {
      // The very handler of the operation, so that its limits, events and intent hold here too.
      const made = await waf.handlers.createExclusion?.(context, input);
      return (made as { exclusionId: string }).exclusionId;
    },
  };
}

/** What the appgateway service asks of others. */
export function appgatewayParts({ lake, sealer }: Foundations, waf: Service): AppgatewayParts {
  return {
    ...{ lake, sealer, ...wafForTuning(waf) },
    fontFile: config.reportFont,
  };
}
