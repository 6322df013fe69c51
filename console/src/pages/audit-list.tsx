/** The record, whole or the changes alone, over a time range. */
import SpaceBetween from "@cloudscape-design/components/space-between";
import Toggle from "@cloudscape-design/components/toggle";
import { lazy, Suspense } from "react";
import { useWords } from "../language.tsx";
import { useAddress, useQueryValue } from "../location.ts";
import ResourceTable from "../resource/resource-table.tsx";
import { resourceAt } from "../resource/resources.ts";
import { useTimeRange } from "./time-range.ts";

const RangePicker = lazy(() => import("./range-picker.tsx"));

export default function AuditList() {
  const { t } = useWords();
  const [changes, setChanges] = useQueryValue("changes");
  const { searchParams } = useAddress();
  const range = useTimeRange();
  const shown = resourceAt("audit");
  if (shown === undefined) return null;
  // The whole record until a range is chosen.
  const chosen = ["range", "from"].some((name) => searchParams.has(name));
  const { startTime, endTime } = range;
  const times = chosen ? { startTime, ...(endTime === undefined ? {} : { endTime }) } : {};
  return (
    <SpaceBetween size="m">
      <SpaceBetween direction="horizontal" size="m" alignItems="center">
        <Suspense fallback={t("loading")}>
          <RangePicker range={chosen ? range : undefined} />
        </Suspense>
        <Toggle
          checked={changes === "true"}
          onChange={({ detail }) => setChanges(detail.checked ? "true" : "")}
        >
          {t("changesOnly")}
        </Toggle>
      </SpaceBetween>
      <ResourceTable
        shown={shown}
        fixed={{ ...times, ...(changes === "true" ? { changesOnly: true } : {}) }}
        embedded="page"
      />
    </SpaceBetween>
  );
}
