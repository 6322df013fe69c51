/**
 * Brings orders forward, one saved step at a time. Before each request the state that it belongs
 * to is in the database, and each step can be repeated: after kill -9 the next run goes on.
 */

import { nextStep, type ServerStatus, type Step } from "../../../engines/acme/order.ts";
import { backOffMs } from "../../../engines/acme/renewal.ts";
import { timeText } from "../../../kernel/context.ts";
import { writeSystemEvent } from "../../../kernel/events/system-event.ts";
import { applyStore, applySystemStore, type OrderRow } from "../apply-store.ts";
import { certificateStore } from "../store.ts";
import { tell } from "../texts.ts";
import { type ClientParts, clientLimits } from "./parts.ts";
import { removeProofs } from "./proofs.ts";
import { AcmeRefusal, openSession, type Session, textOf } from "./session.ts";
import { OrderBroken, runStep } from "./steps.ts";

/** States in which nothing more happens. */
export const isFinished = ({ state }: Pick<OrderRow, "state">): boolean =>
  state === "issued" || state === "failed" || state === "canceled";

/** Advances every order that is due, a few at once. */
export async function advanceOrders(parts: ClientParts): Promise<void> {
  const due = await parts.database.transaction("system", (sql) =>
    applySystemStore(sql).listDueOrders(timeText(parts.clock()), clientLimits.ordersPerRunMax),
  );
  const worker = async (): Promise<void> => {
    for (let one = due.shift(); one !== undefined; one = due.shift()) {
      await advanceOrder(parts, one);
    }
  };
  await Promise.all(Array.from({ length: clientLimits.ordersAtOnceMax }, worker));
}

async function load(parts: ClientParts, accountId: string, orderId: string) {
  return parts.database.transaction({ accountId }, async (sql) => {
    const order = await applyStore(sql).getOrder(accountId, orderId);
    const provider = order && (await applyStore(sql).getProvider(accountId, order.acmeProviderId));
    return order === undefined || provider === undefined ? undefined : { order, provider };
  });
}

/** Takes one order as far as it goes now. */
export async function advanceOrder(
  parts: ClientParts,
  { accountId, orderId }: { accountId: string; orderId: string },
): Promise<void> {
  const loaded = await load(parts, accountId, orderId);
  if (loaded === undefined || isFinished(loaded.order)) return;
  let { order } = loaded;
  let session: Session | undefined;
  try {
    session = await openSession(parts, loaded.provider);
    for (let turn = 0; turn < clientLimits.stepsMax && !isFinished(order); turn += 1) {
      const { step, problem } = await decide(session, order);
      const after = await runStep(parts, { order, session, step, problem });
      // The last step writes itself, together with the certificate.
      if (after.state !== "issued" && !(await save(parts, after))) return;
      order = after;
      if (Date.parse(order.nextTime) > parts.clock()) return;
    }
  } catch (error) {
    order = await fail(parts, order, error);
  }
  if (session !== undefined && (isFinished(order) || order.state === "waiting")) {
    await removeProofs(parts, order, session.thumbprint);
  }
}

const STATUSES: readonly string[] = ["pending", "ready", "processing", "valid", "invalid"];

/** Asks how the order stands, and decides what to do. An order the provider lost is made anew. */
async function decide(
  session: Session,
  { progress }: OrderRow,
): Promise<{ step: Step; problem: string }> {
  if (progress.orderUrl === undefined) return { step: nextStep(progress, undefined), problem: "" };
  const { body } = await session.post(progress.orderUrl, undefined);
  const status = textOf(body.status);
  if (!STATUSES.includes(status)) throw new OrderBroken(`The order has the status "${status}"`);
  const problem = textOf(Object(body.error).detail);
  return { step: nextStep(progress, status as ServerStatus), problem };
}

async function save(parts: ClientParts, order: OrderRow): Promise<boolean> {
  const { accountId } = order;
  const changed = { ...order, updateTime: timeText(parts.clock()) };
  return parts.database.transaction({ accountId }, (sql) => applyStore(sql).saveOrder(changed));
}

/** Writes down why it failed and when it is tried again. */
async function fail(parts: ClientParts, order: OrderRow, error: unknown): Promise<OrderRow> {
  const nowMs = parts.clock();
  const isOurs = error instanceof Error && error.name === "Problem";
  const message = isOurs ? "A key cannot be opened or sealed now" : messageOf(error);
  const failures = order.failures + 1;
  const isOver = order.renewsId === null && failures >= clientLimits.failuresMax;
  const leftMs = await timeLeft(parts, order, nowMs);
  const refused = error instanceof AcmeRefusal ? error : undefined;
  const waitMs = Math.max(backOffMs(failures, leftMs, parts.chance()), refused?.retryAfterMs ?? 0);
  // What is left at the provider of a broken order is of no use for the next try.
  const isGone = refused?.type === "malformed" || refused?.type === "orderNotFound";
  const restarts = error instanceof OrderBroken || isGone;
  const after: OrderRow = {
    ...order,
    state: isOver ? "failed" : "waiting",
    stateReason: message.slice(0, 500),
    failures,
    progress: restarts ? {} : order.progress,
    nextTime: timeText(nowMs + waitMs),
  };
  await save(parts, after);
  await parts.database.transaction({ accountId: order.accountId }, (sql) =>
    writeSystemEvent(sql, {
      accountId: order.accountId,
      nowMs,
      type: isOver ? "certificates.orderFailed" : "certificates.orderDelayed",
      message: tell("certificates.orderDelayed", {
        names: order.names.join(", "),
        reason: after.stateReason,
      }),
      resource: order.orderId,
      severityId: order.renewsId === null ? 2 : 3,
      data: { failures, nextTime: after.nextTime },
    }),
  );
  return after;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Time until the certificate that is renewed runs out; a day for a first one. */
async function timeLeft(parts: ClientParts, order: OrderRow, nowMs: number): Promise<number> {
  const { accountId, renewsId } = order;
  if (renewsId === null) return 10 * 86_400_000;
  const row = await parts.database.transaction({ accountId }, (sql) =>
    certificateStore(sql).get(accountId, renewsId),
  );
  return row === undefined ? 86_400_000 : Date.parse(row.expireTime) - nowMs;
}
