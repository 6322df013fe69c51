/** A report on paper: figures, two charts and a table for each list that holds something, A4. */
import PDFDocument from "pdfkit";
import { filledIn } from "../../lib/coded-text.ts";
import { CHART_HEIGHT, type ChartPlace, drawChart } from "./report-chart.ts";
import { countedSections, figures } from "./report-csv.ts";
import type { ReportFont } from "./report-font.ts";
import type { Report } from "./report-operations.ts";
import { periodText } from "./report-period.ts";
import { type ReportLanguage, type ReportWord, reportValue, reportWord } from "./report-words.ts";

type Paper = {
  readonly pdf: PDFKit.PDFDocument;
  readonly language: ReportLanguage;
  readonly say: (word: ReportWord) => string;
  /** Without a font of many scripts, what Helvetica lacks is shown as a question mark. */
  readonly shown: (text: string) => string;
};

const MARGIN = 48;
const WIDTH = 595 - 2 * MARGIN;
const BOTTOM = 842 - MARGIN - 20;
const ROW_HEIGHT = 16;
const BAR_GAP = 1.5;
const HEAD_HEIGHT = 20;
const SECTION_GAP = 12;
/** A list begins with this much of it, or on the next page. */
const ROWS_TOGETHER = 3;
const TILE_HEIGHT = 40;
const TILE_GAP = 8;
const INK = "#1b2526";
const PALE = "#5b6d70";
const LINE = "#d5dcdc";
const TILE = "#f1f5f5";
const BAR = "#dceeec";
const ACCENT = "#0d7a73";
const COUNTED = [
  ["allowed", "#2a9d8f"],
  ["observedCount", "#edae49"],
  ["blockedCount", "#d1495b"],
] as const;
const LATENCIES = [
  ["latencyP50Ms", "#4f86c6"],
  ["latencyP95Ms", "#8e6bbf"],
  ["latencyP99Ms", "#5f7a76"],
] as const;

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
    font === undefined ? text.replace(/[^\u0020-\u007e\u00a0-\u00ff–’…]/gu, "?") : text;
  const paper: Paper = { pdf, language, say, shown };
  heading(paper, report);
  totalFigures(paper, report);
  if (report.totals.requestCount === 0) note(paper, say("nothing"));
  else sections(paper, report);
  numberPages(paper, report);
  pdf.end();
  return done;
}

function heading({ pdf, say, shown }: Paper, report: Report): void {
  pdf.rect(MARGIN, MARGIN - 14, 36, 3).fill(ACCENT);
  pdf.fillColor(INK).fontSize(20).text(say("title"), MARGIN, MARGIN);
  pdf.fontSize(13).text(shown(report.domain));
  pdf
    .fillColor(PALE)
    .fontSize(9)
    .text(`${periodText(report)}   ${report.siteId}`);
  pdf.y += 12;
}

/** Nine figures in three columns. */
function totalFigures({ pdf, say }: Paper, { totals }: Report): void {
  const top = pdf.y;
  const width = (WIDTH - 2 * TILE_GAP) / 3;
  for (const [at, name] of figures.entries()) {
    const x = MARGIN + (at % 3) * (width + TILE_GAP);
    const y = top + Math.floor(at / 3) * (TILE_HEIGHT + TILE_GAP);
    pdf.rect(x, y, width, TILE_HEIGHT).fill(TILE);
    const inside = { width: width - 16, lineBreak: false };
    pdf.fillColor(PALE).fontSize(8);
    pdf.text(say(name), x + 8, y + 5, inside);
    pdf.fillColor(INK).fontSize(14);
    pdf.text(totals[name].toLocaleString("en"), x + 8, y + 17, inside);
  }
  pdf.x = MARGIN;
  pdf.y = top + 3 * (TILE_HEIGHT + TILE_GAP) + 4;
}

function sections(paper: Paper, report: Report): void {
  const { say, shown, language } = paper;
  charts(paper, report);
  table(paper, {
    heads: [say("topUrls"), say("requestCount"), say("errorCount"), say("latencyP95Ms")],
    rows: report.topUrls.map(({ value, count, errorCount, latencyP95Ms }) => ({
      cells: [
        shown(value),
        ...[count, errorCount, latencyP95Ms].map((one) => one.toLocaleString("en")),
      ],
      count,
    })),
    shares: [0.49, 0.15, 0.18, 0.18],
  });
  for (const name of countedSections) {
    if (report[name].length === 0) continue;
    table(paper, {
      heads: [say(name), say("requestCount")],
      rows: report[name].map(({ value, count }) => ({
        cells: [shown(reportValue(name, value, language)), count.toLocaleString("en")],
        count,
      })),
      shares: [0.85, 0.15],
    });
  }
  const empty = countedSections.filter((name) => report[name].length === 0).map(say);
  if (empty.length === 0) return;
  const names = empty.join(language === "en" ? ", " : "、");
  paper.pdf.y += SECTION_GAP;
  note(paper, filledIn(say("nothingOf"), { names }));
}

function note({ pdf }: Paper, text: string): void {
  if (pdf.y + ROW_HEIGHT > BOTTOM) pdf.addPage();
  pdf.fillColor(PALE).fontSize(9).text(text, MARGIN, pdf.y, { width: WIDTH });
}

