/** The table of deliveries: the queue that senders take from, and the record of what was sent. */
import type { ListInput } from "../../kernel/operation.ts";
import type { Sql } from "../../kernel/store/database.ts";
import { pageOf } from "../../kernel/store/page.ts";
import { limits } from "./domain.ts";
import type { Attempt, Delivery, Notice } from "./resources.ts";

export type DeliveryRow = Omit<Delivery, "severity" | "titleCoded"> & {
  readonly accountId: string;
  readonly severityId: number;
  readonly attemptCount: number;
  /** Set while a sender holds it; a later sender's is another one. */
  readonly leaseTime: string | null;
};

/** A file that goes with a message by mail. */
export type MailFile = {
  readonly fileName: string;
  readonly mediaType: string;
  readonly content: Buffer;
};

/** A message that is about to collect events, or to be sent at once. */
export type NewDelivery = {
  readonly deliveryId: string;
  readonly channelId: string;
  readonly channelName: string;
  readonly routeId: string | null;
  readonly groupKey: string;
  readonly state: "waiting" | "silenced" | "sending";
  readonly notice: Notice;
  readonly nowMs: number;
  /** Least time since the last message of the group. */
  readonly groupSeconds: number;
};

const timeText = (ms: number) => new Date(ms).toISOString();

/** Queries of deliveries; `sql` is bound to the transaction of the call. */
export function deliveryStore(sql: Sql) {
  return {
    /** Adds the event to the message that its group collects, or begins one. */
    async collect(accountId: string, { notice, nowMs, ...row }: NewDelivery) {
      const wait = timeText(nowMs + limits.groupWaitMs);
      await sql`
        insert into notify_delivery (account_id, delivery_id, channel_id, channel_name, route_id,
          group_key, state, event_type, severity_id, title, event_count, events, next_time,
          create_time, end_time)
        values (${accountId}, ${row.deliveryId}, ${row.channelId}, ${row.channelName},
          ${row.routeId}, ${row.groupKey}, ${row.state}, ${notice.type}, ${notice.severityId},
          ${notice.message}, 1, ${JSON.stringify([notice])}::jsonb,
          greatest(${wait}::timestamptz, (
            select max(end_time) + make_interval(secs => ${row.groupSeconds})
            from notify_delivery
            where channel_id = ${row.channelId} and group_key = ${row.groupKey}
              and state in ('sent', 'failed'))),
          ${timeText(nowMs)}, ${row.state === "silenced" ? timeText(nowMs) : null})
        on conflict (channel_id, group_key) where state in ('waiting', 'silenced')
        do update set event_count = notify_delivery.event_count + 1,
          severity_id = greatest(notify_delivery.severity_id, excluded.severity_id),
          events = case when jsonb_array_length(notify_delivery.events) < ${limits.noticesMax}
            then notify_delivery.events || excluded.events else notify_delivery.events end`;
    },

    /** Takes what is due, also from senders that died; each row is one sender's. */
    claim: (nowMs: number) => sql<DeliveryRow>`
      update notify_delivery set state = 'sending', attempt_count = attempt_count + 1,
        lease_time = ${timeText(nowMs + limits.leaseMs)}
      where delivery_id in (
        select delivery_id from notify_delivery
        where (state in ('waiting', 'retrying') and next_time <= ${timeText(nowMs)})
          or (state = 'sending' and lease_time < ${timeText(nowMs)})
        order by next_time limit ${limits.claimMax} for update skip locked)
      returning account_id, delivery_id, state, channel_id, channel_name, route_id, event_type,
        severity_id, title, event_count, events, attachments, attempts, attempt_count, next_time,
        lease_time, create_time, end_time`,

    /** Says how an attempt went; does nothing when another sender has taken it over. */
    async finish(
      { accountId, deliveryId, leaseTime }: DeliveryRow,
      outcome: {
        readonly state: "sent" | "failed" | "retrying";
        readonly attempt: Attempt;
        readonly nextMs: number;
      },
    ) {
      const { state, attempt } = outcome;
      const endTime = state === "retrying" ? null : attempt.time;
      await sql`
        update notify_delivery set state = ${state}, lease_time = null,
          attempts = attempts || ${JSON.stringify([attempt])}::jsonb,
          next_time = ${timeText(outcome.nextMs)}, end_time = ${endTime}
        where account_id = ${accountId} and delivery_id = ${deliveryId}
          and state = 'sending' and lease_time = ${leaseTime}`;
    },

    async list(accountId: string, input: ListInput, where: { state: string[]; channel: string[] }) {
      const { limit, offset } = pageOf(input);
      const [count] = await sql<{ total: number }>`
        select count(*) as total from notify_delivery where account_id = ${accountId}
          and (cardinality(${where.state}::text[]) = 0 or state = any(${where.state}))
          and (cardinality(${where.channel}::text[]) = 0 or channel_id = any(${where.channel}))`;
      const rows = await sql<DeliveryRow>`
        select account_id, delivery_id, state, channel_id, channel_name, route_id, event_type,
          severity_id, title, event_count, events, attachments, attempts, attempt_count, next_time,
          lease_time, create_time, end_time
        from notify_delivery where account_id = ${accountId}
          and (cardinality(${where.state}::text[]) = 0 or state = any(${where.state}))
          and (cardinality(${where.channel}::text[]) = 0 or channel_id = any(${where.channel}))
        order by create_time desc, delivery_id limit ${limit} offset ${offset}`;
      return { rows, totalCount: count?.total ?? 0 };
    },

    async get(accountId: string, deliveryId: string): Promise<DeliveryRow | undefined> {
      const [row] = await sql<DeliveryRow>`
        select account_id, delivery_id, state, channel_id, channel_name, route_id, event_type,
          severity_id, title, event_count, events, attachments, attempts, attempt_count, next_time,
          lease_time, create_time, end_time
        from notify_delivery where account_id = ${accountId} and delivery_id = ${deliveryId}`;
      return row;
    },

    async insertTest(accountId: string, { notice, nowMs, ...row }: NewDelivery) {
      await sql`
        insert into notify_delivery (account_id, delivery_id, channel_id, channel_name, group_key,
          state, event_type, severity_id, title, event_count, events, attempt_count, next_time,
          lease_time, create_time)
        values (${accountId}, ${row.deliveryId}, ${row.channelId}, ${row.channelName},
          ${row.groupKey}, 'sending', ${notice.type}, ${notice.severityId}, ${notice.message}, 1,
          ${JSON.stringify([notice])}::jsonb, 1, ${timeText(nowMs)},
          ${timeText(nowMs + limits.leaseMs)}, ${timeText(nowMs)})`;
    },

    /** A message that is due at once, with its files; nothing when its group has one waiting. */
    async insertMail(
      accountId: string,
      { notice, nowMs, ...row }: NewDelivery,
      files: readonly MailFile[],
    ) {
      const attachments = files.map(({ fileName, mediaType, content }) => ({
        ...{ fileName, mediaType },
        bytes: content.length,
      }));
      const inserted = await sql<object>`
        insert into notify_delivery (account_id, delivery_id, channel_id, channel_name, group_key,
          state, event_type, severity_id, title, event_count, events, attachments, next_time,
          create_time)
        values (${accountId}, ${row.deliveryId}, ${row.channelId}, ${row.channelName},
          ${row.groupKey}, ${row.state}, ${notice.type}, ${notice.severityId}, ${notice.message}, 1,
          ${JSON.stringify([notice])}::jsonb, ${JSON.stringify(attachments)}::jsonb,
          ${timeText(nowMs)}, ${timeText(nowMs)})
        on conflict (channel_id, group_key) where state in ('waiting', 'silenced') do nothing
        returning delivery_id`;
      if (inserted.length === 0) return;
      for (const [position, { content }] of files.entries()) {
        await sql`
          insert into notify_attachment (account_id, delivery_id, position, content)
          values (${accountId}, ${row.deliveryId}, ${position}, ${content})`;
      }
    },

    /** The files of a delivery, in their order. */
    async files({ accountId, deliveryId, attachments }: DeliveryRow): Promise<MailFile[]> {
      if (attachments.length === 0) return [];
      const rows = await sql<{ position: number; content: Buffer }>`
        select position, content from notify_attachment
        where account_id = ${accountId} and delivery_id = ${deliveryId} order by position`;
      return rows.flatMap(({ position, content }) => {
        const named = attachments[position];
        return named === undefined ? [] : [{ ...named, content }];
      });
    },

    async retry(accountId: string, deliveryId: string, nowMs: number) {
      await sql`
        update notify_delivery set state = 'retrying', attempt_count = 0, end_time = null,
          next_time = ${timeText(nowMs)}
        where account_id = ${accountId} and delivery_id = ${deliveryId} and state = 'failed'`;
    },

    async deleteOld(nowMs: number) {
      await sql`delete from notify_delivery
        where end_time < ${timeText(nowMs - limits.keepDays * 86_400_000)}`;
    },
  };
}
