/** Handlers of scheduled reports, and the job that makes them. */
import { type Context, timeText } from "../../kernel/context.ts";
import { writeSystemEvent } from "../../kernel/events/system-event.ts";
import type { Job } from "../../kernel/jobs.ts";
import type { Lake } from "../../kernel/lake/client.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Database, Sql } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import { type CodedText, messageFields } from "../../lib/coded-text.ts";
import { type AppgatewayParts, type ReportMail, requireSite } from "./parts.ts";
import { reportOf } from "./report-lake.ts";
import type { Report } from "./report-operations.ts";
import { periodText } from "./report-period.ts";
import { reportBytes, reportFile, requireFont } from "./reports.ts";
import { lastPeriod, nextEnd } from "./schedule-domain.ts";
import type { ReportSchedule, scheduleOperations } from "./schedule-operations.ts";
import { dueSchedules, scheduleStore } from "./schedule-store.ts";
import { tell } from "./texts.ts";

type Operations = typeof scheduleOperations;

const defaults: MailSettings & { keptMax: number } = {
  ...{ keptMax: 90, mailChannelIds: [], mailFormats: ["pdf"], mailLanguage: "en" },
};
const EVERY_MS = 15_000;
const MADE = "appgateway.reportMade";
const fields = ["reportId", "requestCount", "blockedCount"];

export function scheduleHandlers(parts: AppgatewayParts) {
  return {
    async getReportSchedule(context: Context, input: InputOf<Operations["getReportSchedule"]>) {
      await requireSite(parts, context, input.siteId);
      return scheduleOf(context, input.siteId);
    },
    async setReportSchedule(
      context: Context,
      { siteId, every, ...given }: InputOf<Operations["setReportSchedule"]>,
    ) {
      await requireSite(parts, context, siteId);
      const settings = { ...defaults, ...given };
      await requireMail(parts, context, settings);
      const store = scheduleStore(context.sql);
      const time = timeText(context.nowMs);
      if (every === "off") await store.remove(context.accountId, siteId);
      // Due at once: the period that ended last is the first to be reported.
      else await store.put(context.accountId, { siteId, every, ...settings, nextTime: time }, time);
      await context.emit({
        type: "appgateway.reportScheduleSet",
        message: tell(`appgateway.reportEvery.${every}`, { siteId }),
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
  return row ?? { siteId, every: "off", ...defaults, nextTime: null };
}

type MailSettings = Pick<ReportSchedule, "mailChannelIds" | "mailFormats" | "mailLanguage">;

/** What is mailed can be made and sent. @throws Problem appgateway.channelNotMail, fontMissing. */
async function requireMail(
  parts: AppgatewayParts,
  { sql, accountId }: Context,
  { mailChannelIds, mailFormats, mailLanguage: language }: MailSettings,
): Promise<void> {
  if (mailChannelIds.length === 0) return;
  const known = await parts.mailChannelIds(sql, accountId);
  const wrong = mailChannelIds.filter((channelId) => !known.has(channelId));
  if (wrong.length > 0) {
    const details = wrong.map((message) => ({ path: "/mailChannelIds", message }));
    throw new Problem("appgateway.channelNotMail", { details });
  }
  if (mailFormats.includes("pdf")) requireFont(parts, { format: "pdf", language });
}

/** Makes the reports that are due. One that fails is tried again at the next turn. */
export function reportJobs(parts: {
  readonly database: Database;
  readonly lake: Lake;
  readonly clock: () => number;
  readonly newId: (prefix: string) => string;
  readonly fontFile: string | undefined;
  /** Queues mail with files, in the same transaction. */
  readonly queueMail: (sql: Sql, mail: ReportMail) => Promise<void>;
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

async function makeOne(parts: JobParts, due: Due, nowMs: number) {
  const { database, lake, newId } = parts;
  const { accountId, siteId, every, keptMax, nextTime, domain } = due;
  // Asked outside of any transaction: the lake may take its time.
  const scope = { accountId, siteId, ...lastPeriod(every, nowMs) };
  const report = await reportOf(lake, scope, domain);
  const time = timeText(nowMs);
  const made = await filesOf(parts, report, due);
  await database.transaction({ accountId }, async (sql) => {
    const store = scheduleStore(sql);
    const now = await store.get(accountId, siteId);
    // Switched off, or set anew, while the lake was asked.
    if (now === undefined || now.nextTime !== nextTime) return;
    const id = newId("report");
    const isNew = await store.keep(accountId, { id, report, time, max: keptMax });
    await store.put(accountId, { ...now, nextTime: timeText(nextEnd(every, nowMs)) }, time);
    if (!isNew) return;
    await announce(sql, { accountId, nowMs, report });
    const { mailChannelIds: channelIds } = now;
    if (channelIds.length === 0) return;
    await parts.queueMail(sql, {
      ...{ accountId, channelIds, nowMs, files: made.files, groupKey: `report ${id}` },
      notice: {
        ...{ time, type: MADE, severityId: 1, resource: siteId },
        ...messageFields(summaryOf(report)),
        ...{ fix: made.next.text, fixCoded: made.next.coded },
      },
    });
  });
}

/** A report as the files that are mailed, and where it is; or why it has none. */
async function filesOf(
  parts: JobParts,
  report: Report,
  { siteId, mailChannelIds, mailFormats, mailLanguage: language }: Due,
) {
  const path = `/sites/${siteId}?tab=keptReport`;
  const next = tell("appgateway.reportKept", { path });
  if (mailChannelIds.length === 0) return { files: [], next };
  try {
    const files = mailFormats.map((format) => reportBytes(parts, report, { format, language }));
    return { files: await Promise.all(files), next };
  } catch (error) {
    // The font was there when the schedule was set. A report without its files is told, too.
    if (!(error instanceof Problem)) throw error;
    const { reason } = error;
    return { files: [], next: tell("appgateway.reportWithoutFiles", { reason, path }) };
  }
}

function announce(
  sql: Sql,
  given: { accountId: string; nowMs: number; report: Report },
): Promise<void> {
  const { accountId, nowMs, report } = given;
  return writeSystemEvent(sql, {
    ...{ accountId, nowMs, type: MADE, resource: report.siteId, severityId: 1 },
    message: summaryOf(report),
  });
}

const summaryOf = (report: Report): CodedText =>
  tell("appgateway.reportMade", {
    ...{ domain: report.domain, period: periodText(report) },
    requestCount: report.totals.requestCount,
    blockedCount: report.totals.blockedCount,
    errorCount: report.totals.errorCount,
  });
