import { expect, test } from "vitest";
import { parseDurationSeconds } from "./duration.ts";

test("a duration is read in the unit it names", () => {
  expect(parseDurationSeconds("90s")).toBe(90);
  expect(parseDurationSeconds("15m")).toBe(900);
  expect(parseDurationSeconds("7d")).toBe(604_800);
});

test("a duration without a unit, a sign or with trailing text is refused", () => {
  for (const text of ["15", "-5m", "5m ", "5 m", "", "5w"]) {
    expect(parseDurationSeconds(text)).toBeUndefined();
  }
});
