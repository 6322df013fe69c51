/** The period of a report in words that are read; always UTC, which is what periods are cut by. */
import type { Report } from "./report-operations.ts";

const DAY_CHARACTERS = 10;
const MINUTE_CHARACTERS = 16;
const MIDNIGHT = "T00:00:00.000Z";

/** `2026-11-28`, `2026-11-23 – 2026-11-29` of whole days, else with hours and minutes. */
export function periodText({ startTime, endTime }: Pick<Report, "startTime" | "endTime">): string {
  if (!startTime.endsWith(MIDNIGHT) || !endTime.endsWith(MIDNIGHT)) {
    const minute = (time: string) => time.slice(0, MINUTE_CHARACTERS).replace("T", " ");
    return `${minute(startTime)} – ${minute(endTime)} UTC`;
  }
  const first = startTime.slice(0, DAY_CHARACTERS);
  const last = new Date(Date.parse(endTime) - 1).toISOString().slice(0, DAY_CHARACTERS);
  return `${first === last ? first : `${first} – ${last}`} UTC`;
}