/** Requests by what became of them, and how long they took. */
function charts(paper: Paper, report: Report): void {
  const { pdf, say, shown } = paper;
  const place: ChartPlace = {
    ...{ pdf, left: MARGIN, width: WIDTH, period: report, ink: PALE, line: LINE },
  };
  const series = (named: readonly (readonly [ReportWord, string])[]) =>
    named.map(([word, color]) => ({ name: shown(say(word)), color }));
  sectionTitle(paper, say("traffic"));
  drawChart(place, {
    shape: "bars",
    series: series(COUNTED),
    points: report.traffic.map(({ time, allowedCount, observedCount, blockedCount }) => ({
      time,
      values: [allowedCount, observedCount, blockedCount],
    })),
  });
  sectionTitle(paper, say("latency"));
  drawChart(place, {
    shape: "lines",
    series: series(LATENCIES),
    points: report.traffic.map((point) => ({
      time: point.time,
      values: LATENCIES.map(([name]) => point[name]),
    })),
  });
}

function sectionTitle({ pdf }: Paper, text: string): void {
  if (pdf.y + CHART_HEIGHT + HEAD_HEIGHT > BOTTOM) pdf.addPage();
  pdf.y += SECTION_GAP;
  pdf.fillColor(INK).fontSize(11).text(text, MARGIN, pdf.y, { lineBreak: false });
  pdf.y += HEAD_HEIGHT;
}

type Table = {
  /** The first is the title of the list. */
  readonly heads: readonly string[];
  readonly rows: readonly { readonly cells: readonly string[]; readonly count: number }[];
  /** Of the width, by column. */
  readonly shares: readonly number[];
};

/** Rows of one line each, its share of the highest behind it; heads again on each page. */
function table(paper: Paper, { heads, rows, shares }: Table): void {
  const { pdf } = paper;
  const together = HEAD_HEIGHT + Math.min(rows.length, ROWS_TOGETHER) * ROW_HEIGHT;
  if (pdf.y + SECTION_GAP + together > BOTTOM) pdf.addPage();
  else pdf.y += SECTION_GAP;
  tableHead(paper, heads, shares);
  const max = Math.max(1, ...rows.map(({ count }) => count));
  for (const { cells, count } of rows) {
    if (pdf.y + ROW_HEIGHT > BOTTOM) {
      pdf.addPage();
      tableHead(paper, heads, shares);
    }
    const { y } = pdf;
    const barWidth = (shares[0] ?? 0) * WIDTH * (count / max);
    pdf.rect(MARGIN, y, barWidth, ROW_HEIGHT - BAR_GAP).fill(BAR);
    pdf.fillColor(INK).fontSize(9);
    const inset = (ROW_HEIGHT - BAR_GAP - pdf.currentLineHeight()) / 2;
    tableCells(paper, { cells, shares, y: y + inset });
    pdf.y = y + ROW_HEIGHT;
  }
}

function tableHead(paper: Paper, heads: readonly string[], shares: readonly number[]): void {
  const { pdf } = paper;
  const [title = "", ...rest] = heads;
  const { y } = pdf;
  pdf.fillColor(INK).fontSize(11).text(title, MARGIN, y, { lineBreak: false });
  pdf.fillColor(PALE).fontSize(8);
  tableCells(paper, { cells: ["", ...rest], shares, y: y + 3 });
  pdf.lineWidth(0.7).strokeColor(LINE);
  pdf
    .moveTo(MARGIN, y + HEAD_HEIGHT - 3)
    .lineTo(MARGIN + WIDTH, y + HEAD_HEIGHT - 3)
    .stroke();
  pdf.y = y + HEAD_HEIGHT;
}

/** Cells of one line; one that is too long ends with dots. */
function tableCells(
  { pdf }: Paper,
  row: {
    readonly cells: readonly string[];
    readonly shares: readonly number[];
    readonly y: number;
  },
): void {
  let x = MARGIN;
  for (const [at, cell] of row.cells.entries()) {
    const width = (row.shares[at] ?? 0) * WIDTH;
    const align = at === 0 ? "left" : "right";
    pdf.text(fitted(pdf, cell, width - 6), x + (at === 0 ? 3 : 0), row.y, {
      width: width - (at === 0 ? 2 : 5),
      align,
      lineBreak: false,
    });
    x += width;
  }
  pdf.x = MARGIN;
}

/** The text, cut so that it takes one line. */
function fitted(pdf: PDFKit.PDFDocument, text: string, width: number): string {
  if (pdf.widthOfString(text) <= width) return text;
  let shorter = [...text].slice(0, 160);
  while (shorter.length > 1 && pdf.widthOfString(`${shorter.join("")}…`) > width) {
    shorter = shorter.slice(0, Math.max(1, Math.floor(shorter.length * 0.95)));
  }
  return `${shorter.join("")}…`;
}

function numberPages({ pdf, say, shown }: Paper, report: Report): void {
  const { count } = pdf.bufferedPageRange();
  for (let at = 0; at < count; at++) {
    pdf.switchToPage(at);
    // The foot is below the margin, where text would begin a new page.
    pdf.page.margins.bottom = 0;
    pdf.fillColor(PALE).fontSize(8);
    const page = filledIn(say("page"), { page: String(at + 1), count: String(count) });
    const about = fitted(
      pdf,
      `Cordon   ${shown(report.domain)}   ${periodText(report)}`,
      WIDTH - 90,
    );
    pdf.text(about, MARGIN, 842 - MARGIN, { lineBreak: false });
    pdf.text(page, MARGIN, 842 - MARGIN, { width: WIDTH, align: "right", lineBreak: false });
  }
}
