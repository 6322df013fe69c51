/** Handlers of notifications. */
import { timeText } from "../../kernel/context.ts";
import type { Sealer } from "../../kernel/identity/sealer.ts";
import type { Outbound } from "../../kernel/outbound.ts";
import { Problem } from "../../kernel/problem.ts";
import { type Service, service } from "../../kernel/service.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { Texts } from "../../lib/coded-text.ts";
import { createChannel, deleteChannel, listChannels, updateChannel } from "./channels.ts";
import { notifyContract } from "./contract.ts";
import { deliveryView, listDeliveries, testChannel } from "./deliveries.ts";
import { deliveryStore } from "./delivery-store.ts";
import { createRoute, createSilence, updateRoute } from "./routes.ts";
import { routeStore } from "./store.ts";

export type NotifyParts = {
  readonly sealer: Sealer;
  readonly outbound: Outbound;
  /** Every text that Cordon composes. */
  readonly texts: Texts;
  readonly clock: () => number;
};

/** The notify service. */
export function notifyService(given: NotifyParts): Service {
  const parts = { ...given, tests: { running: 0 } };
  return service(notifyContract, {
    async listChannels(context, input) {
      const fields = ["channelId", "name", "kind", "target", "enabled", "lastState"];
      const page = pageInMemory(await listChannels(context), input, fields);
      return { channels: page.items, totalCount: page.totalCount };
    },
    async getChannel(context, { channelId }) {
      const found = (await listChannels(context)).find((one) => one.channelId === channelId);
      if (found === undefined) throw new Problem("notify.channelNotFound");
      return found;
    },
    createChannel: (context, input) => createChannel(parts, context, input),
    updateChannel: (context, input) => updateChannel(parts, context, input),
    testChannel: (context, { channelId }) => testChannel(parts, context, channelId),
    async deleteChannel(context, { channelId }) {
      await deleteChannel(context, channelId);
      return {};
    },
    async listRoutes({ sql, accountId }, input) {
      const fields = ["routeId", "name", "severityMin", "services", "channelIds", "enabled"];
      const page = pageInMemory(await routeStore(sql).list(accountId), input, fields);
      return { routes: page.items, totalCount: page.totalCount };
    },
    createRoute,
    updateRoute,
    async deleteRoute({ sql, accountId }, { routeId }) {
      const deleted = await routeStore(sql).delete(accountId, routeId);
      if (deleted.length === 0) throw new Problem("notify.routeNotFound");
      return {};
    },
    async listSilences({ sql, accountId, nowMs }, input) {
      const silences = await routeStore(sql).listSilences(accountId, timeText(nowMs));
      const fields = ["silenceId", "services", "resource", "severityMax", "createdBy"];
      const page = pageInMemory(silences, input, fields);
      return { silences: page.items, totalCount: page.totalCount };
    },
    createSilence,
    async deleteSilence({ sql, accountId }, { silenceId }) {
      const deleted = await routeStore(sql).deleteSilence(accountId, silenceId);
      if (deleted.length === 0) throw new Problem("notify.silenceNotFound");
      return {};
    },
    listDeliveries,
    async getDelivery({ sql, accountId }, { deliveryId }) {
      const row = await deliveryStore(sql).get(accountId, deliveryId);
      if (row === undefined) throw new Problem("notify.deliveryNotFound");
      return deliveryView(row);
    },
    async retryDelivery({ sql, accountId, nowMs }, { deliveryId }) {
      const store = deliveryStore(sql);
      const row = await store.get(accountId, deliveryId);
      if (row === undefined) throw new Problem("notify.deliveryNotFound");
      if (row.state !== "failed") throw new Problem("notify.deliveryNotFailed");
      await store.retry(accountId, deliveryId, nowMs);
      return deliveryView({ ...row, state: "retrying", endTime: null, nextTime: timeText(nowMs) });
    },
  });
}
