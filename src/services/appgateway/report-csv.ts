/** A report as CSV (RFC 4180): sections one below the other, for any spreadsheet. */
import type { Report } from "./report-operations.ts";

type Cell = string | number;

const FORMULA = /^[\s"']*[=+\-@|%\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/;

/**
 * A cell; text that a spreadsheet would take for a formula gets an apostrophe, since paths and
 * user names are written by whoever sends requests (OWASP, CSV injection).
 */
function cellText(cell: Cell): string {
  if (typeof cell === "number") return String(cell);
  const safe = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The whole report; UTF-8 with a mark, which spreadsheets need to see Chinese. */
export function reportCsv(report: Report): string {
  const lines: Cell[][] = [
    ["site", report.siteId, report.domain],
    ["from", report.startTime, "to", report.endTime],
    [],
    ...section(
      "totals",
      ["figure", "value"],
      figures.map((name) => [name, report.totals[name]]),
    ),
    ...section(
      "traffic",
      ["time", "allowed", "observed", "blocked", "errors", "p50Ms", "p95Ms", "p99Ms"],
      report.traffic.map((point) => [
        point.time,
        point.allowedCount,
        point.observedCount,
        point.blockedCount,
        point.errorCount,
        point.latencyP50Ms,
        point.latencyP95Ms,
        point.latencyP99Ms,
      ]),
    ),
    ...section(
      "topUrls",
      ["path", "requests", "errors", "p95Ms"],
      report.topUrls.map(({ value, count, errorCount, latencyP95Ms }) => [
        value,
        count,
        errorCount,
        latencyP95Ms,
      ]),
    ),
  ];
  for (const name of countedSections) {
    const rows = report[name].map(({ value, count }) => [value, count]);
    lines.push(...section(name, ["value", "requests"], rows));
  }
  return `\ufeff${lines.map((cells) => cells.map(cellText).join(",")).join("\r\n")}\r\n`;
}

/** The totals in the order in which they are shown: a kept report's own order is its database's. */
export const figures = [
  "requestCount",
  "blockedCount",
  "observedCount",
  "errorCount",
  "sourceCount",
  "userCount",
  "latencyP50Ms",
  "latencyP95Ms",
  "latencyP99Ms",
] as const satisfies readonly (keyof Report["totals"])[];

/** Sections of one value and its count. */
export const countedSections = [
  "statusClasses",
  "attackTypes",
  "attackSources",
  "attackCountries",
  "attackRules",
  "bots",
  "topUsers",
] as const;

function section(name: string, heads: Cell[], rows: readonly Cell[][]): Cell[][] {
  return [[name], heads, ...rows, []];
}
