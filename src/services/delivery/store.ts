/** The table of delivery settings: one row a site and concern. */
import type { Sql } from "../../kernel/store/database.ts";
import type { Concern } from "./domain.ts";

export type DeliveryRow = {
  readonly siteId: string;
  readonly concern: Concern;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly clientCertificateId: string | null;
  readonly updateTime: string;
};

/** Queries of one account; `sql` is bound to the transaction of the call. */
export function deliveryStore(sql: Sql) {
  return {
    async get(accountId: string, siteId: string, concern: Concern) {
      const [row] = await sql<DeliveryRow>`
        select site_id, concern, settings, client_certificate_id, update_time from site_delivery
        where account_id = ${accountId} and site_id = ${siteId} and concern = ${concern}`;
      return row;
    },

    async put(accountId: string, row: DeliveryRow) {
      await sql`
        insert into site_delivery (account_id, site_id, concern, settings, client_certificate_id,
          update_time)
        values (${accountId}, ${row.siteId}, ${row.concern}, ${row.settings},
          ${row.clientCertificateId}, ${row.updateTime})
        on conflict (site_id, concern) do update set settings = excluded.settings,
          client_certificate_id = excluded.client_certificate_id,
          update_time = excluded.update_time`;
    },
  };
}

/** Queries over all accounts, for the gateways' intent; `sql` runs in the system's scope. */
export const allDeliveries = (sql: Sql) => sql<DeliveryRow & { accountId: string }>`
  select account_id, site_id, concern, settings, client_certificate_id, update_time
  from site_delivery order by site_id, concern`;
