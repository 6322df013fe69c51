/** A report on paper: figures, two charts and a table for each section, A4. */
import PDFDocument from "pdfkit";
import { countedSections, figures } from "./report-csv.ts";
import type { ReportFont } from "./report-font.ts";
import type { Report } from "./report-operations.ts";
import { type ReportLanguage, type ReportWord, reportWord } from "./report-words.ts";

type Paper = {
  readonly pdf: PDFKit.PDFDocument;
  readonly say: (word: ReportWord) => string;
  /** Without a font of many scripts, what Helvetica lacks is shown as a question mark. */
  readonly shown: (text: string) => string;
};

const MARGIN = 48;
const WIDTH = 595 - 2 * MARGIN;
const BOTTOM = 842 - MARGIN - 20;
const CHART_HEIGHT = 130;
const ROW_HEIGHT = 15;
const INK = "#1b2526";
const PALE = "#6b7f82";
const COLORS = { allowed: "#2a9d8f", observed: "#edae49", blocked: "#d1495b", latency: "#4f86c6" };

/**
 * The report as a PDF file.
 *
 * @param font undefined: Helvetica, which has Western characters only.
 */
export function reportPdf(
  report: Report,
  { language, font }: { language: ReportLanguage; font: ReportFont | undefined },
): Promise<Buffer> {
  const say = (word: ReportWord) => reportWord(word, language);
  const pdf = new PDFDocument({
    size: "A4",
    margin: MARGIN,
    bufferPages: true,
    lang: language,
    info: {
      Title: `${say("title")}: ${report.domain}`,
      Creator: "Cordon",
      // Not the time of the writing: a kept report is the same file whenever it is asked for.
      CreationDate: new Date(report.endTime),
    },
  });
  const pieces: Buffer[] = [];
  const done = new Promise<Buffer>((resolve, reject) => {
    pdf.on("data", (piece: Buffer) => pieces.push(piece));
    pdf.on("end", () => resolve(Buffer.concat(pieces)));
    pdf.on("error", reject);
  });
  if (font === undefined) pdf.font("Helvetica");
  else if (font.family === undefined) pdf.font(font.file);
  else pdf.font(font.file, font.family);
  const shown = (text: string) =>
    font === undefined ? text.replace(/[^\u0020-\u007e\u00a0-\u00ff]/gu, "?") : text;
  const paper: Paper = { pdf, say, shown };
  heading(paper, report);
  totalFigures(paper, report);
  trafficChart(paper, report);
  latencyChart(paper, report);
  urlTable(paper, report);
  for (const name of countedSections) countTable(paper, name, report[name]);
  numberPages(paper);
  pdf.end();
  return done;
}

function heading({ pdf, say, shown }: Paper, { domain, siteId, startTime, endTime }: Report) {
  pdf.fillColor(INK).fontSize(20).text(say("title"));
  pdf.fontSize(13).text(shown(domain));
  pdf.fillColor(PALE).fontSize(9);
  pdf.text(`${siteId}   ${say("period")}: ${startTime} – ${endTime}`).moveDown();
}

/** Nine figures in three columns. */
function totalFigures({ pdf, say }: Paper, { totals }: Report): void {
  const top = pdf.y;
  for (const [at, name] of figures.entries()) {
    const x = MARGIN + (at % 3) * (WIDTH / 3);
    const y = top + Math.floor(at / 3) * 40;
    pdf
      .fillColor(PALE)
      .fontSize(8)
      .text(say(name), x, y, { width: WIDTH / 3 - 8 });
    pdf
      .fillColor(INK)
      .fontSize(14)
      .text(totals[name].toLocaleString("en"), x, y + 11);
  }
  pdf.x = MARGIN;
  pdf.y = top + 3 * 40 + 6;
}

function title({ pdf }: Paper, text: string, heightWanted: number): void {
  if (pdf.y + heightWanted > BOTTOM) pdf.addPage();
  pdf
    .fillColor(INK)
    .fontSize(12)
    .text(text, MARGIN, pdf.y + 8)
    .moveDown(0.3);
}

/** Stacked bars of what passed, would have been blocked, and was. */
function trafficChart(paper: Paper, report: Report): void {
  const { pdf, say } = paper;
  title(paper, say("traffic"), CHART_HEIGHT + 60);
  const max = Math.max(
    1,
    ...report.traffic.map((one) => one.allowedCount + one.observedCount + one.blockedCount),
  );
  const frame = axes(paper, report, max);
  for (const point of report.traffic) {
    const x = frame.xOf(Date.parse(point.time));
    let y = frame.bottom;
    const parts = [
      [point.allowedCount, COLORS.allowed],
      [point.observedCount, COLORS.observed],
      [point.blockedCount, COLORS.blocked],
    ] as const;
    for (const [count, color] of parts) {
      const height = (count / max) * CHART_HEIGHT;
      y -= height;
      if (height > 0) pdf.rect(x, y, frame.barWidth, height).fill(color);
    }
  }
  legend(paper, [
    [say("allowed"), COLORS.allowed],
    [say("observedCount"), COLORS.observed],
    [say("blockedCount"), COLORS.blocked],
  ]);
}

