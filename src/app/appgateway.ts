/** What the appgateway service asks of others. */
import type { Service } from "../kernel/service.ts";
import type { AppgatewayParts } from "../services/appgateway/parts.ts";
import { gatewayReports } from "../services/fleet/service.ts";
import { mailChannelIds } from "../services/notify/mail-files.ts";
import { siteState } from "../services/waf/domain.ts";
import { wafStore } from "../services/waf/store.ts";
import type { Foundations } from "./foundations.ts";
import { clock, config, log } from "./settings.ts";

/** Sites and exclusions of the waf service, for the service that tunes them. */
function wafForTuning(
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

/** What listens everywhere is reached on this machine. */
const reachable = (host: string): string => ({ "0.0.0.0": "127.0.0.1", "::": "::1" })[host] ?? host;

/** What the appgateway service asks of others. */
export function appgatewayParts(
  { database, lake, sealer }: Foundations,
  waf: Service,
): AppgatewayParts {
  const { host, httpPort, httpsPort } = config.gateway;
  return {
    ...{ database, clock, lake, sealer, report: log, ...wafForTuning(waf) },
    gateway: { address: reachable(host), httpPort, httpsPort },
    async unservedReason(siteId) {
      const { state, stateReason } = siteState(siteId, await gatewayReports(database));
      return state === "applied" ? "" : `the site is ${state}: ${stateReason}`;
    },
    mailChannelIds,
    fontFile: config.reportFont,
  };
}
