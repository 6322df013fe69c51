/** Handlers of scheduled reports, and the job that makes them. */
import { type Context, timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { Job } from "../../kernel/jobs.ts";
import type { Lake } from "../../kernel/lake/client.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Database } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { type AppgatewayParts, requireSite } from "./parts.ts";
import { reportOf } from "./report-lake.ts";
import { reportFile } from "./reports.ts";
import { lastPeriod, nextEnd } from "./schedule-domain.ts";
import type { ReportSchedule, scheduleOperations } from "./schedule-operations.ts";
import { dueSchedules, scheduleStore } from "./schedule-store.ts";

type Operations = typeof scheduleOperations;

const KEPT_DEFAULT = 90;
const EVERY_MS = 15_000;
const fields = ["reportId", "requestCount", "blockedCount"];

export function scheduleHandlers(parts: AppgatewayParts) {
  return {
    async getReportSchedule(context: Context, input: InputOf<Operations["getReportSchedule"]>) {
      await requireSite(parts, context, input.siteId);
      return scheduleOf(context, input.siteId);
    },
    async setReportSchedule(
      context: Context,
      { siteId, every, keptMax = KEPT_DEFAULT }: InputOf<Operations["setReportSchedule"]>,
    ) {
      await requireSite(parts, context, siteId);
      const store = scheduleStore(context.sql);
      const time = timeText(context.nowMs);
      if (every === "off") await store.remove(context.accountId, siteId);
      // Due at once: the period that ended last is the first to be reported.
      else await store.put(context.accountId, { siteId, every, keptMax, nextTime: time }, time);
      await context.emit({
        type: "appgateway.reportScheduleSet",
        message: `Reports of site ${siteId} are made by themselves: ${every}`,
        resource: siteId,
      });
      return scheduleOf(context, siteId);
    },
    async listKeptReports(context: Context, input: InputOf<Operations["listKeptReports"]>) {
      await requireSite(parts, context, input.siteId);
      const all = await scheduleStore(context.sql).list(context.accountId, input.siteId);
      const page = pageInMemory(all, input, fields);
      return { keptReports: page.items, totalCount: page.totalCount };
    },
    async exportKeptReport(context: Context, input: InputOf<Operations["exportKeptReport"]>) {
      const { siteId, reportId } = input;
      await requireSite(parts, context, siteId);
      const store = scheduleStore(context.sql);
      const report = await store.report(context.accountId, siteId, reportId);
      if (report === undefined) throw new Problem("appgateway.reportNotFound");
      return reportFile(parts, report, input);
    },
  };
}

async function scheduleOf({ sql, accountId }: Context, siteId: string): Promise<ReportSchedule> {
  const row = await scheduleStore(sql).get(accountId, siteId);
  return row ?? { siteId, every: "off", keptMax: KEPT_DEFAULT, nextTime: null };
}

/** Makes the reports that are due. One that fails is tried again at the next turn. */
export function reportJobs(parts: {
  readonly database: Database;
  readonly lake: Lake;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
}): Job[] {
  return [{ name: "reports", everyMs: EVERY_MS, run: () => makeDue(parts) }];
}

type JobParts = Parameters<typeof reportJobs>[0];
type Due = Awaited<ReturnType<typeof dueSchedules>>[number];

async function makeDue(parts: JobParts): Promise<void> {
  const nowMs = parts.clock();
  const now = timeText(nowMs);
  const due = await parts.database.transaction("system", (sql) => dueSchedules(sql, now));
  const faults: unknown[] = [];
  // One site whose report cannot be made must not hold up the others.
  for (const one of due) await makeOne(parts, one, nowMs).catch((fault) => faults.push(fault));
  if (faults.length > 0) throw faults[0];
}

async function makeOne({ database, lake, newId }: JobParts, due: Due, nowMs: number) {
  const { accountId, siteId, every, keptMax, nextTime, domain } = due;
  // Asked outside of any transaction: the lake may take its time.
  const scope = { accountId, siteId, ...lastPeriod(every, nowMs) };
  const report = await reportOf(lake, scope, domain);
  const time = timeText(nowMs);
  await database.transaction({ accountId }, async (sql) => {
    const store = scheduleStore(sql);
    const now = await store.get(accountId, siteId);
    // Switched off, or set anew, while the lake was asked.
    if (now === undefined || now.nextTime !== nextTime) return;
    const id = newId("report");
    const isNew = await store.keep(accountId, { id, report, time, max: keptMax });
    await store.put(accountId, { ...now, nextTime: timeText(nextEnd(every, nowMs)) }, time);
    if (isNew) await tell(sql, { accountId, nowMs, report });
  });
}

function tell(
  sql: Parameters<typeof writeSystemEvent>[0],
  given: { accountId: string; nowMs: number; report: Awaited<ReturnType<typeof reportOf>> },
): Promise<void> {
  const { accountId, nowMs, report } = given;
  const { siteId, domain, startTime, endTime, totals } = report;
  const days = `${startTime.slice(0, 10)} to ${endTime.slice(0, 10)}`;
  return writeSystemEvent(sql, {
    ...{ accountId, nowMs, type: "appgateway.reportMade", resource: siteId, severityId: 1 },
    message:
      `Report of ${domain}, ${days}: ${totals.requestCount} requests, ` +
      `${totals.blockedCount} blocked, ${totals.errorCount} errors; ` +
      `it is on /sites/${siteId}?tab=keptReport`,
  });
}
