/** Deliveries as they are shown, and the test of a channel. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { ListInput } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import { messageFields } from "../../lib/coded-text.ts";
import { type SenderParts, sendThrough } from "./deliver.ts";
import { type DeliveryRow, deliveryStore } from "./delivery-store.ts";
import { limits, severityOf } from "./domain.ts";
import type { Delivery } from "./resources.ts";
import { channelStore } from "./store.ts";
import { tell } from "./texts.ts";

/** The delivery without what only senders need. */
export function deliveryView(row: DeliveryRow): Delivery {
  const { accountId: _1, severityId, attemptCount: _2, leaseTime: _3, ...shown } = row;
  // The title is the message of the first event.
  const [first] = row.events;
  const titleCoded = first?.message === row.title ? (first.messageCoded ?? null) : null;
  const nextTime = row.endTime === null ? row.nextTime : null;
  return { ...shown, nextTime, titleCoded, severity: severityOf(severityId) };
}

/** @throws Problem kernel.inputInvalid for a filter that is not on state or channelId. */
export async function listDeliveries({ sql, accountId }: Context, input: ListInput) {
  const where: { state: string[]; channelId: string[] } = { state: [], channelId: [] };
  for (const [at, { name, values, operator = "eq" }] of (input.filters ?? []).entries()) {
    if ((name !== "state" && name !== "channelId") || operator !== "eq") {
      const message = "deliveries are filtered by state and channelId, with eq";
      throw new Problem("kernel.inputInvalid", { details: [{ path: `/filters/${at}`, message }] });
    }
    where[name].push(...values);
  }
  const chosen = { state: where.state, channel: where.channelId };
  const { rows, totalCount } = await deliveryStore(sql).list(accountId, input, chosen);
  return { deliveries: rows.map(deliveryView), totalCount };
}

type TestParts = Pick<SenderParts, "sealer" | "outbound" | "clock" | "texts"> & {
  /** Tests under way: each holds a database connection until its receiver answers. */
  readonly tests: { running: number };
};

/** Sends a message now, once. @throws Problem notify.channelNotFound or testsBusy. */
export async function testChannel(
  parts: TestParts,
  context: Context,
  channelId: string,
): Promise<Delivery> {
  if (parts.tests.running >= limits.testsMax) throw new Problem("notify.testsBusy");
  parts.tests.running += 1;
  try {
    return await sendTest(parts, context, channelId);
  } finally {
    parts.tests.running -= 1;
  }
}

async function sendTest(parts: TestParts, context: Context, channelId: string): Promise<Delivery> {
  const { sql, accountId, nowMs, caller } = context;
  const channel = await channelStore(sql).get(accountId, channelId);
  if (channel === undefined) throw new Problem("notify.channelNotFound");
  const store = deliveryStore(sql);
  const deliveryId = context.newId("delivery");
  await store.insertTest(accountId, {
    ...{ deliveryId, channelId, channelName: channel.name, routeId: null, nowMs },
    ...{ groupKey: `test ${deliveryId}`, state: "sending", groupSeconds: 0 },
    notice: {
      time: timeText(nowMs),
      type: "notify.test",
      severityId: 1,
      ...messageFields(
        tell("notify.test", { name: channel.name, principalName: caller.principalName }),
      ),
      resource: channelId,
    },
  });
  const row = await store.get(accountId, deliveryId);
  if (row === undefined) throw new Problem("kernel.internal");
  const error = await sendThrough(parts, channel, { row, files: [] });
  const endMs = parts.clock();
  const state = error === null ? "sent" : "failed";
  const attempt = { time: timeText(endMs), error };
  await store.finish(row, { state, attempt, nextMs: endMs });
  return deliveryView({ ...row, state, attempts: [attempt], endTime: attempt.time });
}
