/** Chooses the time range: one of the usual spans, or two times. */
import DateRangePicker, {
  type DateRangePickerProps,
} from "@cloudscape-design/components/date-range-picker";
import { useWords } from "../language.tsx";
import type { SpanName, TimeRange } from "./range-text.ts";
import { clearRange, setSpan, setTimes } from "./time-range.ts";

const OPTIONS: readonly (DateRangePickerProps.RelativeOption & { readonly key: SpanName })[] = [
  { key: "hour", amount: 1, unit: "hour", type: "relative" },
  { key: "day", amount: 24, unit: "hour", type: "relative" },
  { key: "week", amount: 7, unit: "day", type: "relative" },
  { key: "month", amount: 30, unit: "day", type: "relative" },
];

function pickerValue({ span, startTime, endTime = "" }: TimeRange): DateRangePickerProps.Value {
  const option = OPTIONS.find(({ key }) => key === span);
  if (option !== undefined) return option;
  return { type: "absolute", startDate: startTime, endDate: endTime };
}

/** Without a range everything is shown, and the field is empty. */
export default function RangePicker({ range }: { range: TimeRange | undefined }) {
  const { t, zone } = useWords();
  return (
    <DateRangePicker
      value={range === undefined ? null : pickerValue(range)}
      relativeOptions={OPTIONS}
      rangeSelectorMode="default"
      absoluteFormat="long-localized"
      hideTimeOffset
      {...(zone === "utc" ? { timeOffset: 0 } : {})}
      placeholder={t("range")}
      isValidRange={(value) => {
        const complete =
          value?.type === "relative" || (value?.type === "absolute" && value.endDate !== "");
        return complete ? { valid: true } : { valid: false, errorMessage: t("rangeIncomplete") };
      }}
      onChange={({ detail: { value } }) => {
        if (value === null) return clearRange();
        if (value.type === "absolute") {
          return setTimes(Date.parse(value.startDate), Date.parse(value.endDate));
        }
        const seconds = value.amount * (SECONDS[value.unit] ?? 3_600);
        const same = OPTIONS.find(({ amount, unit }) => amount * (SECONDS[unit] ?? 0) === seconds);
        if (same !== undefined) setSpan(same.key);
        else setTimes(Date.now() - seconds * 1000, Date.now());
      }}
    />
  );
}

const SECONDS: Readonly<Record<string, number>> = {
  second: 1,
  minute: 60,
  hour: 3_600,
  day: 86_400,
  week: 604_800,
  month: 2_592_000,
  year: 31_536_000,
};
