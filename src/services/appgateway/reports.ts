/** Handlers of reports. */
import type { Context } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { periodOf } from "./domain.ts";
import { type AppgatewayParts, fromLake, requireSite } from "./parts.ts";
import { reportCsv } from "./report-csv.ts";
import { reportFont } from "./report-font.ts";
import { reportOf } from "./report-lake.ts";
import type { Report, reportOperations } from "./report-operations.ts";
import { reportPdf } from "./report-pdf.ts";

type Operations = typeof reportOperations;

export function reportHandlers(parts: AppgatewayParts) {
  const load = async (
    context: Context,
    input: InputOf<Operations["getReport"]>,
  ): Promise<Report> => {
    const { siteId, domains } = await requireSite(parts, context, input.siteId);
    const period = periodOf(input, context.nowMs);
    const scope = { accountId: context.accountId, siteId, ...period };
    return fromLake(() => reportOf(parts.lake, scope, domains[0] ?? ""));
  };
  return {
    getReport: load,
    async exportReport(context: Context, input: InputOf<Operations["exportReport"]>) {
      const { format, language = "en", ...asked } = input;
      const font = format === "pdf" ? reportFont(parts.fontFile) : undefined;
      if (format === "pdf" && language === "zh-CN" && font === undefined) {
        throw new Problem("appgateway.fontMissing");
      }
      const report = await load(context, asked);
      const days = [report.startTime, report.endTime].map((time) => time.slice(0, 10));
      const content =
        format === "csv"
          ? Buffer.from(reportCsv(report), "utf8")
          : await reportPdf(report, { language, font });
      return {
        fileName: `report-${report.siteId}-${days.join("-")}.${format}`,
        mediaType: format === "csv" ? "text/csv" : "application/pdf",
        contentBase64: content.toString("base64"),
      };
    },
  };
}
