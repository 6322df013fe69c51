/** Counts over time as bars, with the same numbers as a table for who cannot see them. */
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Table from "@cloudscape-design/components/table";
import { BarChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { useWords } from "../language.tsx";

use([BarChart, GridComponent, TooltipComponent, CanvasRenderer]);

type Points = readonly { readonly time: string; readonly count: number }[];

export default function EventChart({ points }: { points: Points }) {
  const { t, label, timeText } = useWords();
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (element.current === null) return;
    const chart = init(element.current);
    chart.setOption({
      animation: false,
      // The policy for content allows no style attribute, so the tip is drawn.
      tooltip: { trigger: "axis", renderMode: "richText" },
      grid: { left: 48, right: 16, top: 16, bottom: 32 },
      xAxis: { type: "time" },
      yAxis: { type: "value", minInterval: 1 },
      series: [
        {
          type: "bar",
          barMaxWidth: 24,
          itemStyle: { color: "#2a9d8f" },
          data: points.map(({ time, count }) => [Date.parse(time), count]),
        },
      ],
    });
    const resized = new ResizeObserver(() => chart.resize());
    resized.observe(element.current);
    return () => {
      resized.disconnect();
      chart.dispose();
    };
  }, [points]);
  return (
    <>
      <div ref={element} className="chart" role="img" aria-label={t("histogram")} />
      <ExpandableSection headerText={t("details")}>
        <Table
          variant="embedded"
          items={points}
          columnDefinitions={[
            { id: "time", header: label("time"), cell: ({ time }) => timeText(time) },
            { id: "count", header: t("count"), cell: ({ count }) => count },
          ]}
          empty={t("empty")}
        />
      </ExpandableSection>
    </>
  );
}
