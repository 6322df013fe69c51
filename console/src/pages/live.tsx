/** Events as they arrive, with the reason of the chosen one beside them. */
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useState } from "react";
import { useWords } from "../language.tsx";
import { useAddress, useQueryValue } from "../location.ts";
import { readTokens } from "../resource/filter-text.ts";
import { ResourceFilter } from "../resource/resource-filter.tsx";
import { resourceAt } from "../resource/resources.ts";
import { searchInput, useTableState } from "../resource/table-state.ts";
import { Failure } from "../shell/failure.tsx";
import { usePanel } from "../shell/panel.ts";
import { EventReason, matchesOf } from "./event-reason.tsx";
import { LiveRows } from "./live-rows.tsx";
import { type Live as LiveEvents, useLiveEvents } from "./live-stream.ts";

const NONE = { fixed: {}, always: [] };
/** Rows whose values the filter suggests. */
const SUGGESTED_ROWS = 200;

export default function Live() {
  const { t } = useWords();
  const [paused, setPaused] = useState(false);
  const [selected, select] = useQueryValue("event", { replace: true });
  const shown = resourceAt("search");
  const tokens = readTokens(useAddress().searchParams.get("filter") ?? "");
  const search = shown === undefined ? {} : searchInput(shown, tokens, NONE);
  const live = useLiveEvents(paused, search);
  const { kept } = live;
  const showPanel = usePanel();
  const chosen = kept.find(({ event }) => event.uid === selected);
  // biome-ignore lint/correctness/useExhaustiveDependencies: events do not change once arrived
  useEffect(() => {
    if (chosen === undefined) return showPanel(undefined);
    showPanel({
      header: t("event"),
      content: <EventReason row={chosen.event} matches={matchesOf(chosen.matches)} />,
      close: () => select(""),
    });
  }, [chosen?.event.uid, t("event")]);
  const suggested = kept.slice(0, SUGGESTED_ROWS).map(({ event }) => event);
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        counter={`(${kept.length})`}
        description={t("liveHelp")}
        actions={<Controls {...{ live, paused, setPaused }} />}
      >
        {t("live")}
      </Header>
      {live.fault === undefined ? null : (
        <Alert type="error">
          <Failure error={live.fault} />
        </Alert>
      )}
      {shown === undefined ? null : <LiveFilter {...{ shown, items: suggested }} />}
      <LiveRows {...{ kept, selected, select, paused }} scrolled={() => setPaused(true)} />
    </SpaceBetween>
  );
}

type FilterProps = Pick<Parameters<typeof ResourceFilter>[0], "shown" | "items">;

function LiveFilter({ shown, items }: FilterProps) {
  const { tokens, setTokens } = useTableState(shown, NONE);
  return <ResourceFilter {...{ shown, items, tokens, setTokens }} />;
}

type ControlsProps = {
  readonly live: LiveEvents;
  readonly paused: boolean;
  setPaused(paused: boolean): void;
};

function Controls({
  live: { connected, fault, buffered, lost },
  paused,
  setPaused,
}: ControlsProps) {
  const { t } = useWords();
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      {fault === undefined ? (
        <StatusIndicator type={connected ? "success" : "pending"}>
          {connected ? t("connected") : t("connecting")}
        </StatusIndicator>
      ) : null}
      {lost > 0 ? (
        <StatusIndicator type="warning">{t("lostRows", { count: lost })}</StatusIndicator>
      ) : null}
      <Button
        variant={paused ? "primary" : "normal"}
        nativeButtonAttributes={{ "data-key": "p" }}
        onClick={() => setPaused(!paused)}
      >
        {paused ? `${t("resume")} · ${t("buffered", { count: buffered })}` : t("pause")}
      </Button>
    </SpaceBetween>
  );
}
