/** Searches the lake: one filter and one range for the chart, the frequent values and the list. */
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { catalog } from "../../../src/catalog.ts";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { useAddress, useQueryValue } from "../location.ts";
import { readTokens, withToken, writeTokens } from "../resource/filter-text.ts";
import ResourceTable from "../resource/resource-table.tsx";
import { type Item, resourceAt } from "../resource/resources.ts";
import { searchInput } from "../resource/table-state.ts";
import { Value } from "../resource/value.tsx";
import { Asked } from "../resource/value-menu.tsx";
import { Failure } from "../shell/failure.tsx";
import { EventHistory } from "./event-history.tsx";
import { useTimeRange } from "./time-range.ts";

const RangePicker = lazy(() => import("./range-picker.tsx"));
const FIELDS = [
  "sourceIp",
  "path",
  "ruleIds",
  "disposition",
  "method",
  "host",
  "userAgent",
  "ja4",
  "status",
];
const VALUES_MAX = 8;

export default function Search() {
  const { t } = useWords();
  const range = useTimeRange();
  const { searchParams } = useAddress();
  const shown = resourceAt("search");
  if (shown === undefined) return null;
  const { startTime, endTime } = range;
  const times = { startTime, ...(endTime === undefined ? {} : { endTime }) };
  const tokens = readTokens(searchParams.get("filter") ?? "");
  const search = { ...searchInput(shown, tokens, { fixed: times, always: [] }), ...times };
  return (
    <SpaceBetween size="l">
      <SpaceBetween direction="horizontal" size="s" alignItems="center">
        <Box variant="awsui-key-label">{t("range")}</Box>
        <Suspense fallback={t("loading")}>
          <RangePicker range={range} />
        </Suspense>
      </SpaceBetween>
      <ResourceTable shown={shown} fixed={times} embedded="page" />
      <EventHistory search={search} />
      <Top search={search} />
    </SpaceBetween>
  );
}

type Counted = { readonly value: string; readonly count: number };

function Top({ search }: { search: Item }) {
  const { t, label, numberText } = useWords();
  const [chosen, choose] = useQueryValue("top");
  const address = useAddress();
  const field = FIELDS.includes(chosen) ? chosen : "sourceIp";
  const query = useQuery({
    queryKey: ["top", field, search],
    queryFn: () =>
      callAny(catalog.events.operations.topValues, { ...search, field, valuesMax: VALUES_MAX }),
    placeholderData: (before) => before,
  });
  const options = FIELDS.map((value) => ({ value, label: label(value) }));
  const values = (query.data?.values ?? []) as readonly Counted[];
  const only = (value: string): string => {
    const next = new URL(address);
    const tokens = readTokens(next.searchParams.get("filter") ?? "");
    next.searchParams.set(
      "filter",
      writeTokens(withToken(tokens, { field, operator: "=", value })),
    );
    return next.pathname + next.search;
  };
  return (
    <Table
      items={values}
      ariaLabels={{ tableLabel: t("topValues") }}
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
        {
          id: "value",
          header: label(field),
          cell: ({ value }) => (
            <Asked field={field} value={value}>
              <Value field={field} value={value} />
            </Asked>
          ),
        },
        {
          id: "count",
          header: t("count"),
          cell: ({ value, count }) => <Link href={only(value)}>{numberText(count)}</Link>,
        },
      ]}
      empty={query.isError ? <Failure error={query.error} /> : t("empty")}
    />
  );
}
