/** What the appgateway service asks of others. */
import type { AppgatewayParts } from "../services/appgateway/parts.ts";
import { wafStore } from "../services/waf/store.ts";
import type { Foundations } from "./foundations.ts";
import { config } from "./settings.ts";

/** What the appgateway service asks of others. */
export function appgatewayParts({ lake, sealer }: Foundations): AppgatewayParts {
  return {
    ...{ lake, sealer },
    fontFile: config.reportFont,
    site: (sql, accountId, siteId) => wafStore(sql).getSite(accountId, siteId),
  };
}
