/** Tables of incidents, findings, timelines and responses. */
import type { Sql } from "../../kernel/store/database.ts";
import type { AutomaticResponse, Finding, Incident, Response, TimelineEntry } from "./contract.ts";

export type IncidentRow = Omit<Incident, "activeResponseId">;
export type ResponseRow = Omit<Response, "state">;

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function incidentStore(sql: Sql) {
  return {
    listIncidents: (accountId: string) => sql<IncidentRow>`
      select incident_id, title, title_coded, site_id, source_ip, status, severity, score_total,
        event_count, blocked_count, categories, first_time, last_time
      from incident where account_id = ${accountId} order by last_time desc limit 5000`,

    async getIncident(accountId: string, incidentId: string): Promise<IncidentRow | undefined> {
      const [row] = await sql<IncidentRow>`
        select incident_id, title, title_coded, site_id, source_ip, status, severity, score_total,
          event_count, blocked_count, categories, first_time, last_time
        from incident where account_id = ${accountId} and incident_id = ${incidentId}`;
      return row;
    },

    async findOpen(accountId: string, siteId: string, sourceIp: string) {
      const [row] = await sql<IncidentRow>`
        select incident_id, title, title_coded, site_id, source_ip, status, severity, score_total,
          event_count, blocked_count, categories, first_time, last_time
        from incident where account_id = ${accountId} and site_id = ${siteId}
          and source_ip = ${sourceIp} and status in ('open', 'acknowledged') for update`;
      return row;
    },

    async putIncident(accountId: string, incident: IncidentRow) {
      await sql`
        insert into incident (account_id, incident_id, site_id, source_ip, title, title_coded,
          status, severity, score_total, event_count, blocked_count, categories, first_time,
          last_time)
        values (${accountId}, ${incident.incidentId}, ${incident.siteId}, ${incident.sourceIp},
          ${incident.title}, ${incident.titleCoded}, ${incident.status}, ${incident.severity},
          ${incident.scoreTotal}, ${incident.eventCount}, ${incident.blockedCount},
          ${incident.categories}, ${incident.firstTime}, ${incident.lastTime})
        on conflict (incident_id) do update set title = excluded.title, status = excluded.status,
          severity = excluded.severity, score_total = excluded.score_total,
          event_count = excluded.event_count, blocked_count = excluded.blocked_count,
          categories = excluded.categories, first_time = excluded.first_time,
          last_time = excluded.last_time`;
    },

    listFindings: (accountId: string, incidentId: string | undefined) => sql<Finding>`
      select finding_id, incident_id, site_id, source_ip, category, title, title_coded, severity,
        rule_ids, event_count, blocked_count, score_max, first_time, last_time, event_uids
      from finding where account_id = ${accountId}
        and (${incidentId ?? null}::text is null or incident_id = ${incidentId ?? null})
      order by last_time desc limit 5000`,

    async putFinding(accountId: string, finding: Finding) {
      await sql`
        insert into finding (account_id, finding_id, incident_id, site_id, source_ip, category,
          title, title_coded, severity, rule_ids, event_count, blocked_count, score_max, first_time,
          last_time, event_uids)
        values (${accountId}, ${finding.findingId}, ${finding.incidentId}, ${finding.siteId},
          ${finding.sourceIp}, ${finding.category}, ${finding.title}, ${finding.titleCoded},
          ${finding.severity}, ${finding.ruleIds}, ${finding.eventCount},
          ${finding.blockedCount}, ${finding.scoreMax}, ${finding.firstTime},
          ${finding.lastTime}, ${finding.eventUids})
        on conflict (finding_id) do update set severity = excluded.severity,
          rule_ids = excluded.rule_ids, event_count = excluded.event_count,
          blocked_count = excluded.blocked_count, score_max = excluded.score_max,
          first_time = excluded.first_time, last_time = excluded.last_time,
          event_uids = excluded.event_uids`;
    },

    listTimeline: (accountId: string, incidentId: string) => sql<TimelineEntry>`
      select time, kind, title, title_coded, detail, detail_coded, actor, finding_id, response_id
      from timeline_entry
      where account_id = ${accountId} and incident_id = ${incidentId} order by position`,

    async insertTimelineEntry(accountId: string, incidentId: string, entry: TimelineEntry) {
      await sql`
        insert into timeline_entry (account_id, incident_id, time, kind, title, title_coded, detail,
          detail_coded, actor, finding_id, response_id)
        values (${accountId}, ${incidentId}, ${entry.time}, ${entry.kind}, ${entry.title},
          ${entry.titleCoded}, ${entry.detail}, ${entry.detailCoded}, ${entry.actor},
          ${entry.findingId}, ${entry.responseId})`;
    },

    listResponses: (accountId: string) => sql<ResponseRow>`
      select response_id, kind, cidr, site_id, incident_id, reason, reason_coded, automatic,
        created_by, create_time, expire_time, revoke_time
      from response where account_id = ${accountId} order by create_time desc limit 5000`,

    async insertResponse(accountId: string, response: ResponseRow) {
      await sql`
        insert into response (account_id, response_id, kind, cidr, site_id, incident_id, reason,
          reason_coded, automatic, created_by, create_time, expire_time)
        values (${accountId}, ${response.responseId}, ${response.kind}, ${response.cidr},
          ${response.siteId}, ${response.incidentId}, ${response.reason}, ${response.reasonCoded},
          ${response.automatic}, ${response.createdBy}, ${response.createTime}, ${response.expireTime})`;
    },

    async revokeResponse(accountId: string, responseId: string, time: string) {
      await sql`update response set revoke_time = ${time}
        where account_id = ${accountId} and response_id = ${responseId}`;
    },

    async siteExists(accountId: string, siteId: string): Promise<boolean> {
      const rows = await sql`select site_id from site
        where account_id = ${accountId} and site_id = ${siteId}`;
      return rows.length > 0;
    },

    async getAutomaticResponse(accountId: string): Promise<AutomaticResponse | undefined> {
      const [row] = await sql<AutomaticResponse>`
        select enabled, score_threshold, window_seconds, block_seconds from automatic_response
        where account_id = ${accountId}`;
      return row;
    },

    async putAutomaticResponse(accountId: string, settings: AutomaticResponse) {
      await sql`
        insert into automatic_response (account_id, enabled, score_threshold, window_seconds,
          block_seconds)
        values (${accountId}, ${settings.enabled}, ${settings.scoreThreshold},
          ${settings.windowSeconds}, ${settings.blockSeconds})
        on conflict (account_id) do update set enabled = excluded.enabled,
          score_threshold = excluded.score_threshold, window_seconds = excluded.window_seconds,
          block_seconds = excluded.block_seconds`;
    },
  };
}

/** A response that is in force, as the planes are told of it. */
export type ActiveResponse = Pick<ResponseRow, "responseId" | "cidr" | "siteId" | "expireTime"> & {
  readonly accountId: string;
};

/** Queries over all accounts, for intent and expiry; `sql` runs in the system's scope. */
export function incidentSystemStore(sql: Sql) {
  return {
    listActive: (nowText: string) => sql<ActiveResponse>`
      select account_id, response_id, cidr, site_id, expire_time from response
      where revoke_time is null and expire_time > ${nowText} order by response_id`,

    listActiveOfOperator: (nowText: string) => sql<ActiveResponse>`
      select r.account_id, response_id, cidr, site_id, expire_time
      from response r join account a using (account_id)
      where revoke_time is null and expire_time > ${nowText} and a.operator
      order by response_id`,

    takeExpired: (nowText: string) => sql<ResponseRow & { accountId: string }>`
      update response set expired = true
      where not expired and revoke_time is null and expire_time <= ${nowText}
      returning account_id, response_id, cidr, site_id, incident_id, expire_time`,
  };
}
