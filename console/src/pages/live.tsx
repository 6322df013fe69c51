/** Events as they arrive, with the reason of the chosen one beside them. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useEffect, useState } from "react";
import { useWords } from "../language.tsx";
import { useQueryValue } from "../location.ts";
import { Value } from "../resource/value.tsx";
import { usePanel } from "../shell/shell.tsx";
import { EventReason, matchesOf } from "./event-reason.tsx";
import { type Tailed, useLiveEvents } from "./live-stream.ts";

const COLUMNS = [
  "time",
  "disposition",
  "sourceIp",
  "method",
  "path",
  "status",
  "score",
  "message",
] as const;
const ROW_PIXELS = 32;
const SHOWN_ROWS = 60;

export default function Live() {
  const { t } = useWords();
  const [paused, setPaused] = useState(false);
  const [selected, select] = useQueryValue("event");
  const { kept, buffered, connected } = useLiveEvents(paused);
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
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        counter={`(${kept.length})`}
        actions={
          <SpaceBetween direction="horizontal" size="xs" alignItems="center">
            <StatusIndicator type={connected ? "success" : "pending"}>
              {connected ? t("connected") : t("connecting")}
            </StatusIndicator>
            {paused ? <Box>{t("buffered", { count: buffered })}</Box> : null}
            <Button onClick={() => setPaused(!paused)}>{paused ? t("resume") : t("pause")}</Button>
          </SpaceBetween>
        }
      >
        {t("live")}
      </Header>
      <Rows {...{ kept, selected, select }} scrolled={() => setPaused(true)} />
    </SpaceBetween>
  );
}

type RowsProps = {
  readonly kept: readonly Tailed[];
  readonly selected: string;
  select(uid: string): void;
  scrolled(): void;
};

/** Only the rows in view are in the page, so that thousands cost nothing. */
function Rows({ kept, selected, select, scrolled }: RowsProps) {
  const { t, label } = useWords();
  const [top, setTop] = useState(0);
  const first = Math.max(0, Math.floor(top / ROW_PIXELS) - 10);
  const rows = kept.slice(first, first + SHOWN_ROWS);
  return (
    <section
      className="live"
      aria-label={t("live")}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must take the keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop } }) => {
        setTop(scrollTop);
        if (scrollTop > ROW_PIXELS) scrolled();
      }}
    >
      <div className="live-row live-head">
        {COLUMNS.map((column) => (
          <span key={column}>{label(column)}</span>
        ))}
      </div>
      {kept.length === 0 ? <Box padding="l">{t("liveEmpty")}</Box> : null}
      <div style={{ height: first * ROW_PIXELS }} />
      {rows.map(({ event }) => (
        <button
          key={event.uid}
          type="button"
          className="live-row"
          aria-pressed={event.uid === selected}
          onClick={() => select(event.uid)}
        >
          {COLUMNS.map((column) => (
            <span key={column}>
              <Value field={column} value={event[column]} />
            </span>
          ))}
        </button>
      ))}
      <div style={{ height: Math.max(0, kept.length - first - SHOWN_ROWS) * ROW_PIXELS }} />
    </section>
  );
}
