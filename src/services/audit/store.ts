/** The searchable copy of the audit log. Read only: the kernel fills it from the log's files. */
import type { Filter } from "../../kernel/operation.ts";
import type { Sql } from "../../kernel/store/database.ts";

export type EntryRow = {
  /** The control plane in whose log it is. */
  readonly log: string;
  readonly index: number;
  readonly entry: Record<string, unknown>;
};

export type EntryQuery = {
  readonly startTime: string | undefined;
  readonly endTime: string | undefined;
  readonly changesOnly: boolean;
  /** Names are checked by the caller; values are compared as text. */
  readonly filters: readonly Filter[];
  readonly limit: number;
  readonly offset: number;
};

/** Queries of one account. */
export function auditStore(sql: Sql) {
  return {
    async list(accountId: string, query: EntryQuery) {
      const filters = JSON.stringify(query.filters);
      return sql<EntryRow & { totalCount: number }>`
        select log, index, entry, count(*) over () as total_count from audit_entry a
        where account_id = ${accountId}
          and (${query.startTime ?? null}::timestamptz is null
            or time >= ${query.startTime ?? null})
          and (${query.endTime ?? null}::timestamptz is null or time < ${query.endTime ?? null})
          and (not ${query.changesOnly}::boolean or entry->>'transactionId' is not null)
          and not exists (
            select from jsonb_array_elements(${filters}::jsonb) as f
            where not case coalesce(f->>'operator', 'eq')
              when 'ne' then not (f->'values' ? (a.entry->>(f->>'name')))
              when 'contains' then exists (
                select from jsonb_array_elements_text(f->'values') v
                where position(lower(v) in lower(a.entry->>(f->>'name'))) > 0)
              when 'startsWith' then exists (
                select from jsonb_array_elements_text(f->'values') v
                where starts_with(a.entry->>(f->>'name'), v))
              else f->'values' ? (a.entry->>(f->>'name')) end)
        order by time desc, log, index desc limit ${query.limit} offset ${query.offset}`;
    },

    async get(
      accountId: string,
      { log, index }: { log: string; index: number },
    ): Promise<EntryRow | undefined> {
      const [row] = await sql<EntryRow>`
        select log, index, entry from audit_entry
        where account_id = ${accountId} and log = ${log} and index = ${index}`;
      return row;
    },
  };
}
