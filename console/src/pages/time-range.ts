/** The time range of the page, and how it is changed: both in the address. */
import { setQueryValues, useAddress } from "../location.ts";
import { readRange, type SpanName, type TimeRange } from "./range-text.ts";

export const useTimeRange = (): TimeRange => readRange(useAddress().searchParams, Date.now());

export function setSpan(span: SpanName): void {
  setQueryValues({ range: span, from: "", to: "", page: "" });
}

export function clearRange(): void {
  setQueryValues({ range: "", from: "", to: "", page: "" });
}

export function setTimes(fromMs: number, toMs: number): void {
  const times = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
  setQueryValues({ ...times, range: "", page: "" });
}
