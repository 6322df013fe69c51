/** Numbers over time as stacked bars or as lines, with the same as a table behind them. */
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Table from "@cloudscape-design/components/table";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useWords } from "../language.tsx";
import { useDark } from "../shell/dark-mode.ts";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

type Point = { readonly time: string; readonly count: number };
type Series = { readonly group: string; readonly points: readonly Point[] };
type Props = {
  readonly series: readonly Series[];
  readonly intervalSeconds: number;
  readonly startTime: string;
  readonly endTime?: string | undefined;
  /** What is shown, for who does not see it. */
  readonly title: string;
  /** What the numbers count, or the unit they are in: the name of their axis. */
  readonly unit: string;
  /** Bars are for counts, which add up; lines for what does not. */
  readonly shape?: "bars" | "lines";
  /** Somebody chose a bar: from and to in milliseconds. */
  picked?(fromMs: number, toMs: number): void;
};

/** Told apart by lightness too, for who sees no difference of hue. */
const COLOR_BY_GROUP: Readonly<Record<string, string>> = {
  Blocked: "#d1495b",
  Observed: "#edae49",
  Allowed: "#2a9d8f",
};
const OTHER_COLORS = ["#4f86c6", "#8f6bb3", "#6b7f82", "#b0813f", "#3f7d58", "#a85c86"];

type Drawn = Omit<Props, "picked" | "title">;
type Words = ReturnType<typeof useWords>;

/** Bars are of values of a field, lines of a field each. */
function nameOf(group: string, shape: Props["shape"], { t, label, valueText }: Words): string {
  if (group === "") return t("events");
  return shape === "lines" ? label(group) : valueText(group);
}

function optionsFor(drawn: Drawn, words: Words, dark: boolean) {
  const { series, startTime, endTime, intervalSeconds, unit, shape = "bars" } = drawn;
  const line = dark ? "#33474a" : "#dde3e3";
  const text = dark ? "#c3ced0" : "#3d4a4c";
  const max = endTime === undefined ? Date.now() : Date.parse(endTime);
  const middle = (time: string) => Math.min(max, Date.parse(time) + intervalSeconds * 500);
  const drawing =
    shape === "bars"
      ? { type: "bar", stack: "all", barMaxWidth: 18, barMinWidth: 2 }
      : { type: "line", symbolSize: 5 };
  return {
    animation: false,
    // A canvas inherits nothing from the page.
    textStyle: { color: text, fontFamily: getComputedStyle(document.body).fontFamily },
    // The policy for content allows no style attribute, so the tip is drawn.
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
    // Beside the name of the axis, and in one line on a narrow page as well.
    legend: {
      show: series.length > 1,
      type: "scroll",
      top: 0,
      left: 72,
      textStyle: { color: text },
      icon: "rect",
    },
    grid: { left: 48, right: 16, top: 32, bottom: 28 },
    xAxis: {
      type: "time",
      min: Date.parse(startTime),
      max,
      axisLine: { lineStyle: { color: line } },
      axisLabel: { color: text, hideOverlap: true },
    },
    yAxis: {
      type: "value",
      name: unit,
      nameTextStyle: { color: text, align: "left", padding: [0, 0, 0, -36] },
      minInterval: 1,
      splitLine: { lineStyle: { color: line } },
      axisLabel: { color: text },
    },
    series: series.map(({ group, points }, at) => ({
      ...drawing,
      name: nameOf(group, shape, words),
      itemStyle: { color: COLOR_BY_GROUP[group] ?? OTHER_COLORS[at % OTHER_COLORS.length] },
      data: points.map(({ time, count }) => [middle(time), count]),
    })),
  };
}

export default function SeriesChart(props: Props) {
  const words = useWords();
  const dark = useDark();
  const isEmpty = props.series.every(({ points }) => points.length === 0);
  const element = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  const pick = useRef(props.picked);
  pick.current = props.picked;
  const { series, startTime, endTime, intervalSeconds, unit, shape, title } = props;
  useEffect(() => {
    if (element.current === null) return;
    const made = init(element.current);
    chart.current = made;
    const { current } = element;
    const resized = new ResizeObserver(() => {
      // It is also called at the beginning, when everything was drawn a moment ago.
      const { clientWidth, clientHeight } = current;
      if (made.getWidth() === clientWidth && made.getHeight() === clientHeight) return;
      made.resize();
    });
    resized.observe(current);
    return () => {
      resized.disconnect();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    const drawn = {
      ...{ series, startTime, endTime, intervalSeconds, unit },
      ...(shape === undefined ? {} : { shape }),
    };
    chart.current?.setOption(optionsFor(drawn, words, dark), { notMerge: true });
  }, [series, startTime, endTime, intervalSeconds, unit, shape, words, dark]);
  useEffect(() => {
    chart.current?.off("click");
    chart.current?.on("click", ({ value }) => {
      const middle = Array.isArray(value) ? Number(value[0]) : Number.NaN;
      if (Number.isNaN(middle)) return;
      pick.current?.(middle - intervalSeconds * 500, middle + intervalSeconds * 500);
    });
  }, [intervalSeconds]);
  return (
    <>
      {isEmpty ? <Box color="text-body-secondary">{words.t("noEvents")}</Box> : null}
      <div ref={element} className="chart" role="img" aria-label={title} />
      {isEmpty ? null : (
        <Box color="text-body-secondary" fontSize="body-s" textAlign="right">
          {words.t(shape === "lines" ? "perPoint" : "perBar", {
            span: words.quantityText("intervalSeconds", intervalSeconds) || `${intervalSeconds} s`,
          })}
        </Box>
      )}
      <ExpandableSection headerText={words.t("asTable")}>
        <Numbers {...{ series, title, shape }} />
      </ExpandableSection>
    </>
  );
}

function Numbers({ series, title, shape }: Pick<Props, "series" | "title" | "shape">) {
  const words = useWords();
  const { t, label, timeText, numberText } = words;
  const times = [...new Set(series.flatMap(({ points }) => points.map(({ time }) => time)))];
  const rows = times.toSorted().map((time) => ({
    time,
    counts: series.map(({ points }) => points.find((point) => point.time === time)?.count ?? 0),
  }));
  return (
    <Table
      variant="embedded"
      items={rows}
      ariaLabels={{ tableLabel: title }}
      columnDefinitions={[
        { id: "time", header: label("time"), cell: ({ time }) => timeText(time) },
        ...series.map(({ group }, at) => ({
          id: `count ${group}`,
          header: group === "" ? t("count") : nameOf(group, shape, words),
          cell: ({ counts }: (typeof rows)[number]) => numberText(counts[at] ?? 0),
        })),
      ]}
      empty={t("empty")}
    />
  );
}
