/** Searches the lake: a time range, filters, the count over time and the most frequent values. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { catalog } from "../../../src/catalog.ts";
import { call, callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { useQueryValue } from "../location.ts";
import ResourceTable from "../resource/resource-table.tsx";
import { Failure } from "../shell/failure.tsx";

const EventChart = lazy(() => import("./event-chart.tsx"));
const RANGES = { hour: 3_600, day: 86_400, week: 604_800 } as const;
const FIELDS = ["sourceIp", "path", "ruleIds", "disposition", "method", "userAgent", "status"];
const [resource] = catalog.events.resources;
const shown = {
  path: "search",
  contract: catalog.events,
  resource,
  filterable: ["sourceIp", "disposition", "method", "host", "path", "status", "score", "siteId"],
};

export default function Search() {
  const { t } = useWords();
  const [range, setRange] = useQueryValue("range");
  const seconds = range === "hour" ? RANGES.hour : range === "week" ? RANGES.week : RANGES.day;
  const [now] = useState(() => Date.now());
  const startTime = new Date(now - seconds * 1000).toISOString();
  const counts = useQuery({
    queryKey: ["counts", startTime],
    queryFn: () => call(catalog.events.operations.countEvents, { startTime }),
    refetchInterval: 10_000,
  });
  return (
    <SpaceBetween size="l">
      <SegmentedControl
        label={t("range")}
        selectedId={range === "" ? "day" : range}
        onChange={({ detail }) => setRange(detail.selectedId)}
        options={[
          { id: "hour", text: t("lastHour") },
          { id: "day", text: t("lastDay") },
          { id: "week", text: t("lastWeek") },
        ]}
      />
      <Container header={<Header variant="h2">{t("histogram")}</Header>}>
        {counts.isError ? <Failure error={counts.error} /> : null}
        <Suspense fallback={t("loading")}>
          <EventChart points={counts.data?.series[0]?.points ?? []} />
        </Suspense>
      </Container>
      <Top startTime={startTime} />
      <ResourceTable shown={shown} fixed={{ startTime }} />
    </SpaceBetween>
  );
}

function Top({ startTime }: { startTime: string }) {
  const { t, label } = useWords();
  const [chosen, choose] = useQueryValue("top");
  const field = FIELDS.includes(chosen) ? chosen : "sourceIp";
  const query = useQuery({
    queryKey: ["top", field, startTime],
    queryFn: () => callAny(catalog.events.operations.topValues, { field, startTime, valuesMax: 8 }),
  });
  const options = FIELDS.map((value) => ({ value, label: label(value) }));
  const values = (query.data?.values ?? []) as { value: string; count: number }[];
  return (
    <Table
      items={values}
      header={
        <Header
          variant="h2"
          actions={
            <Select
              ariaLabel={t("field")}
              options={options}
              selectedOption={options.find(({ value }) => value === field) ?? null}
              onChange={({ detail }) => choose(detail.selectedOption.value ?? "")}
            />
          }
        >
          {t("topValues")}
        </Header>
      }
      columnDefinitions={[
        { id: "value", header: label(field), cell: ({ value }) => value },
        { id: "count", header: t("count"), cell: ({ count }) => count },
      ]}
      empty={query.isError ? <Failure error={query.error} /> : t("empty")}
    />
  );
}
