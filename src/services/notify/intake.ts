/**
 * Events into deliveries. Runs in the transaction that takes an event out of the outbox, so that
 * each counts once; what a burst repeats is collected into one message.
 */
import type { Alarm } from "../../kernel/health.ts";
import { newId } from "../../kernel/id.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { type Coded, messageFields } from "../../lib/coded-text.ts";
import { deliveryStore } from "./delivery-store.ts";
import { isSilenced, routeTakes } from "./domain.ts";
import { plainLine } from "./messages.ts";
import type { Notice, Route, Silence } from "./resources.ts";
import { type ChannelRow, channelStore, routeStore } from "./store.ts";
import { tell } from "./texts.ts";

/** An event of an account as the outbox holds it. */
export type TakenEvent = {
  readonly accountId: string;
  readonly event: Readonly<Record<string, unknown>>;
};

type Settings = {
  readonly routes: readonly Route[];
  readonly silences: readonly Silence[];
  readonly channels: ReadonlyMap<string, ChannelRow>;
};

const RESOURCE_LENGTH_MAX = 256;

/** Takes events; `sql` is in the system's scope. */
export async function takeEvents(
  sql: Sql,
  events: readonly TakenEvent[],
  nowMs: number,
): Promise<void> {
  const settings = new Map<string, Settings>();
  for (const { accountId, event } of events) {
    if (accountId === "") continue;
    const known = settings.get(accountId) ?? (await settingsOf(sql, accountId, nowMs));
    settings.set(accountId, known);
    await takeNotice(sql, { accountId, notice: noticeOf(event), nowMs, ...known });
  }
}

async function settingsOf(sql: Sql, accountId: string, nowMs: number): Promise<Settings> {
  const store = routeStore(sql);
  const routes = await store.list(accountId);
  if (routes.length === 0) return { routes, silences: [], channels: new Map() };
  const silences = await store.listSilences(accountId, new Date(nowMs).toISOString());
  const channels = await channelStore(sql).list(accountId);
  return { routes, silences, channels: new Map(channels.map((one) => [one.channelId, one])) };
}

function noticeOf(event: TakenEvent["event"]): Notice {
  const text = (name: string) => (typeof event[name] === "string" ? String(event[name]) : "");
  return {
    time: text("time"),
    type: text("type"),
    severityId: typeof event.severityId === "number" ? event.severityId : 1,
    message: plainLine(text("message")),
    messageCoded: codedOf(event.messageCoded),
    ...(typeof event.fix === "string"
      ? { fix: plainLine(event.fix), fixCoded: codedOf(event.fixCoded) }
      : {}),
    resource: plainLine(text("resource")).slice(0, RESOURCE_LENGTH_MAX),
  };
}

/** As `messageFields` wrote it into the outbox. */
function codedOf(value: unknown): Coded | null {
  return typeof value === "object" && value !== null ? (value as Coded) : null;
}

async function takeNotice(
  sql: Sql,
  given: Settings & { accountId: string; notice: Notice; nowMs: number },
): Promise<void> {
  const { accountId, notice, nowMs, routes, silences, channels } = given;
  for (const route of routes.filter((one) => routeTakes(one, notice, nowMs))) {
    const silence = silences.find((one) => isSilenced(one, notice, nowMs));
    for (const channelId of route.channelIds) {
      const channel = channels.get(channelId);
      if (channel?.enabled !== true) continue;
      const group = `${route.routeId} ${notice.type}`;
      await deliveryStore(sql).collect(accountId, {
        deliveryId: newId("delivery"),
        ...{ channelId, channelName: channel.name, routeId: route.routeId, notice, nowMs },
        groupKey: silence === undefined ? group : `${group} ${silence.silenceId}`,
        state: silence === undefined ? "waiting" : "silenced",
        groupSeconds: route.groupSeconds,
      });
    }
  }
}

/**
 * Tells the operator's accounts of a machine's troubles that are new, and of those that are over.
 * Straight into deliveries: the outbox leads through the spool, whose disk may be what is full.
 *
 * @param instance whose troubles these are; every process tells of its own.
 */
export async function takeAlarms(
  sql: Sql,
  alarms: readonly Alarm[],
  { instance, nowMs }: { readonly instance: string; readonly nowMs: number },
): Promise<void> {
  const parts = new Map(alarms.map((alarm) => [alarm.part, alarm]));
  const known = await sql<{ part: string }>`
    select part from notify_alarm where instance = ${instance}`;
  const raised = [...parts.values()].filter((one) => !known.some(({ part }) => part === one.part));
  const ended = known.filter(({ part }) => !parts.has(part));
  for (const { part, message } of raised) {
    await sql`insert into notify_alarm (instance, part, message, create_time)
      values (${instance}, ${part}, ${message}, ${new Date(nowMs).toISOString()})`;
  }
  for (const { part } of ended) {
    await sql`delete from notify_alarm where instance = ${instance} and part = ${part}`;
  }
  const time = new Date(nowMs).toISOString();
  const events = [
    ...raised.map(({ part, message, messageCoded, fix, fixCoded }) => ({
      ...{ time, type: "fleet.alarmRaised", severityId: 4, resource: `${instance}/${part}` },
      ...{ message, messageCoded, fix, fixCoded },
    })),
    ...ended.map(({ part }) => ({
      ...{ time, type: "fleet.alarmEnded", severityId: 4, resource: `${instance}/${part}` },
      ...messageFields(tell("notify.alarmEnded", { part })),
    })),
  ];
  if (events.length === 0) return;
  const operators = await sql<{ accountId: string }>`select account_id from account where operator`;
  for (const { accountId } of operators) {
    await takeEvents(
      sql,
      events.map((event) => ({ accountId, event })),
      nowMs,
    );
  }
}
