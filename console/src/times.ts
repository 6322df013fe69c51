/** Times as people read them: in their own zone or in UTC, and how long ago. */
export type Zone = "local" | "utc";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

export function timeFormat(language: string, zone: Zone): Intl.DateTimeFormat {
  const options: Intl.DateTimeFormatOptions = {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  };
  if (zone === "local") return new Intl.DateTimeFormat(language, options);
  return new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC", timeZoneName: "short" });
}

/** Such as "5 minutes ago" or "in 2 hours". */
export function relativeText(language: string, time: Date, now: Date): string {
  const seconds = Math.round((time.getTime() - now.getTime()) / 1000);
  const [unit, size] = UNITS.find(([, of]) => Math.abs(seconds) >= of) ?? ["second", 1];
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  return format.format(Math.trunc(seconds / size), unit);
}
