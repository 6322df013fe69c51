/** Reports that are made by themselves each day or week, kept, and told of by an event. */
import Type, { type Static } from "typebox";
import { idSchema, input, listInput, listOutput, operation, Time } from "../../kernel/operation.ts";
import { exportFields, FileOutput } from "./report-operations.ts";
import { SiteId } from "./user-operations.ts";

const ReportId = idSchema("report");

export const scheduleFields = {
  /** A day or a week in UTC, weeks from Monday; made within a minute after it ended. */
  every: Type.Enum(["off", "day", "week"]),
  /** So many are kept of a site. */
  keptMax: Type.Integer({ minimum: 1, maximum: 400 }),
  /** Channels of kind `email` that get each report as files; none: no mail. */
  mailChannelIds: Type.Array(idSchema("channel"), { maxItems: 10, uniqueItems: true }),
  mailFormats: Type.Array(Type.Enum(["csv", "pdf"]), {
    minItems: 1,
    maxItems: 2,
    uniqueItems: true,
  }),
  mailLanguage: Type.Enum(["en", "zh-CN"]),
};

export const ReportSchedule = Type.Object({
  siteId: SiteId,
  ...scheduleFields,
  nextTime: Type.Union([Time, Type.Null()]),
});
export type ReportSchedule = Static<typeof ReportSchedule>;

export const KeptReport = Type.Object({
  reportId: ReportId,
  siteId: SiteId,
  startTime: Time,
  endTime: Time,
  requestCount: Type.Integer(),
  blockedCount: Type.Integer(),
  createTime: Time,
});
export type KeptReport = Static<typeof KeptReport>;

const of = { resource: "site/{siteId}" } as const;

export const scheduleOperations = {
  getReportSchedule: operation({
    ...of,
    name: "appgateway.getReportSchedule",
    summary: "Get how often reports of a site are made by themselves",
    method: "GET",
    path: "/sites/{siteId}/reportSchedule",
    action: "appgateway:GetReportSchedule",
    input: input({ siteId: SiteId }),
    output: ReportSchedule,
    problems: ["appgateway.siteNotFound"],
  }),
  setReportSchedule: operation({
    ...of,
    name: "appgateway.setReportSchedule",
    summary: "Have reports of a site made each day or week; the first is that of the last one",
    method: "PUT",
    path: "/sites/{siteId}/reportSchedule",
    action: "appgateway:SetReportSchedule",
    input: input({
      siteId: SiteId,
      every: scheduleFields.every,
      keptMax: Type.Optional(scheduleFields.keptMax),
      mailChannelIds: Type.Optional(scheduleFields.mailChannelIds),
      mailFormats: Type.Optional(scheduleFields.mailFormats),
      mailLanguage: Type.Optional(scheduleFields.mailLanguage),
    }),
    defaults: { keptMax: 90, mailChannelIds: [], mailFormats: ["pdf"], mailLanguage: "en" },
    output: ReportSchedule,
    problems: ["appgateway.siteNotFound", "appgateway.channelNotMail", "appgateway.fontMissing"],
  }),
  listKeptReports: operation({
    ...of,
    name: "appgateway.listKeptReports",
    summary: "List reports of a site that were made by themselves, newest first",
    method: "GET",
    path: "/sites/{siteId}/keptReports",
    action: "appgateway:ListKeptReports",
    input: listInput({ siteId: SiteId }),
    output: listOutput("keptReports", KeptReport),
    problems: ["appgateway.siteNotFound"],
  }),
  exportKeptReport: operation({
    ...of,
    name: "appgateway.exportKeptReport",
    summary: "Get a kept report as a CSV or PDF file",
    method: "GET",
    path: "/sites/{siteId}/keptReports/{reportId}:export",
    action: "appgateway:ExportKeptReport",
    input: input({ siteId: SiteId, reportId: ReportId, ...exportFields }),
    defaults: { language: "en" },
    output: FileOutput,
    problems: ["appgateway.siteNotFound", "appgateway.reportNotFound", "appgateway.fontMissing"],
  }),
};

export const scheduleProblems = {
  "appgateway.channelNotMail": {
    code: 400,
    message: "A channel that the details name is no e-mail channel of this account",
    fix: "List the channels, and name those of kind email; a route reaches the others without files",
  },
  "appgateway.reportNotFound": {
    code: 404,
    message: "There is no such kept report",
    fix: "List the site's kept reports; the schedule says how many are kept",
  },
} as const;
