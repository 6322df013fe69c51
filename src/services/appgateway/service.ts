/** The application security gateway: who used sites, and what happened on them. */
import { type Service, service } from "../../kernel/service.ts";
import { complianceHandlers } from "./compliance.ts";
import { appgatewayContract } from "./contract.ts";
import type { AppgatewayParts } from "./parts.ts";
import { reportHandlers } from "./reports.ts";
import { scheduleHandlers } from "./schedules.ts";
import { tuningHandlers } from "./tuning.ts";
import { userHandlers } from "./users.ts";

/** The appgateway service. */
export function appgatewayService(parts: AppgatewayParts): Service {
  return service(appgatewayContract, {
    ...userHandlers(parts),
    ...reportHandlers(parts),
    ...scheduleHandlers(parts),
    ...complianceHandlers(parts),
    ...tuningHandlers(parts),
  });
}