function latencyChart(paper: Paper, report: Report): void {
  const { pdf, say } = paper;
  title(paper, say("latency"), CHART_HEIGHT + 50);
  const max = Math.max(1, ...report.traffic.map(({ latencyP95Ms }) => latencyP95Ms));
  const frame = axes(paper, report, max);
  for (const [at, { time, latencyP95Ms }] of report.traffic.entries()) {
    const x = frame.xOf(Date.parse(time)) + frame.barWidth / 2;
    const y = frame.bottom - (latencyP95Ms / max) * CHART_HEIGHT;
    if (at === 0) pdf.moveTo(x, y);
    else pdf.lineTo(x, y);
  }
  if (report.traffic.length > 1) pdf.strokeColor(COLORS.latency).lineWidth(1.2).stroke();
  else if (report.traffic.length === 1) {
    pdf.rect(frame.xOf(Date.parse(report.traffic[0]?.time ?? "")), frame.top, 3, CHART_HEIGHT);
    pdf.fill(COLORS.latency);
  }
  pdf.y = frame.bottom + 22;
}

/** A frame with its highest value and both ends of the period. */
function axes({ pdf }: Paper, report: Report, max: number) {
  const top = pdf.y + 4;
  const bottom = top + CHART_HEIGHT;
  const startMs = Date.parse(report.startTime);
  const spanMs = Date.parse(report.endTime) - startMs;
  const barWidth = Math.max(1, (WIDTH * report.intervalSeconds * 1_000) / spanMs - 0.5);
  pdf.lineWidth(0.5).strokeColor("#c8d0d0");
  pdf
    .moveTo(MARGIN, top)
    .lineTo(MARGIN + WIDTH, top)
    .stroke();
  pdf
    .moveTo(MARGIN, bottom)
    .lineTo(MARGIN + WIDTH, bottom)
    .stroke();
  pdf
    .fillColor(PALE)
    .fontSize(7)
    .text(String(max), MARGIN, top - 9, { lineBreak: false });
  pdf.text(report.startTime.slice(0, 16), MARGIN, bottom + 3, { lineBreak: false });
  pdf.text(report.endTime.slice(0, 16), MARGIN, bottom + 3, { width: WIDTH, align: "right" });
  pdf.y = bottom;
  const xOf = (ms: number) => Math.max(MARGIN, MARGIN + (WIDTH * (ms - startMs)) / spanMs);
  return { top, bottom, xOf, barWidth };
}

function legend({ pdf, shown }: Paper, entries: readonly (readonly [string, string])[]): void {
  const y = pdf.y + 14;
  let x = MARGIN;
  for (const [text, color] of entries) {
    pdf.rect(x, y, 7, 7).fill(color);
    pdf
      .fillColor(INK)
      .fontSize(8)
      .text(shown(text), x + 11, y - 1, { lineBreak: false });
    x += 11 + pdf.widthOfString(shown(text)) + 18;
  }
  pdf.x = MARGIN;
  pdf.y = y + 12;
}

function urlTable(paper: Paper, { topUrls }: Report): void {
  const { say } = paper;
  title(paper, say("topUrls"), 60);
  const heads = ["URL", say("requestCount"), say("errorCount"), say("latencyP95Ms")];
  const rows = topUrls.map(({ value, count, errorCount, latencyP95Ms }) => [
    value,
    String(count),
    String(errorCount),
    String(latencyP95Ms),
  ]);
  table(paper, [heads, ...rows], [0.52, 0.14, 0.17, 0.17]);
}

function countTable(paper: Paper, name: ReportWord, counts: Report["topUsers"]): void {
  title(paper, paper.say(name), 50);
  table(
    paper,
    counts.map(({ value, count }) => [value, String(count)]),
    [0.8, 0.2],
  );
}

/** Rows of one line each; a cell that is too long ends with dots. */
function table(paper: Paper, rows: readonly string[][], shares: readonly number[]): void {
  const { pdf, say, shown } = paper;
  if (rows.length === 0) pdf.fillColor(PALE).fontSize(9).text(say("nothing"), MARGIN);
  for (const row of rows) {
    if (pdf.y + ROW_HEIGHT > BOTTOM) pdf.addPage();
    const y = pdf.y;
    let x = MARGIN;
    for (const [at, cell] of row.entries()) {
      const width = (shares[at] ?? 0) * WIDTH;
      const align = at === 0 ? "left" : "right";
      pdf.fillColor(INK).fontSize(9);
      const text = fitted(pdf, shown(cell), width - 6);
      pdf.text(text, x, y, { width: width - 6, align, lineBreak: false });
      x += width;
    }
    pdf.x = MARGIN;
    pdf.y = y + ROW_HEIGHT;
  }
}

/** The text, cut so that it takes one line. */
function fitted(pdf: PDFKit.PDFDocument, text: string, width: number): string {
  if (pdf.widthOfString(text) <= width) return text;
  let shorter = [...text].slice(0, 160);
  while (shorter.length > 1 && pdf.widthOfString(`${shorter.join("")}…`) > width) {
    shorter = shorter.slice(0, Math.max(1, Math.floor(shorter.length * 0.9)));
  }
  return `${shorter.join("")}…`;
}

function numberPages({ pdf, say }: Paper): void {
  const { count } = pdf.bufferedPageRange();
  for (let at = 0; at < count; at++) {
    pdf.switchToPage(at);
    // The foot is below the margin, where text would begin a new page.
    pdf.page.margins.bottom = 0;
    pdf.fillColor(PALE).fontSize(8);
    const text = `Cordon   ${say("page")} ${at + 1} / ${count}`;
    pdf.text(text, MARGIN, 842 - MARGIN, { width: WIDTH, align: "center", lineBreak: false });
  }
}
