/** Questions to the lake. The account is in every one of them, first and as a parameter. */
import type { EventColumns } from "../../kernel/events/row.ts";
import type { Lake, LakeParameters } from "../../kernel/lake/client.ts";
import type { Filter, Sort } from "../../kernel/operation.ts";
import { columns, conditionOf, type FieldName, fieldOf } from "./domain.ts";

export type EventQuery = {
  readonly startMs: number;
  readonly endMs: number;
  readonly text: string | undefined;
  readonly filters: readonly Filter[];
};

type LakeRow = Omit<EventColumns, "account" | "latency_ms">;

const SHOWN =
  "uid, toUnixTimestamp64Milli(time) AS time, class_uid, severity_id, activity, disposition, " +
  "source_ip, site_id, method, host, path, status, user_agent, user_name, ja4, score, rule_ids, " +
  "message";

function where(accountId: string, query: EventQuery) {
  const conditions = [
    "account = {account:String}",
    "e.time >= fromUnixTimestamp64Milli({start:Int64})",
    "e.time < fromUnixTimestamp64Milli({end:Int64})",
  ];
  const parameters: Record<string, LakeParameters[string]> = {
    account: accountId,
    start: query.startMs,
    end: query.endMs,
  };
  for (const [at, filter] of query.filters.entries()) {
    const condition = conditionOf(filter, at);
    conditions.push(condition.sql);
    parameters[condition.name] = condition.value;
  }
  if (query.text !== undefined && query.text !== "") {
    const found = ["message", "path", "user_agent", "host"].map(
      (column) => `positionCaseInsensitive(${column}, {text:String}) > 0`,
    );
    conditions.push(`(${found.join(" OR ")})`);
    parameters.text = query.text;
  }
  return { sql: conditions.join(" AND "), parameters };
}

function orderOf(sorts: readonly Sort[]): string {
  const order = sorts.map((sort, at) => {
    const direction = sort.direction === "asc" ? "ASC" : "DESC";
    if (sort.name === "time") return `e.time ${direction}`;
    return `${columns[fieldOf(sort.name, `/sorts/${at}/name`)].sql} ${direction}`;
  });
  return [...order, "e.time DESC", "uid DESC"].join(", ");
}

/** Queries of the lake. */
export function eventsStore(lake: Lake) {
  return {
    async search(
      accountId: string,
      query: EventQuery & { limit: number; offset: number; sorts: readonly Sort[] },
    ) {
      const { sql, parameters } = where(accountId, query);
      return lake.query<LakeRow>(
        `SELECT ${SHOWN} FROM event AS e FINAL WHERE ${sql} ORDER BY ${orderOf(query.sorts)}
         LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
        { ...parameters, limit: query.limit, offset: query.offset },
      );
    },

    async count(accountId: string, query: EventQuery): Promise<number> {
      const { sql, parameters } = where(accountId, query);
      const [row] = await lake.query<{ n: number }>(
        `SELECT count() AS n FROM event AS e FINAL WHERE ${sql}`,
        parameters,
      );
      return Number(row?.n ?? 0);
    },

    async newestMs(accountId: string): Promise<number | undefined> {
      const [row] = await lake.query<{ ms: number }>(
        `SELECT toUnixTimestamp64Milli(max(e.time)) AS ms FROM event AS e
         WHERE account = {account:String} AND e.time > now() - INTERVAL 7 DAY`,
        { account: accountId },
      );
      return row === undefined || Number(row.ms) <= 0 ? undefined : Number(row.ms);
    },

    async get(accountId: string, uid: string) {
      const [row] = await lake.query<LakeRow & { raw: string }>(
        `SELECT ${SHOWN}, raw FROM event AS e FINAL
         WHERE account = {account:String} AND uid = {uid:String} LIMIT 1`,
        { account: accountId, uid },
      );
      return row;
    },

    /** The HTTP request with this event uid or request id, while its raw document is kept. */
    async request(accountId: string, id: string) {
      const [row] = await lake.query<LakeRow & { raw: string }>(
        `SELECT ${SHOWN}, raw FROM event AS e FINAL
         WHERE account = {account:String} AND class_uid = 4002 AND raw != ''
           AND (uid = {id:String} OR (position(raw, {id:String}) > 0
             AND JSONExtractString(raw, 'http_request', 'uid') = {id:String})) LIMIT 1`,
        { account: accountId, id },
      );
      return row;
    },

    async histogram(
      accountId: string,
      query: EventQuery & { intervalSeconds: number; groupBy: FieldName | undefined },
    ) {
      const { sql, parameters } = where(accountId, query);
      const group = query.groupBy === undefined ? "''" : groupColumn(query.groupBy);
      return lake.query<{ bucket: number; grp: string; n: number }>(
        `SELECT intDiv(toUnixTimestamp(e.time), {step:UInt32}) * {step:UInt32} AS bucket,
           toString(${group}) AS grp, count() AS n
         FROM event AS e FINAL WHERE ${sql} GROUP BY bucket, grp ORDER BY bucket LIMIT 20000`,
        { ...parameters, step: query.intervalSeconds },
      );
    },

    async top(accountId: string, query: EventQuery & { field: FieldName; valuesMax: number }) {
      const { sql, parameters } = where(accountId, query);
      return lake.query<{ value: string; n: number }>(
        `SELECT toString(${groupColumn(query.field)}) AS value, count() AS n
         FROM event AS e FINAL WHERE ${sql} GROUP BY value ORDER BY n DESC, value
         LIMIT {values:UInt32}`,
        { ...parameters, values: query.valuesMax },
      );
    },

    async export(accountId: string, query: EventQuery & { limit: number }) {
      const { sql, parameters } = where(accountId, query);
      return lake.query<{ raw: string }>(
        `SELECT raw FROM event AS e FINAL WHERE ${sql} ORDER BY e.time DESC LIMIT {limit:UInt32}`,
        { ...parameters, limit: query.limit },
      );
    },
  };
}

function groupColumn(field: FieldName): string {
  return field === "ruleIds" ? "arrayJoin(rule_ids)" : columns[field].sql;
}
