/** Rules of searching events: what may be asked, and how an event is shown. */
import type { EventColumns } from "../../kernel/events/row.ts";
import { FilterError, type LakeColumn, lakeCondition } from "../../kernel/lake/condition.ts";
import type { Filter } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { EventRow } from "./contract.ts";

export const limits = {
  exportDefault: 10_000,
  pointsMax: 500,
  groupsMax: 10,
  topDefault: 10,
} as const;

/** Columns by the name that callers use. */
export const columns = {
  classUid: { sql: "class_uid", type: "UInt32" },
  severityId: { sql: "severity_id", type: "UInt8" },
  activity: { sql: "activity", type: "String" },
  disposition: { sql: "disposition", type: "String" },
  sourceIp: { sql: "source_ip", type: "String" },
  siteId: { sql: "site_id", type: "String" },
  method: { sql: "method", type: "String" },
  host: { sql: "host", type: "String" },
  path: { sql: "path", type: "String" },
  status: { sql: "status", type: "UInt16" },
  userAgent: { sql: "user_agent", type: "String" },
  userName: { sql: "user_name", type: "String" },
  ja4: { sql: "ja4", type: "String" },
  score: { sql: "score", type: "UInt32" },
  ruleIds: { sql: "rule_ids", type: "UInt32", isList: true },
  message: { sql: "message", type: "String" },
} as const satisfies Readonly<Record<string, LakeColumn>>;

export type FieldName = keyof typeof columns;

/** @throws Problem events.queryInvalid when the name is no field. */
export function fieldOf(name: string, path: string): FieldName {
  const found = Object.keys(columns).find((field): field is FieldName => field === name);
  if (found !== undefined) return found;
  const message = `"${name}" is no field of events; fields are ${Object.keys(columns).join(", ")}`;
  throw new Problem("events.queryInvalid", { details: [{ path, message }] });
}

/** A condition over columns; values only ever as parameters named `f<at>`. */
export function conditionOf(filter: Filter, at: number) {
  const column = columns[fieldOf(filter.name, `/filters/${at}/name`)];
  const name = `f${at}`;
  try {
    return { ...lakeCondition(filter, { column, name }), name };
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const details = [{ path: `/filters/${at}/${error.part}`, message: error.message }];
    throw new Problem("events.queryInvalid", { details });
  }
}

/** The interval that gives a chart of about sixty points. */
export function intervalFor(startMs: number, endMs: number): number {
  const wanted = (endMs - startMs) / 1000 / 60;
  const steps = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 21_600, 86_400, 604_800];
  return steps.find((step) => step >= wanted) ?? 604_800;
}

/** An event's columns as callers see them. */
export function rowView(row: Omit<EventColumns, "account" | "latency_ms">): EventRow {
  return {
    uid: row.uid,
    time: new Date(row.time).toISOString(),
    classUid: row.class_uid,
    severityId: row.severity_id,
    activity: row.activity,
    disposition: row.disposition,
    sourceIp: row.source_ip,
    siteId: row.site_id,
    method: row.method,
    host: row.host,
    path: row.path,
    status: row.status,
    userAgent: row.user_agent,
    userName: row.user_name,
    ja4: row.ja4,
    score: row.score,
    ruleIds: [...row.rule_ids],
    message: row.message,
  };
}

/** True when a live event passes the filters of its watcher. */
export function passes(
  row: EventRow,
  filters: readonly Filter[],
  text: string | undefined,
): boolean {
  if (text !== undefined && text !== "") {
    const haystack = `${row.message} ${row.path} ${row.userAgent}`.toLowerCase();
    if (!haystack.includes(text.toLowerCase())) return false;
  }
  return filters.every((filter, at) => {
    const field = fieldOf(filter.name, `/filters/${at}/name`);
    const value = row[field];
    const texts = Array.isArray(value) ? value.map(String) : [String(value)];
    return comparison(texts, filter);
  });
}

function comparison(texts: readonly string[], { operator = "eq", values }: Filter): boolean {
  const [first = ""] = values;
  switch (operator) {
    case "eq":
      return texts.some((text) => values.includes(text));
    case "ne":
      return !texts.some((text) => values.includes(text));
    case "contains":
      return texts.some((text) => text.toLowerCase().includes(first.toLowerCase()));
    case "startsWith":
      return texts.some((text) => text.startsWith(first));
    case "gt":
      return Number(texts[0]) > Number(first);
    case "ge":
      return Number(texts[0]) >= Number(first);
    case "lt":
      return Number(texts[0]) < Number(first);
    case "le":
      return Number(texts[0]) <= Number(first);
  }
}
