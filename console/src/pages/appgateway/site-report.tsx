/** What happened on a site in the last days: figures, charts, tables, and the same as a file. */
import Box from "@cloudscape-design/components/box";
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
import { countryText } from "../../../../src/lib/country-name.ts";
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
/** Lists of counts, with the field that their values are of: its words, links and menu. */
const COUNTED = [
  ["statusClasses", "status"],
  ["attackTypes", "category"],
  ["attackSources", "sourceIp"],
  ["attackCountries", "country"],
  ["attackRules", "ruleId"],
  ["bots", "bots"],
  ["topUsers", "userName"],
] as const;
const LATENCIES = ["latencyP50Ms", "latencyP95Ms", "latencyP99Ms"] as const;

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
        options={DAYS.map((id) => ({
          id,
          text: id === "1" ? t("lastDay") : t("lastDays", { days: id }),
        }))}
      />
      <Shown report={query.data} />
    </SpaceBetween>
  );
}

function Shown({ report }: { report: Report }) {
  const { t, label, numberText, resourceTitle, timeText } = useWords();
  const { totals, startTime, endTime } = report;
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            description={t("fromUntil", { from: timeText(startTime), until: timeText(endTime) })}
            actions={<Files report={report} />}
          >
            {resourceTitle("report")}
          </Header>
        }
      >
        <SpaceBetween size="l">
          {totals.requestCount === 0 ? <Box>{t("nothingSeen")}</Box> : null}
          <KeyValuePairs
            columns={4}
            items={Object.entries(totals).map(([name, value]) => ({
              label: label(name),
              value: numberText(value),
            }))}
          />
        </SpaceBetween>
      </Container>
      {totals.requestCount === 0 ? null : (
        <SpaceBetween size="l">
          <Charts report={report} />
          <Rankings report={report} />
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

/** How many requests came and how long they took, over time. */
function Charts({ report }: { report: Report }) {
  const { t } = useWords();
  const { traffic, intervalSeconds, startTime, endTime } = report;
  const counts = (["allowedCount", "observedCount", "blockedCount"] as const).map((name, at) => ({
    group: ["Allowed", "Observed", "Blocked"][at] ?? "",
    points: traffic.map((point) => ({ time: point.time, count: point[name] })),
  }));
  const latencies = LATENCIES.map((group) => ({
    group,
    points: traffic.map((point) => ({ time: point.time, count: point[group] })),
  }));
  const shared = { intervalSeconds, startTime, endTime };
  return (
    <SpaceBetween size="l">
      <Container header={<Header>{t("requestsOverTime")}</Header>}>
        <SeriesChart
          {...shared}
          series={counts}
          title={t("requestsOverTime")}
          unit={t("requestsUnit")}
        />
      </Container>
      <Container header={<Header>{t("latencyOverTime")}</Header>}>
        <SeriesChart
          {...shared}
          series={latencies}
          shape="lines"
          title={t("latencyOverTime")}
          unit={t("millisecondsUnit")}
        />
      </Container>
    </SpaceBetween>
  );
}

/** What came most often: URLs, answers, attacks, bots and users. */
function Rankings({ report }: { report: Report }) {
  const { label, language } = useWords();
  return (
    <SpaceBetween size="l">
      <Rows
        title={label("topUrls")}
        items={report.topUrls.map(({ value, ...rest }) => ({ path: value, ...rest }))}
        columns={["path", "count", "errorCount", "latencyP95Ms"]}
        barOf="count"
      />
      <ColumnLayout columns={2}>
        {COUNTED.filter(([name]) => report[name].length > 0).map(([name, field]) => (
          <Rows
            key={name}
            title={label(name)}
            items={report[name].map(({ value, count }) => ({
              [field]: field === "country" ? countryText(value, language) : value,
              [`${field}Coded`]: { code: `appgateway.${name}.${value}`, values: {} },
              count,
            }))}
            columns={[field, "count"]}
            barOf="count"
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
