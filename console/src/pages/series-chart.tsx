/** Counts over time as stacked bars, with the same numbers as a table behind them. */
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Table from "@cloudscape-design/components/table";
import { BarChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useWords } from "../language.tsx";
import { useDark } from "../shell/dark-mode.ts";

use([BarChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

type Point = { readonly time: string; readonly count: number };
type Series = { readonly group: string; readonly points: readonly Point[] };
type Props = {
  readonly series: readonly Series[];
  readonly intervalSeconds: number;
  readonly startTime: string;
  readonly endTime?: string | undefined;
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

type Drawn = Omit<Props, "picked">;

function optionsFor(drawn: Drawn, words: ReturnType<typeof useWords>, dark: boolean) {
  const { series, startTime, endTime, intervalSeconds } = drawn;
  const line = dark ? "#33474a" : "#dde3e3";
  const text = dark ? "#c3ced0" : "#3d4a4c";
  const name = (group: string) => (group === "" ? words.t("events") : words.valueText(group));
  return {
    animation: false,
    // A canvas inherits nothing from the page.
    textStyle: { color: text, fontFamily: getComputedStyle(document.body).fontFamily },
    // The policy for content allows no style attribute, so the tip is drawn.
    tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" } },
    legend: { show: series.length > 1, top: 0, textStyle: { color: text }, icon: "rect" },
    grid: { left: 48, right: 16, top: series.length > 1 ? 32 : 12, bottom: 28 },
    xAxis: {
      type: "time",
      min: Date.parse(startTime),
      max: endTime === undefined ? Date.now() : Date.parse(endTime),
      axisLine: { lineStyle: { color: line } },
      axisLabel: { color: text, hideOverlap: true },
    },
    yAxis: {
      type: "value",
      minInterval: 1,
      splitLine: { lineStyle: { color: line } },
      axisLabel: { color: text },
    },
    series: series.map(({ group, points }, at) => ({
      type: "bar",
      name: name(group),
      stack: "all",
      barMaxWidth: 18,
      barMinWidth: 2,
      itemStyle: { color: COLOR_BY_GROUP[group] ?? OTHER_COLORS[at % OTHER_COLORS.length] },
      data: points.map(({ time, count }) => [Date.parse(time) + intervalSeconds * 500, count]),
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
  const { series, startTime, endTime, intervalSeconds } = props;
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
    const drawn = { series, startTime, endTime, intervalSeconds };
    chart.current?.setOption(optionsFor(drawn, words, dark), { notMerge: true });
  }, [series, startTime, endTime, intervalSeconds, words, dark]);
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
      <div ref={element} className="chart" role="img" aria-label={words.t("histogram")} />
      <ExpandableSection headerText={words.t("asTable")}>
        <Numbers series={props.series} />
      </ExpandableSection>
    </>
  );
}

function Numbers({ series }: { series: readonly Series[] }) {
  const { t, label, valueText, timeText, numberText } = useWords();
  const times = [...new Set(series.flatMap(({ points }) => points.map(({ time }) => time)))];
  const rows = times.toSorted().map((time) => ({
    time,
    counts: series.map(({ points }) => points.find((point) => point.time === time)?.count ?? 0),
  }));
  return (
    <Table
      variant="embedded"
      items={rows}
      ariaLabels={{ tableLabel: t("histogram") }}
      columnDefinitions={[
        { id: "time", header: label("time"), cell: ({ time }) => timeText(time) },
        ...series.map(({ group }, at) => ({
          id: `count ${group}`,
          header: group === "" ? t("count") : valueText(group),
          cell: ({ counts }: (typeof rows)[number]) => numberText(counts[at] ?? 0),
        })),
      ]}
      empty={t("empty")}
    />
  );
}
