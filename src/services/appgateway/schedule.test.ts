import { expect, test } from "vitest";
import { lastPeriod, nextEnd } from "./schedule-domain.ts";

const text = (ms: number) => new Date(ms).toISOString().slice(0, 16);
const at = (time: string) => Date.parse(`${time}Z`);

test("a day is one of UTC, a week begins on Monday, and the one that runs is not reported", () => {
  const day = lastPeriod("day", at("2026-11-28T20:00:00"));
  expect([text(day.startMs), text(day.endMs)]).toEqual(["2026-11-27T00:00", "2026-11-28T00:00"]);
  // A Saturday.
  const week = lastPeriod("week", at("2026-11-28T20:00:00"));
  expect([text(week.startMs), text(week.endMs)]).toEqual(["2026-11-16T00:00", "2026-11-23T00:00"]);
  expect(text(nextEnd("week", at("2026-11-28T20:00:00")))).toBe("2026-11-30T00:00");
});

test("at the very end of a period that period is the last one", () => {
  const midnight = at("2026-11-30T00:00:00");
  expect(text(lastPeriod("day", midnight).startMs)).toBe("2026-11-29T00:00");
  expect(text(lastPeriod("week", midnight).endMs)).toBe("2026-11-30T00:00");
  expect(nextEnd("day", midnight)).toBeGreaterThan(midnight);
});
