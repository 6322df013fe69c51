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
      const { format, language: _, ...asked } = input;
      if (format === "pdf") requireFont(parts, input);
      return reportFile(parts, await load(context, asked), input);
    },
  };
}

type Font = Pick<AppgatewayParts, "fontFile">;
type Wanted = Pick<InputOf<Operations["exportReport"]>, "format" | "language">;

/** The font of a PDF, found before the work begins. @throws Problem appgateway.fontMissing. */
export function requireFont({ fontFile }: Font, { language = "en" }: Wanted) {
  const font = reportFont(fontFile);
  if (language === "zh-CN" && font === undefined) throw new Problem("appgateway.fontMissing");
  return font;
}

/** A report as a file. @throws Problem appgateway.fontMissing. */
export async function reportFile(parts: Font, report: Report, wanted: Wanted) {
  const { content, ...named } = await reportBytes(parts, report, wanted);
  return { ...named, contentBase64: content.toString("base64") };
}

/** A report as a file's bytes, the same each time. @throws Problem appgateway.fontMissing. */
export async function reportBytes(parts: Font, report: Report, wanted: Wanted) {
  const { format, language = "en" } = wanted;
  const days = [report.startTime, report.endTime].map((time) => time.slice(0, 10));
  const content =
    format === "csv"
      ? Buffer.from(reportCsv(report), "utf8")
      : await reportPdf(report, { language, font: requireFont(parts, wanted) });
  return {
    fileName: `report-${report.siteId}-${days.join("-")}.${format}`,
    mediaType: format === "csv" ? "text/csv" : "application/pdf",
    content,
  };
}
