/** Tables of schedules and of reports that were made. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Report } from "./report-operations.ts";
import type { KeptReport } from "./schedule-operations.ts";

export type ScheduleRow = {
  readonly siteId: string;
  readonly every: "day" | "week";
  readonly keptMax: number;
  readonly nextTime: string;
  readonly mailChannelIds: string[];
  readonly mailFormats: ("csv" | "pdf")[];
  readonly mailLanguage: "en" | "zh-CN";
};

const DUE_MAX = 20;

/** Queries of one account; `sql` is bound to a transaction in it, or in the system's scope. */
export function scheduleStore(sql: Sql) {
  return {
    async get(accountId: string, siteId: string): Promise<ScheduleRow | undefined> {
      const [row] = await sql<ScheduleRow>`
        select site_id, every, kept_max, next_time, mail_channel_ids, mail_formats, mail_language
        from appgateway_report_schedule
        where account_id = ${accountId} and site_id = ${siteId}`;
      return row;
    },

    put: (accountId: string, row: ScheduleRow, time: string) => sql`
      insert into appgateway_report_schedule
        (account_id, site_id, every, kept_max, next_time, mail_channel_ids, mail_formats,
          mail_language, update_time)
      values (${accountId}, ${row.siteId}, ${row.every}, ${row.keptMax}, ${row.nextTime},
        ${row.mailChannelIds}, ${row.mailFormats}, ${row.mailLanguage}, ${time})
      on conflict (site_id) do update set every = excluded.every, kept_max = excluded.kept_max,
        next_time = excluded.next_time, mail_channel_ids = excluded.mail_channel_ids,
        mail_formats = excluded.mail_formats, mail_language = excluded.mail_language,
        update_time = excluded.update_time`,

    remove: (accountId: string, siteId: string) => sql`
      delete from appgateway_report_schedule
      where account_id = ${accountId} and site_id = ${siteId}`,

    list: (accountId: string, siteId: string) => sql<KeptReport>`
      select report_id, site_id, start_time, end_time, create_time,
        (report->'totals'->>'requestCount')::integer as request_count,
        (report->'totals'->>'blockedCount')::integer as blocked_count
      from appgateway_report where account_id = ${accountId} and site_id = ${siteId}
      order by start_time desc, report_id`,

    async report(accountId: string, siteId: string, reportId: string) {
      const [row] = await sql<{ report: Report }>`
        select report from appgateway_report where account_id = ${accountId}
          and site_id = ${siteId} and report_id = ${reportId}`;
      return row?.report;
    },

    /** Adds one, unless the period has one, and forgets those beyond the newest. */
    async keep(accountId: string, made: { id: string; report: Report; time: string; max: number }) {
      const { siteId, startTime, endTime } = made.report;
      const rows = await sql<object>`
        insert into appgateway_report
          (account_id, report_id, site_id, start_time, end_time, report, create_time)
        values (${accountId}, ${made.id}, ${siteId}, ${startTime}, ${endTime}, ${made.report},
          ${made.time})
        on conflict (site_id, start_time, end_time) do nothing returning report_id`;
      await sql`
        delete from appgateway_report where account_id = ${accountId} and site_id = ${siteId}
          and report_id not in (select report_id from appgateway_report
            where account_id = ${accountId} and site_id = ${siteId}
            order by start_time desc limit ${made.max})`;
      return rows.length > 0;
    },
  };
}

/** Schedules of all accounts whose time has come; `sql` is in the system's scope. */
export const dueSchedules = (sql: Sql, now: string) => sql<
  ScheduleRow & { accountId: string; domain: string }
>`
  select account_id, site_id, every, kept_max, next_time, mail_channel_ids, mail_formats,
    mail_language, domain
  from appgateway_report_schedule join site_domain using (account_id, site_id)
  where position = 1 and next_time <= ${now} order by next_time limit ${DUE_MAX}`;
