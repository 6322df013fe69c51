/** Charts of a report on paper: axes with round numbers, stacked bars and lines. */
import type { Report } from "./report-operations.ts";

/** Where a chart is drawn and what over; colors are those of every drawing of the report. */
export type ChartPlace = {
  readonly pdf: PDFKit.PDFDocument;
  readonly left: number;
  readonly width: number;
  readonly period: Pick<Report, "startTime" | "endTime" | "intervalSeconds">;
  readonly ink: string;
  readonly line: string;
};

export type ChartPoint = { readonly time: string; readonly values: readonly number[] };
export type ChartSeries = readonly { readonly name: string; readonly color: string }[];

const HEIGHT = 110;
const AXIS_WIDTH = 34;
const LABEL_HEIGHT = 12;
const LEGEND_HEIGHT = 16;
const TICKS_MAX = 4;
const TIMES_MAX = 8;
const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const TIME_STEPS = [1, 5, 15, 30, 60, 180, 360, 720, 1_440, 2_880, 10_080, 20_160].map(
  (minutes) => minutes * MINUTE_MS,
);

/** The height of a chart with its legend. */
export const CHART_HEIGHT = HEIGHT + LABEL_HEIGHT + LEGEND_HEIGHT + 14;

/** A round step of which at most four reach the highest value. */
export function stepFor(max: number): number {
  const raw = Math.max(max, 1) / TICKS_MAX;
  const power = 10 ** Math.floor(Math.log10(raw));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => factor * power);
  // Requests are counted whole.
  return Math.max(1, steps.find((step) => step >= raw && Number.isInteger(step)) ?? 1);
}

/** Draws at the document's y, and leaves it below. */
export function drawChart(
  place: ChartPlace,
  chart: {
    readonly shape: "bars" | "lines";
    readonly series: ChartSeries;
    readonly points: readonly ChartPoint[];
  },
): void {
  const { pdf, left, width } = place;
  const { shape, series, points } = chart;
  drawLegend(place, series);
  const heights = points.map(({ values }) =>
    shape === "bars" ? values.reduce((sum, value) => sum + value, 0) : Math.max(0, ...values),
  );
  const frame = drawAxes(place, Math.max(0, ...heights));
  pdf.save();
  // The first interval may begin before the period and the last end after it.
  pdf.rect(frame.left, frame.top - 2, frame.right - frame.left, HEIGHT + 4).clip();
  if (shape === "bars") drawBars(pdf, { frame, series, points });
  else drawLines(pdf, { frame, series, points });
  pdf.restore();
  pdf.x = left;
  pdf.y = frame.bottom + LABEL_HEIGHT + 2;
  pdf.fillColor(place.ink).lineWidth(0.5).opacity(1).strokeColor(place.line);
  pdf
    .moveTo(left + AXIS_WIDTH, frame.bottom)
    .lineTo(left + width, frame.bottom)
    .stroke();
}

function drawLegend({ pdf, left, ink }: ChartPlace, series: ChartSeries): void {
  const { y } = pdf;
  let x = left + AXIS_WIDTH;
  pdf.fontSize(8);
  for (const { name, color } of series) {
    pdf.rect(x, y + 1, 7, 7).fill(color);
    pdf.fillColor(ink).text(name, x + 11, y - 1, { lineBreak: false });
    x += 11 + pdf.widthOfString(name) + 18;
  }
  pdf.y = y + LEGEND_HEIGHT;
}

type Frame = ReturnType<typeof drawAxes>;

function drawAxes(place: ChartPlace, max: number) {
  const { pdf, width, period, ink, line } = place;
  const left = place.left + AXIS_WIDTH;
  const right = place.left + width;
  const top = pdf.y;
  const bottom = top + HEIGHT;
  const step = stepFor(max);
  const highest = Math.max(step, Math.ceil(max / step) * step);
  const startMs = Date.parse(period.startTime);
  const spanMs = Date.parse(period.endTime) - startMs;
  const xOf = (ms: number) => left + ((right - left) * (ms - startMs)) / spanMs;
  const yOf = (value: number) => bottom - (HEIGHT * value) / highest;
  pdf.fontSize(7).lineWidth(0.5);
  for (let value = 0; value <= highest; value += step) {
    pdf.strokeColor(line).moveTo(left, yOf(value)).lineTo(right, yOf(value)).stroke();
    const at = { width: AXIS_WIDTH - 5, align: "right", lineBreak: false } as const;
    pdf.fillColor(ink).text(value.toLocaleString("en"), place.left, yOf(value) - 4, at);
  }
  for (const { ms, text } of timesOf(startMs, spanMs)) {
    const x = xOf(ms);
    pdf
      .strokeColor(line)
      .moveTo(x, bottom)
      .lineTo(x, bottom + 3)
      .stroke();
    const at = Math.min(x - pdf.widthOfString(text) / 2, right - pdf.widthOfString(text));
    pdf.fillColor(ink).text(text, at, bottom + 4, { lineBreak: false });
  }
  const intervalMs = period.intervalSeconds * 1_000;
  return { left, right, top, bottom, xOf, yOf, intervalMs };
}

/** Round times of the period, in UTC: hours, and the day where one begins. */
function timesOf(startMs: number, spanMs: number): { ms: number; text: string }[] {
  const step = TIME_STEPS.find((one) => spanMs / one <= TIMES_MAX) ?? spanMs / TIMES_MAX;
  const times: { ms: number; text: string }[] = [];
  for (let ms = Math.ceil(startMs / step) * step; ms <= startMs + spanMs; ms += step) {
    const text = new Date(ms).toISOString();
    times.push({ ms, text: ms % DAY_MS === 0 ? text.slice(5, 10) : text.slice(11, 16) });
  }
  return times;
}

type Drawing = {
  readonly frame: Frame;
  readonly series: ChartSeries;
  readonly points: readonly ChartPoint[];
};

function drawBars(pdf: PDFKit.PDFDocument, { frame, series, points }: Drawing): void {
  const width = frame.xOf(frame.intervalMs) - frame.xOf(0);
  for (const { time, values } of points) {
    const x = frame.xOf(Date.parse(time));
    let sum = 0;
    for (const [at, value] of values.entries()) {
      if (value === 0) continue;
      const bottom = frame.yOf(sum);
      sum += value;
      const top = frame.yOf(sum);
      const gap = width > 3 ? 0.5 : 0;
      pdf.rect(x + gap, top, Math.max(1, width - 2 * gap), bottom - top);
      pdf.fill(series[at]?.color ?? "");
    }
  }
}

/** An interval without a request has no latency: a line ends before it and begins anew. */
function drawLines(pdf: PDFKit.PDFDocument, { frame, series, points }: Drawing): void {
  const runs: ChartPoint[][] = [];
  let beforeMs = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    const ms = Date.parse(point.time);
    if (ms - beforeMs > frame.intervalMs) runs.push([]);
    runs.at(-1)?.push(point);
    beforeMs = ms;
  }
  const place = ({ time, values }: ChartPoint, at: number): [x: number, y: number] => [
    frame.xOf(Date.parse(time) + frame.intervalMs / 2),
    frame.yOf(values[at] ?? 0),
  ];
  for (const [at, { color }] of series.entries()) {
    for (const [first, ...rest] of runs) {
      if (first === undefined) continue;
      pdf.circle(...place(first, at), 1.4).fill(color);
      if (rest.length === 0) continue;
      pdf.moveTo(...place(first, at));
      for (const point of rest) pdf.lineTo(...place(point, at));
      pdf.lineWidth(1.2).strokeColor(color).stroke();
    }
  }
}
