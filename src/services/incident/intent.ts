/** Blocked sources for the planes that enforce them, and the end of blocks that run out. */
import { timeText } from "../../kernel/context.ts";
import type { IntentSection } from "../../kernel/intent/publisher.ts";
import type { Database } from "../../kernel/store/database.ts";
import { messageFields } from "../../lib/coded-text.ts";
import { enforcingPlanes } from "./service.ts";
import { type ActiveResponse, incidentStore, incidentSystemStore } from "./store.ts";
import { tell } from "./texts.ts";

/** Sources blocked by responses, for the gateways: they know whose site a request is for. */
export function blockedSourcesSection(): IntentSection {
  return async (sql, nowMs) =>
    sectionOf(await incidentSystemStore(sql).listActive(timeText(nowMs)));
}

/**
 * Those that packets of everybody's sites may be dropped for: the operator's, whose machine it is.
 * A packet shows no account, and a tenant's block must not close another's sites.
 */
export function blockedPacketsSection(): IntentSection {
  return async (sql, nowMs) =>
    sectionOf(await incidentSystemStore(sql).listActiveOfOperator(timeText(nowMs)));
}

function sectionOf(active: readonly ActiveResponse[]) {
  return {
    sources: active.map((response) => ({
      cidr: response.cidr,
      action: "block",
      accountId: response.accountId,
      siteId: response.siteId,
      expiresAt: response.expireTime,
      responseId: response.responseId,
    })),
  };
}

/** Marks what ran out since the last call. The planes stop by themselves at the same time. */
export async function expireResponses(database: Database, nowMs: number): Promise<number> {
  return database.transaction("system", async (sql) => {
    const expired = await incidentSystemStore(sql).takeExpired(timeText(nowMs));
    for (const response of expired) {
      const ended = tell("incident.blockEnded", { cidr: response.cidr });
      const detail = tell("incident.timeOver", {});
      if (response.incidentId !== null) {
        await incidentStore(sql).insertTimelineEntry(response.accountId, response.incidentId, {
          time: response.expireTime,
          kind: "response",
          title: ended.text,
          titleCoded: ended.coded,
          detail: detail.text,
          detailCoded: detail.coded,
          actor: "Cordon",
          findingId: null,
          responseId: response.responseId,
        });
      }
      const event = {
        type: "incident.responseExpired",
        ...messageFields(ended),
        time: timeText(nowMs),
      };
      await sql`insert into outbox (account_id, event) values (${response.accountId}, ${event})`;
    }
    if (expired.length > 0) {
      for (const plane of enforcingPlanes) {
        await sql`insert into intent_change (plane) values (${plane})`;
      }
    }
    return expired.length;
  });
}
