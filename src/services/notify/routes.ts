/** Routes and silences: what goes where, and what stays quiet for a while. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { violates } from "../../kernel/store/database.ts";
import { isTimeZone, limits, routeDefaults } from "./domain.ts";
import type { Route, Silence } from "./resources.ts";
import type { routeOperations } from "./route-operations.ts";
import { channelStore, routeStore } from "./store.ts";

/** @throws Problem notify.limit, channelNotFound, timeZoneInvalid or routeExists. */
export async function createRoute(
  context: Context,
  input: InputOf<typeof routeOperations.createRoute>,
): Promise<Route> {
  const { sql, accountId, nowMs } = context;
  if ((await routeStore(sql).list(accountId)).length >= limits.routesMax) {
    throw new Problem("notify.limit");
  }
  const routeId = context.newId("route");
  return put(context, { ...routeDefaults, ...input, routeId, createTime: timeText(nowMs) });
}

/** @throws Problem notify.routeNotFound, channelNotFound, timeZoneInvalid or routeExists. */
export async function updateRoute(
  context: Context,
  input: InputOf<typeof routeOperations.updateRoute>,
): Promise<Route> {
  const routes = await routeStore(context.sql).list(context.accountId);
  const before = routes.find(({ routeId }) => routeId === input.routeId);
  if (before === undefined) throw new Problem("notify.routeNotFound");
  return put(context, { ...before, ...input });
}

async function put({ sql, accountId }: Context, route: Route): Promise<Route> {
  if (!isTimeZone(route.timeZone)) throw new Problem("notify.timeZoneInvalid");
  const known = new Set((await channelStore(sql).list(accountId)).map((one) => one.channelId));
  const missing = route.channelIds.filter((channelId) => !known.has(channelId));
  if (missing.length > 0) {
    const details = missing.map((message) => ({ path: "/channelIds", message }));
    throw new Problem("notify.channelNotFound", { details });
  }
  try {
    await routeStore(sql).put(accountId, route);
  } catch (error) {
    if (violates(error, "notify_route_name_unique")) throw new Problem("notify.routeExists");
    throw error;
  }
  return route;
}

/** @throws Problem notify.limit. */
export async function createSilence(
  context: Context,
  input: InputOf<typeof routeOperations.createSilence>,
): Promise<Silence> {
  const { sql, accountId, nowMs, caller } = context;
  const store = routeStore(sql);
  if ((await store.listSilences(accountId, timeText(nowMs))).length >= limits.silencesMax) {
    throw new Problem("notify.limit");
  }
  const silence: Silence = {
    silenceId: context.newId("silence"),
    services: input.services ?? [],
    resource: input.resource ?? "",
    severityMax: input.severityMax ?? "high",
    reason: input.reason,
    createdBy: caller.principalName,
    expireTime: timeText(nowMs + input.ttlSeconds * 1000),
    createTime: timeText(nowMs),
  };
  await store.insertSilence(accountId, silence);
  const message = `${caller.principalName} silenced notifications until ${silence.expireTime}`;
  await context.emit({ type: "notify.silenceCreated", message, severityId: 2 });
  return silence;
}
