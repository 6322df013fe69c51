/** Periods of reports that are made by themselves: days and weeks in UTC. */
import type { Period } from "./domain.ts";

const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday; the first Monday came four days later. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

/** The last whole day or week before a time. */
export function lastPeriod(every: "day" | "week", nowMs: number): Period {
  const [lengthMs, offsetMs] = every === "day" ? [DAY_MS, 0] : [7 * DAY_MS, FIRST_MONDAY_MS];
  const endMs = Math.floor((nowMs - offsetMs) / lengthMs) * lengthMs + offsetMs;
  return { startMs: endMs - lengthMs, endMs };
}

/** When the period that runs now has ended. */
export function nextEnd(every: "day" | "week", nowMs: number): number {
  const { startMs, endMs } = lastPeriod(every, nowMs);
  return endMs + (endMs - startMs);
}
