/** Events that tell what detections made: an incident opened or grown worse, a source blocked. */
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { Sql } from "../../kernel/store/database.ts";
import type { Severity } from "./domain.ts";
import type { IncidentRow, ResponseRow } from "./store.ts";
import { tell } from "./texts.ts";

/** OCSF severity_id of an incident's severity. */
const SEVERITY_IDS: Readonly<Record<Severity, number>> = {
  low: 2,
  medium: 3,
  high: 4,
  critical: 5,
};

type At = { readonly accountId: string; readonly nowMs: number };

/** Tells when the incident is new or its severity rose; more of the same is not told again. */
export async function announceIncident(
  sql: Sql,
  { accountId, nowMs }: At,
  change: { readonly before: Severity | undefined; readonly after: IncidentRow },
): Promise<void> {
  const { before, after } = change;
  const severityId = SEVERITY_IDS[after.severity];
  if (before !== undefined && SEVERITY_IDS[before] >= severityId) return;
  const type = before === undefined ? "incident.incidentOpened" : "incident.incidentUpdated";
  await writeSystemEvent(sql, {
    ...{ accountId, nowMs, type, severityId },
    message: { text: after.title, coded: after.titleCoded },
    resource: after.incidentId,
    sourceIp: after.sourceIp,
    data: { siteId: after.siteId, categories: after.categories, severityBefore: before ?? null },
  });
}

/** Tells that Cordon blocked a source by itself. */
export async function announceBlock(
  sql: Sql,
  { accountId, nowMs }: At,
  response: ResponseRow,
): Promise<void> {
  await writeSystemEvent(sql, {
    ...{ accountId, nowMs, type: "incident.sourceBlocked", severityId: 3 },
    message: tell("incident.blockedByItselfUntil", {
      cidr: response.cidr,
      time: response.expireTime,
    }),
    resource: response.responseId,
    data: { incidentId: response.incidentId, reason: response.reason },
  });
}
