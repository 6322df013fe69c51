/** What happened on a site in a period: its business and its security in figures. */
import Type, { type Static } from "typebox";
import { input, operation, Time } from "../../kernel/operation.ts";
import { range, SiteId } from "./user-operations.ts";

const Count = Type.Object({ value: Type.String(), count: Type.Integer() });

export const Report = Type.Object({
  siteId: SiteId,
  domain: Type.String(),
  startTime: Time,
  endTime: Time,
  intervalSeconds: Type.Integer(),
  totals: Type.Object({
    requestCount: Type.Integer(),
    blockedCount: Type.Integer(),
    /** Would have been blocked; only mode `observe` let them pass. */
    observedCount: Type.Integer(),
    /** Answered with 500 and above. */
    errorCount: Type.Integer(),
    sourceCount: Type.Integer(),
    userCount: Type.Integer(),
    latencyP50Ms: Type.Number(),
    latencyP95Ms: Type.Number(),
    latencyP99Ms: Type.Number(),
  }),
  /** One point an interval; intervals without requests are left out. */
  traffic: Type.Array(
    Type.Object({
      time: Time,
      allowedCount: Type.Integer(),
      observedCount: Type.Integer(),
      blockedCount: Type.Integer(),
      errorCount: Type.Integer(),
      latencyP50Ms: Type.Number(),
      latencyP95Ms: Type.Number(),
      latencyP99Ms: Type.Number(),
    }),
  ),
  /** `2xx` … `5xx`. */
  statusClasses: Type.Array(Count),
  topUrls: Type.Array(
    Type.Object({
      value: Type.String(),
      count: Type.Integer(),
      errorCount: Type.Integer(),
      latencyP95Ms: Type.Number(),
    }),
  ),
  topUsers: Type.Array(Count),
  /** Requests that were blocked, or would have been, by attack class; one may count in several. */
  attackTypes: Type.Array(Count),
  attackSources: Type.Array(Count),
  /** Two letters, or `unknown`: without a database of countries, or a policy on the site. */
  attackCountries: Type.Array(Count),
  attackRules: Type.Array(Count),
  /** What the bot rules decided. */
  bots: Type.Array(Count),
});
export type Report = Static<typeof Report>;

export const exportFields = {
  format: Type.Enum(["csv", "pdf"]),
  language: Type.Optional(Type.Enum(["en", "zh-CN"])),
};

export const FileOutput = Type.Object({
  fileName: Type.String(),
  mediaType: Type.String(),
  contentBase64: Type.String(),
});

const shape = {
  method: "GET",
  resource: "site/{siteId}",
  problems: ["appgateway.siteNotFound", "appgateway.rangeInvalid", "appgateway.lakeUnavailable"],
} as const;

export const reportOperations = {
  getReport: operation({
    ...shape,
    name: "appgateway.getReport",
    summary: "Get the report of a site: traffic, answers, latency, attacks, bots and users",
    path: "/sites/{siteId}/report",
    action: "appgateway:GetReport",
    input: input({ siteId: SiteId, ...range }),
    output: Report,
  }),
  exportReport: operation({
    ...shape,
    name: "appgateway.exportReport",
    summary: "Get the report of a site as a CSV or PDF file",
    path: "/sites/{siteId}/report:export",
    action: "appgateway:GetReport",
    input: input({
      siteId: SiteId,
      ...range,
      ...exportFields,
    }),
    defaults: { language: "en" },
    output: FileOutput,
    problems: [...shape.problems, "appgateway.fontMissing"],
  }),
};

export const reportProblems = {
  "appgateway.fontMissing": {
    code: 503,
    message: "This machine has no font with Chinese characters, so no Chinese PDF can be made",
    fix: "Install fonts-noto-cjk, name a font file in CORDON_REPORT_FONT, or take CSV or English",
  },
} as const;
