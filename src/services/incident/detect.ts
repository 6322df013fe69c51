/**
 * Turns detections into findings and incidents, and blocks a source by itself where the account
 * asked for it. Runs in the transaction that also keeps the position in the event stream, so each
 * detection counts exactly once.
 */
import type { Sql } from "../../kernel/store/database.ts";
import type { CodedText } from "../../lib/coded-text.ts";
import { announceBlock, announceIncident } from "./announce.ts";
import { automaticResponseDefault, type Finding } from "./contract.ts";
import {
  blockableCidr,
  type Detection,
  extendFinding,
  findingTitle,
  type Group,
  type GroupFinding,
  groupDetections,
  incidentTitle,
  severityOf,
} from "./domain.ts";
import { type IncidentRow, incidentStore, type ResponseRow } from "./store.ts";
import { tell } from "./texts.ts";

export type DetectionOutcome = {
  /** True when a source was blocked, so that the planes must be told. */
  readonly blocked: boolean;
};

type Parts = {
  readonly sql: Sql;
  readonly nowMs: number;
  readonly newId: (prefix: string) => string;
};

/** Records a batch; `sql` runs in the system's scope. */
export async function recordDetections(
  parts: Parts,
  detections: readonly Detection[],
): Promise<DetectionOutcome> {
  let blocked = false;
  for (const group of groupDetections(detections)) {
    const incident = await extendIncident(parts, group);
    blocked = (await respondAutomatically(parts, group, incident)) || blocked;
  }
  return { blocked };
}

function newIncident(parts: Parts, group: Group): IncidentRow {
  const [first = "generic"] = group.findings.keys();
  const title = incidentTitle(first, group);
  return {
    incidentId: parts.newId("inc"),
    title: title.text,
    titleCoded: title.coded,
    siteId: group.siteId,
    sourceIp: group.sourceIp,
    status: "open",
    severity: "low",
    scoreTotal: 0,
    eventCount: 0,
    blockedCount: 0,
    categories: [],
    firstTime: new Date(parts.nowMs).toISOString(),
    lastTime: new Date(0).toISOString(),
  };
}

async function extendIncident(parts: Parts, group: Group): Promise<IncidentRow> {
  const { accountId, siteId, sourceIp } = group;
  const store = incidentStore(parts.sql);
  const open = await store.findOpen(accountId, siteId, sourceIp);
  let incident = open ?? newIncident(parts, group);
  const known = open === undefined ? [] : await store.listFindings(accountId, open.incidentId);
  // The finding refers to the incident, so that one is written first.
  if (open === undefined) await store.putIncident(accountId, incident);
  for (const part of group.findings.values()) {
    const before = known.find((finding) => finding.category === part.category);
    const finding = extendedFinding(parts, { group, incident, before, part });
    await store.putFinding(accountId, finding);
    if (before === undefined) await tellTimeline(parts, group, finding);
    incident = extendedIncident(incident, part);
  }
  await store.putIncident(accountId, incident);
  const change = { before: open?.severity, after: incident };
  await announceIncident(parts.sql, { accountId, nowMs: parts.nowMs }, change);
  return incident;
}

function extendedFinding(
  parts: Parts,
  given: { group: Group; incident: IncidentRow; before: Finding | undefined; part: GroupFinding },
): Finding {
  const { group, incident, before, part } = given;
  const sums = extendFinding(before, part.detections);
  const scoreTotal = sums.scoreMax * sums.eventCount;
  const title = findingTitle(part.category, group.host);
  return {
    findingId: before?.findingId ?? parts.newId("find"),
    incidentId: incident.incidentId,
    siteId: group.siteId,
    sourceIp: group.sourceIp,
    category: part.category,
    title: before?.title ?? title.text,
    titleCoded: before === undefined ? title.coded : before.titleCoded,
    severity: severityOf({ ...sums, categories: [part.category], scoreTotal }),
    ...sums,
  };
}

