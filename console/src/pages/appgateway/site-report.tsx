/** What happened on a site in the last day: figures, a chart, tables, and the same as a file. */
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { catalog } from "../../../../src/catalog.ts";
import type { Report } from "../../../../src/services/appgateway/contract.ts";
import { call } from "../../api/client.ts";
import { useWords } from "../../language.tsx";
import { Rows } from "../../resource/rows.tsx";
import { Failure } from "../../shell/failure.tsx";
import SeriesChart from "../series-chart.tsx";
import { FileButtons } from "./file-buttons.tsx";

const { getReport, exportReport } = catalog.appgateway.operations;
const DAY_MS = 86_400_000;
const DAYS = ["1", "7", "30"];
const COUNTED = [
  "statusClasses",
  "attackTypes",
  "attackSources",
  "attackCountries",
  "attackRules",
  "bots",
  "topUsers",
] as const;

export default function SiteReport({ siteId }: { siteId: string }) {
  const { t } = useWords();
  const [days, setDays] = useState("1");
  const query = useQuery({
    queryKey: ["appgateway", "report", siteId, days],
    queryFn: () => {
      const startTime = new Date(Date.now() - Number(days) * DAY_MS).toISOString();
      return call(getReport, { siteId, startTime });
    },
    placeholderData: keepPreviousData,
  });
  if (query.isError) return <Failure error={query.error} />;
  if (query.data === undefined) return <Spinner />;
  return (
    <SpaceBetween size="m">
      <SegmentedControl
        label={t("reportPeriod")}
        selectedId={days}
        onChange={({ detail }) => setDays(detail.selectedId)}
        options={DAYS.map((id) => ({ id, text: t("reportDays", { days: id }) }))}
      />
      <Shown report={query.data} />
    </SpaceBetween>
  );
}

function Shown({ report }: { report: Report }) {
  const { label, numberText, resourceTitle, valueText } = useWords();
  const chart = (["allowedCount", "observedCount", "blockedCount"] as const).map((name, at) => ({
    group: ["Allowed", "Observed", "Blocked"][at] ?? "",
    points: report.traffic.map((point) => ({ time: point.time, count: point[name] })),
  }));
  // Names of people, addresses and rules are nobody's words.
  const wordOf = (name: string, value: string) =>
    name === "attackTypes" || name === "bots" ? valueText(value) : value;
  const figures = Object.entries(report.totals);
  return (
    <SpaceBetween size="l">
      <Container
        header={<Header actions={<Files report={report} />}>{resourceTitle("report")}</Header>}
      >
        <SpaceBetween size="l">
          <KeyValuePairs
            columns={4}
            items={figures.map(([name, value]) => ({
              label: label(name),
              value: numberText(value),
            }))}
          />
          <SeriesChart
            series={chart}
            intervalSeconds={report.intervalSeconds}
            startTime={report.startTime}
            endTime={report.endTime}
          />
        </SpaceBetween>
      </Container>
      <Rows
        title={label("topUrls")}
        items={report.topUrls}
        columns={["value", "count", "errorCount", "latencyP95Ms"]}
      />
      <ColumnLayout columns={2}>
        {COUNTED.filter((name) => report[name].length > 0).map((name) => (
          <Rows
            key={name}
            title={label(name)}
            items={report[name].map(({ value, count }) => ({ value: wordOf(name, value), count }))}
            columns={["value", "count"]}
          />
        ))}
      </ColumnLayout>
    </SpaceBetween>
  );
}

/** The same report as a file, in the language of the page. */
function Files({ report }: { report: Report }) {
  const { language } = useWords();
  const { siteId, startTime, endTime } = report;
  return (
    <FileButtons
      get={(format) => call(exportReport, { siteId, startTime, endTime, format, language })}
    />
  );
}
