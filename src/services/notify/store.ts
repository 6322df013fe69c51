/** The tables of channels, routes and silences. Deliveries are in `delivery-store.ts`. */
import type { Sql } from "../../kernel/store/database.ts";
import type { ChannelKind, ChannelSettings, Route, Silence } from "./resources.ts";

export type ChannelRow = {
  readonly accountId: string;
  readonly channelId: string;
  readonly name: string;
  readonly kind: ChannelKind;
  readonly enabled: boolean;
  readonly target: string;
  readonly settings: ChannelSettings;
  readonly sealed: Buffer;
  readonly createTime: string;
  readonly updateTime: string;
};

/** Queries of channels; `sql` is bound to the transaction of the call. */
export function channelStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<ChannelRow>`
      select account_id, channel_id, name, kind, enabled, target, settings, sealed, create_time,
        update_time
      from notify_channel where account_id = ${accountId} order by name`,

    /** How the last message of each channel that ended did. */
    lastStates: (accountId: string) => sql<{ channelId: string; state: "sent" | "failed" }>`
      select distinct on (channel_id) channel_id, state from notify_delivery
      where account_id = ${accountId} and state in ('sent', 'failed')
      order by channel_id, end_time desc`,

    async get(accountId: string, channelId: string): Promise<ChannelRow | undefined> {
      const [row] = await sql<ChannelRow>`
        select account_id, channel_id, name, kind, enabled, target, settings, sealed, create_time,
          update_time
        from notify_channel where account_id = ${accountId} and channel_id = ${channelId}`;
      return row;
    },

    async put(row: ChannelRow) {
      await sql`
        insert into notify_channel (account_id, channel_id, name, kind, enabled, target, settings,
          sealed, create_time, update_time)
        values (${row.accountId}, ${row.channelId}, ${row.name}, ${row.kind}, ${row.enabled},
          ${row.target}, ${row.settings}, ${row.sealed}, ${row.createTime}, ${row.updateTime})
        on conflict (channel_id) do update set name = excluded.name, enabled = excluded.enabled,
          target = excluded.target, settings = excluded.settings, sealed = excluded.sealed,
          update_time = excluded.update_time`;
    },

    async delete(accountId: string, channelId: string) {
      await sql`delete from notify_channel
        where account_id = ${accountId} and channel_id = ${channelId}`;
    },
  };
}

/** Queries of routes and silences. */
export function routeStore(sql: Sql) {
  return {
    list: (accountId: string) => sql<Route>`
      select route_id, name, enabled, channel_ids, severity_min, services, days, from_time,
        to_time, time_zone, group_seconds, create_time
      from notify_route where account_id = ${accountId} order by name`,

    async put(accountId: string, row: Route) {
      await sql`
        insert into notify_route (account_id, route_id, name, enabled, channel_ids, severity_min,
          services, days, from_time, to_time, time_zone, group_seconds, create_time)
        values (${accountId}, ${row.routeId}, ${row.name}, ${row.enabled}, ${row.channelIds},
          ${row.severityMin}, ${row.services}, ${row.days}, ${row.fromTime}, ${row.toTime},
          ${row.timeZone}, ${row.groupSeconds}, ${row.createTime})
        on conflict (route_id) do update set name = excluded.name, enabled = excluded.enabled,
          channel_ids = excluded.channel_ids, severity_min = excluded.severity_min,
          services = excluded.services, days = excluded.days, from_time = excluded.from_time,
          to_time = excluded.to_time, time_zone = excluded.time_zone,
          group_seconds = excluded.group_seconds`;
    },

    delete: (accountId: string, routeId: string) => sql<{ routeId: string }>`
      delete from notify_route where account_id = ${accountId} and route_id = ${routeId}
      returning route_id`,

    listSilences: (accountId: string, nowText: string) => sql<Silence>`
      select silence_id, services, resource, severity_max, reason, created_by, expire_time,
        create_time
      from notify_silence where account_id = ${accountId} and expire_time > ${nowText}
      order by expire_time`,

    async insertSilence(accountId: string, row: Silence) {
      await sql`
        insert into notify_silence (account_id, silence_id, services, resource, severity_max,
          reason, created_by, expire_time, create_time)
        values (${accountId}, ${row.silenceId}, ${row.services}, ${row.resource},
          ${row.severityMax}, ${row.reason}, ${row.createdBy}, ${row.expireTime},
          ${row.createTime})`;
    },

    deleteSilence: (accountId: string, silenceId: string) => sql<{ silenceId: string }>`
      delete from notify_silence where account_id = ${accountId} and silence_id = ${silenceId}
      returning silence_id`,
  };
}