function extendedIncident(before: IncidentRow, part: GroupFinding): IncidentRow {
  const sums = extendFinding(undefined, part.detections);
  const score = part.detections.reduce((sum, detection) => sum + detection.score, 0);
  const after = {
    ...before,
    scoreTotal: before.scoreTotal + score,
    eventCount: before.eventCount + sums.eventCount,
    blockedCount: before.blockedCount + sums.blockedCount,
    categories: [...new Set([...before.categories, part.category])],
    firstTime: [sums.firstTime, before.firstTime].sort()[0] ?? sums.firstTime,
    lastTime: [sums.lastTime, before.lastTime].sort()[1] ?? sums.lastTime,
  };
  return { ...after, severity: severityOf(after) };
}

async function tellTimeline(parts: Parts, group: Group, finding: Finding): Promise<void> {
  const detail = detailOf(finding);
  await incidentStore(parts.sql).insertTimelineEntry(group.accountId, finding.incidentId, {
    time: finding.firstTime,
    kind: "finding",
    title: finding.title,
    titleCoded: finding.titleCoded,
    detail: detail.text,
    detailCoded: detail.coded,
    actor: "Cordon",
    findingId: finding.findingId,
    responseId: null,
  });
}

function detailOf({ ruleIds, scoreMax, eventUids: [eventUid = ""] }: Finding): CodedText {
  if (ruleIds.length === 0) return tell("incident.shownByEvent", { eventUid });
  const some = ruleIds.slice(0, 5).join(", ");
  return tell("incident.shownByRules", { ruleIds: some, scoreMax });
}

async function respondAutomatically(
  parts: Parts,
  group: Group,
  incident: IncidentRow,
): Promise<boolean> {
  const { sql, nowMs } = parts;
  const store = incidentStore(sql);
  const settings = (await store.getAutomaticResponse(group.accountId)) ?? automaticResponseDefault;
  const cidr = blockableCidr(group.sourceIp);
  if (!settings.enabled || cidr === undefined) return false;
  const recent = await scoreWithin(parts, group, settings.windowSeconds);
  if (recent < settings.scoreThreshold) return false;
  const responses = await store.listResponses(group.accountId);
  const inForce = responses.some(
    (one) => one.cidr === cidr && one.revokeTime === null && Date.parse(one.expireTime) > nowMs,
  );
  if (inForce) return false;
  const { windowSeconds } = settings;
  const reason = tell("incident.scoreReached", { score: recent, windowSeconds });
  const row: ResponseRow = {
    responseId: parts.newId("resp"),
    kind: "blockSource",
    cidr,
    siteId: group.siteId,
    incidentId: incident.incidentId,
    reason: reason.text,
    reasonCoded: reason.coded,
    automatic: true,
    createdBy: "Cordon",
    createTime: new Date(nowMs).toISOString(),
    expireTime: new Date(nowMs + settings.blockSeconds * 1000).toISOString(),
    revokeTime: null,
  };
  await store.insertResponse(group.accountId, row);
  await announceBlock(sql, { accountId: group.accountId, nowMs }, row);
  const title = tell("incident.blockedByItself", { cidr });
  await store.insertTimelineEntry(group.accountId, incident.incidentId, {
    time: row.createTime,
    kind: "response",
    title: title.text,
    titleCoded: title.coded,
    detail: row.reason,
    detailCoded: row.reasonCoded,
    actor: "Cordon",
    findingId: null,
    responseId: row.responseId,
  });
  return true;
}

/** Adds the batch's score to the running sums of the source and reads the window's sum. */
async function scoreWithin(parts: Parts, group: Group, windowSeconds: number): Promise<number> {
  const { sql, nowMs } = parts;
  const score = [...group.findings.values()]
    .flatMap((finding) => finding.detections)
    .reduce((sum, detection) => sum + detection.score, 0);
  const sinceText = new Date(nowMs - windowSeconds * 1000).toISOString();
  await sql`insert into source_score (account_id, site_id, source_ip, time, score)
    values (${group.accountId}, ${group.siteId}, ${group.sourceIp},
      ${new Date(nowMs).toISOString()}, ${score})`;
  await sql`delete from source_score where account_id = ${group.accountId}
    and site_id = ${group.siteId} and source_ip = ${group.sourceIp} and time < ${sinceText}`;
  const [row] = await sql<{ total: number }>`
    select coalesce(sum(score), 0)::integer as total from source_score
    where account_id = ${group.accountId} and site_id = ${group.siteId}
      and source_ip = ${group.sourceIp}`;
  return row?.total ?? 0;
}
