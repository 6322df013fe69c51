/** Rules of notifications: which event goes where, when, and how often. */
import type { Fault } from "../../kernel/problem.ts";
import {
  type ChannelKind,
  type ChannelSecrets,
  type ChannelSettings,
  type Day,
  type Notice,
  type Route,
  type Severity,
  type Silence,
  severities,
} from "./resources.ts";

export const limits = {
  channelsMax: 50,
  routesMax: 100,
  silencesMax: 100,
  /** Events told one by one in a message; the rest is counted. */
  noticesMax: 10,
  messageLengthMax: 500,
  attemptsMax: 8,
  /** Between the first event of a group and its message, so that a burst is one message. */
  groupWaitMs: 5_000,
  sendMaxMs: 20_000,
  /** All files of one mail together; a mail server often takes 10 MB with their encoding. */
  mailFilesBytesMax: 4 * 1_048_576,
  /** Tests of channels at once in one process. */
  testsMax: 3,
  /** A sender that has not said how it went by then is taken for dead. */
  leaseMs: 60_000,
  /** Deliveries claimed at once by one process. */
  claimMax: 20,
  keepDays: 30,
} as const;

export const routeDefaults = {
  severityMin: "medium",
  services: [],
  days: [],
  fromTime: "00:00",
  toTime: "00:00",
  timeZone: "UTC",
  groupSeconds: 300,
  enabled: true,
} as const satisfies Partial<Route>;

/** OCSF severity_id: 1 informational … 5 critical. */
export function severityId(severity: Severity): number {
  return severities.indexOf(severity) + 1;
}

/** The severity of OCSF's id; ids outside 1 to 5 are the nearest. */
export function severityOf(id: number): Severity {
  return severities[Math.min(Math.max(id, 1), severities.length) - 1] ?? "informational";
}

/** The service that an event's type names before the dot. */
export function serviceOf({ type }: Notice): string {
  return type.split(".")[0] ?? "";
}

/** Whether the route takes the event now. */
export function routeTakes(route: Route, notice: Notice, nowMs: number): boolean {
  if (!route.enabled || notice.severityId < severityId(route.severityMin)) return false;
  if (route.services.length > 0 && !route.services.includes(serviceOf(notice))) return false;
  return isOpen(route, nowMs);
}

/** Whether the silence quiets the event now. */
export function isSilenced(silence: Silence, notice: Notice, nowMs: number): boolean {
  if (Date.parse(silence.expireTime) <= nowMs) return false;
  if (notice.severityId > severityId(silence.severityMax)) return false;
  if (silence.resource !== "" && silence.resource !== notice.resource) return false;
  return silence.services.length === 0 || silence.services.includes(serviceOf(notice));
}

const WEEK: readonly Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

type Window = Pick<Route, "days" | "fromTime" | "toTime" | "timeZone">;

/** Whether the window is open. One over midnight belongs to the day on which it begins. */
export function isOpen({ days, fromTime, toTime, timeZone }: Window, nowMs: number): boolean {
  const { day, time } = localTime(timeZone, nowMs);
  const isDay = (wanted: Day) => days.length === 0 || days.includes(wanted);
  if (fromTime === toTime) return isDay(day);
  if (fromTime < toTime) return isDay(day) && time >= fromTime && time < toTime;
  if (time >= fromTime) return isDay(day);
  return time < toTime && isDay(WEEK[(WEEK.indexOf(day) + 6) % 7] ?? "mon");
}

function localTime(timeZone: string, nowMs: number): { day: Day; time: string } {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  const day = WEEK.find((one) => one === parts.get("weekday")?.toLowerCase()) ?? "mon";
  return { day, time: `${parts.get("hour")}:${parts.get("minute")}` };
}

/** Whether there is such a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_FACTOR = 4;
const BACKOFF_MAX_MS = 3_600_000;

/**
 * Wait after the failed attempt of this number (1 for the first): 10 s, 40 s … one hour, and up to
 * a quarter more by `chance` (0 to 1), so that many do not come back at once.
 */
export function backoffMs(attempt: number, chance: number): number {
  const wait = Math.min(BACKOFF_FIRST_MS * BACKOFF_FACTOR ** (attempt - 1), BACKOFF_MAX_MS);
  return Math.round(wait * (1 + chance / 4));
}

/** What the settings of a kind lack or have too much; none when they can be used. */
export function settingFaults(
  kind: ChannelKind,
  settings: ChannelSettings,
  secrets: ChannelSecrets,
): Fault[] {
  return kind === "email" ? mailFaults(settings, secrets) : urlFaults(kind, secrets);
}

function mailFaults(settings: ChannelSettings, secrets: ChannelSecrets): Fault[] {
  const faults: Fault[] = [];
  for (const name of ["smtpHost", "smtpPort", "smtpSecurity", "from", "to"] as const) {
    if (settings[name] === undefined) faults.push({ path: `/${name}`, message: "is needed" });
  }
  if ((settings.smtpUser === undefined) !== (secrets.smtpPassword === undefined)) {
    faults.push({ path: "/smtpUser", message: "goes together with smtpPassword" });
  }
  if (settings.smtpSecurity === "none" && secrets.smtpPassword !== undefined) {
    const message = "none would send the password in clear; use tls or startTls";
    faults.push({ path: "/smtpSecurity", message });
  }
  return faults;
}

function urlFaults(kind: ChannelKind, { url }: ChannelSecrets): Fault[] {
  if (url === undefined) return [{ path: "/url", message: "is needed" }];
  if (!URL.canParse(url)) return [{ path: "/url", message: "is no URL" }];
  const { protocol, username, password } = new URL(url);
  if (username !== "" || password !== "") {
    return [{ path: "/url", message: "must not hold a user or password" }];
  }
  // The address of a chat room holds its token, which must not travel in clear.
  if (kind !== "webhook" && protocol !== "https:") {
    return [{ path: "/url", message: "must begin with https://" }];
  }
  return [];
}

/** What may be shown of where a channel leads. */
export function targetOf(settings: ChannelSettings, { url }: ChannelSecrets): string {
  return url === undefined ? (settings.to ?? []).join(", ") : new URL(url).host;
}
