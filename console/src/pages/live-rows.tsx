/** The rows of the live view: only those in sight are in the page, so thousands cost nothing. */
import Box from "@cloudscape-design/components/box";
import { useEffect, useRef, useState } from "react";
import { useWords } from "../language.tsx";
import { Value } from "../resource/value.tsx";
import type { Tailed } from "./live-stream.ts";

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
const ROWS_BEFORE = 10;

type Props = {
  readonly kept: readonly Tailed[];
  readonly selected: string;
  readonly paused: boolean;
  select(uid: string): void;
  scrolled(): void;
};

export function LiveRows({ kept, selected, paused, select, scrolled }: Props) {
  const { t, label } = useWords();
  const [top, setTop] = useState(0);
  const area = useRef<HTMLElement>(null);
  // Going on means to see the newest again.
  useEffect(() => {
    if (!paused && area.current !== null) area.current.scrollTop = 0;
  }, [paused]);
  const first = Math.max(0, Math.floor(top / ROW_PIXELS) - ROWS_BEFORE);
  const rows = kept.slice(first, first + SHOWN_ROWS);
  return (
    <section
      ref={area}
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
            <span key={column} data-field={column} data-value={String(event[column])}>
              <Value field={column} value={event[column]} />
            </span>
          ))}
        </button>
      ))}
      <div style={{ height: Math.max(0, kept.length - first - SHOWN_ROWS) * ROW_PIXELS }} />
    </section>
  );
}
