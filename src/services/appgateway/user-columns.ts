/** What the lists of users, URLs and requests are filtered and sorted by, as conditions. */

import type { LakeParameters } from "../../kernel/lake/client.ts";
import { FilterError, type LakeColumn, lakeCondition } from "../../kernel/lake/condition.ts";
import type { Filter, Sort } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";

type Columns = Readonly<Record<string, LakeColumn>>;

const text = (sql: string): LakeColumn => ({ sql, type: "String" });
const count = (sql: string): LakeColumn => ({ sql, type: "UInt64" });
/** As the API writes a time, so that texts compare as times do. */
const time = (sql: string): LakeColumn =>
  text(`concat(replaceOne(toString(${sql}), ' ', 'T'), 'Z')`);
export const quantile = (level: number) => `round(quantileTDigest(${level})(latency_ms), 1)`;

/** Of each request. In lists that count, they choose what is counted. */
const ofRequest: Columns = {
  userName: text("user_name"),
  sourceIp: text("source_ip"),
  method: text("method"),
  host: text("host"),
  path: text("path"),
  status: { sql: "status", type: "UInt16" },
  disposition: text("disposition"),
  userAgent: text("user_agent"),
};

/** Of each group of requests. */
const ofGroup: Columns = {
  requestCount: count("count()"),
  blockedCount: count("countIf(disposition = 'Blocked')"),
  errorCount: count("countIf(status >= 500)"),
  firstTime: time("min(e.time)"),
  lastTime: time("max(e.time)"),
};

export type ListShape = {
  /** Columns of the rows, for WHERE. */
  readonly each: Columns;
  /** Columns of the groups, for HAVING; none: the list does not count. */
  readonly counted: Columns;
  /** What one sorts by, of `each`: what a group has one of. */
  readonly sortable: readonly string[];
  readonly order: string;
};

export const userList: ListShape = {
  each: ofRequest,
  counted: {
    ...ofGroup,
    sourceCount: count("uniqExact(source_ip)"),
    urlCount: count("uniqExact(method, path)"),
  },
  sortable: ["userName"],
  order: "count() DESC, user_name",
};

export const urlList: ListShape = {
  each: ofRequest,
  counted: {
    ...ofGroup,
    userCount: count("uniqExact(user_name)"),
    successCount: count("countIf(status BETWEEN 100 AND 399)"),
    clientErrorCount: count("countIf(status BETWEEN 400 AND 499)"),
    latencyP50Ms: { sql: quantile(0.5), type: "Float64" },
    latencyP95Ms: { sql: quantile(0.95), type: "Float64" },
  },
  sortable: ["method", "path"],
  order: "count() DESC, path, method",
};

const requestColumns: Columns = {
  ...ofRequest,
  time: time("e.time"),
  latencyMs: { sql: "latency_ms", type: "UInt32" },
};
export const requestList: ListShape = {
  each: requestColumns,
  counted: {},
  sortable: Object.keys(requestColumns),
  order: "e.time DESC, uid",
};

export type Clauses = {
  /** Begins with AND; "" for none. */
  readonly where: string;
  /** Begins with HAVING; "" for none. */
  readonly having: string;
  readonly order: string;
  readonly parameters: LakeParameters;
};

/**
 * The clauses of a list's filters and sorts.
 *
 * @throws Problem kernel.inputInvalid when one names no field of the list, or does not fit it.
 */
export function clausesOf(
  shape: ListShape,
  { filters = [], sorts = [] }: { filters?: readonly Filter[]; sorts?: readonly Sort[] },
): Clauses {
  const where: string[] = [];
  const having: string[] = [];
  const parameters: Record<string, LakeParameters[string]> = {};
  for (const [at, filter] of filters.entries()) {
    const column = columnOf({ ...shape.each, ...shape.counted }, filter.name, `/filters/${at}`);
    const name = `f${at}`;
    const condition = fitting(() => lakeCondition(filter, { column, name }), `/filters/${at}`);
    parameters[name] = condition.value;
    (Object.hasOwn(shape.counted, filter.name) ? having : where).push(condition.sql);
  }
  const ordered = Object.fromEntries(
    [...Object.entries(shape.each).filter(([name]) => shape.sortable.includes(name))].concat(
      Object.entries(shape.counted),
    ),
  );
  const order = sorts.map(({ name, direction }, at) => {
    const { sql } = columnOf(ordered, name, `/sorts/${at}`);
    return `${sql} ${direction === "desc" ? "DESC" : "ASC"}`;
  });
  return {
    where: where.map((sql) => ` AND ${sql}`).join(""),
    having: having.length === 0 ? "" : `HAVING ${having.join(" AND ")}`,
    order: [...order, shape.order].join(", "),
    parameters,
  };
}

function columnOf(columns: Columns, name: string, path: string): LakeColumn {
  const found = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (found !== undefined) return found;
  const message = `"${name}" is no field here; fields are ${Object.keys(columns).join(", ")}`;
  throw new Problem("kernel.inputInvalid", { details: [{ path: `${path}/name`, message }] });
}

function fitting<Result>(work: () => Result, path: string): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    const details = [{ path: `${path}/${error.part}`, message: error.message }];
    throw new Problem("kernel.inputInvalid", { details });
  }
}
