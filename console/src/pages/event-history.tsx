/** Events over time by outcome; loaded after the page, since charts are large. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { catalog } from "../../../src/catalog.ts";
import { callAny } from "../api/client.ts";
import { idle } from "../idle.ts";
import { useWords } from "../language.tsx";
import type { Item } from "../resource/resources.ts";
import { Failure } from "../shell/failure.tsx";
import { setTimes } from "./time-range.ts";

/** A chart is not what a person waits for first. */
const SeriesChart = lazy(async () => {
  await idle();
  return import("./series-chart.tsx");
});
const REFRESH_MS = 10_000;

type Counted = {
  readonly intervalSeconds: number;
  readonly series: readonly {
    readonly group: string;
    readonly points: readonly { readonly time: string; readonly count: number }[];
  }[];
};
type Props = {
  /** Range, text and filters as the search has them. */
  readonly search: Item & { readonly startTime: string; readonly endTime?: string | undefined };
  /** Where the whole search is, when this is not it. */
  readonly href?: string;
};

export function EventHistory({ search, href }: Props) {
  const { t } = useWords();
  const { sorts: _sorts, ...asked } = search;
  const counts = useQuery({
    queryKey: ["counts", asked],
    queryFn: async () => {
      const input = { ...asked, groupBy: "disposition" };
      return (await callAny(catalog.events.operations.countEvents, input)) as Counted;
    },
    refetchInterval: REFRESH_MS,
    placeholderData: (before) => before,
  });
  const { startTime, endTime } = search;
  const { series = [], intervalSeconds = 60 } = counts.data ?? {};
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={href === undefined ? null : <Link href={href}>{t("search")}</Link>}
        >
          {t("histogram")}
        </Header>
      }
    >
      {counts.isError ? <Failure error={counts.error} /> : null}
      <Suspense fallback={<div className="chart">{t("loading")}</div>}>
        {counts.isPending ? (
          <div className="chart">{t("loading")}</div>
        ) : (
          <SeriesChart
            title={t("histogram")}
            unit={t("eventsUnit")}
            {...{ series, intervalSeconds, startTime, endTime }}
            {...(href === undefined ? { picked: setTimes } : {})}
          />
        )}
      </Suspense>
    </Container>
  );
}
