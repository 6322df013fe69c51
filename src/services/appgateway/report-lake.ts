/** Questions to the lake that make a report. */
import type { Lake } from "../../kernel/lake/client.ts";
import { attackTypeOf, limits, stepOf } from "./domain.ts";
import type { Report } from "./report-operations.ts";
import { OF_VISITORS, parametersOf, type Scope } from "./user-lake.ts";

type Count = { readonly value: string; readonly count: number };
type Numbers<Names extends string> = Readonly<Record<Names, number | string>>;

const ATTACKS = `${OF_VISITORS} AND disposition IN ('Blocked', 'Observed')`;
/** Rules that look at a request, without those that only add up scores and decide. */
const DETECTING = "arrayFilter(id -> intDiv(id, 1000) NOT IN (949, 959, 980), rule_ids)";
const QUANTILES = "quantilesTDigest(0.5, 0.95, 0.99)(latency_ms) AS latencies";
const FROM = "FROM event AS e FINAL WHERE";

/** The report of a site and period. */
export async function reportOf(lake: Lake, scope: Scope, domain: string): Promise<Report> {
  const intervalSeconds = stepOf(scope);
  const rules = await top(lake, scope, {
    what: `toString(arrayJoin(${DETECTING}))`,
    of: ATTACKS,
  });
  return {
    siteId: scope.siteId,
    domain,
    startTime: new Date(scope.startMs).toISOString(),
    endTime: new Date(scope.endMs).toISOString(),
    intervalSeconds,
    totals: await totals(lake, scope),
    traffic: await traffic(lake, scope, intervalSeconds),
    statusClasses: await top(lake, scope, {
      what: "if(status = 0, 'none', concat(toString(intDiv(status, 100)), 'xx'))",
      of: OF_VISITORS,
    }),
    topUrls: await topUrls(lake, scope),
    topUsers: await top(lake, scope, {
      what: "user_name",
      of: `${OF_VISITORS} AND user_name != ''`,
    }),
    attackTypes: await attackTypes(lake, scope),
    attackSources: await top(lake, scope, { what: "source_ip", of: ATTACKS }),
    attackCountries: await top(lake, scope, { what: COUNTRY, of: ATTACKS }),
    attackRules: rules,
    bots: await top(lake, scope, {
      what: BOT,
      of: `${OF_VISITORS} AND position(raw, '"kind":"bot"') > 0`,
    }),
  };
}

const POLICY = "'unmapped', 'cordon', 'policy'";
const COUNTRY = `if(JSONExtractString(raw, ${POLICY}, 'country') = '', 'unknown',
  JSONExtractString(raw, ${POLICY}, 'country'))`;
/** What the bot rules took the client for; their decisions have an id and no name. */
const BOT = `JSONExtractString(arrayFirst(d -> JSONExtractString(d, 'kind') = 'bot',
  JSONExtractArrayRaw(raw, ${POLICY}, 'decisions')), 'id')`;

async function totals(lake: Lake, scope: Scope): Promise<Report["totals"]> {
  type Row = { latencies: number[] } & Numbers<
    "requests" | "blocked" | "observed" | "errors" | "sources" | "users"
  >;
  const [row] = await lake.query<Row>(
    `SELECT count() AS requests, countIf(disposition = 'Blocked') AS blocked,
       countIf(disposition = 'Observed') AS observed, countIf(status >= 500) AS errors,
       uniqExact(source_ip) AS sources, uniqExactIf(user_name, user_name != '') AS users,
       ${QUANTILES} ${FROM} ${OF_VISITORS}`,
    parametersOf(scope),
  );
  return {
    requestCount: Number(row?.requests ?? 0),
    blockedCount: Number(row?.blocked ?? 0),
    observedCount: Number(row?.observed ?? 0),
    errorCount: Number(row?.errors ?? 0),
    sourceCount: Number(row?.sources ?? 0),
    userCount: Number(row?.users ?? 0),
    ...latency(row?.latencies ?? []),
  };
}

/** A quantile of nothing is not a number, which JSON gives as null. */
function latency([p50, p95, p99]: readonly (number | null)[]) {
  const rounded = (value: number | null | undefined) => Math.round(Number(value ?? 0) * 10) / 10;
  return {
    latencyP50Ms: rounded(p50),
    latencyP95Ms: rounded(p95),
    latencyP99Ms: rounded(p99),
  };
}

async function traffic(lake: Lake, scope: Scope, step: number): Promise<Report["traffic"]> {
  type Row = { latencies: number[] } & Numbers<
    "bucket" | "requests" | "blocked" | "observed" | "errors"
  >;
  const rows = await lake.query<Row>(
    `SELECT intDiv(toUnixTimestamp(e.time), {step:UInt32}) * {step:UInt32} AS bucket,
       count() AS requests, countIf(disposition = 'Blocked') AS blocked,
       countIf(disposition = 'Observed') AS observed, countIf(status >= 500) AS errors,
       ${QUANTILES} ${FROM} ${OF_VISITORS} GROUP BY bucket ORDER BY bucket LIMIT 10000`,
    { ...parametersOf(scope), step },
  );
  return rows.map((row) => ({
    time: new Date(Number(row.bucket) * 1_000).toISOString(),
    allowedCount: Number(row.requests) - Number(row.blocked) - Number(row.observed),
    observedCount: Number(row.observed),
    blockedCount: Number(row.blocked),
    errorCount: Number(row.errors),
    ...latency(row.latencies),
  }));
}

async function topUrls(lake: Lake, scope: Scope): Promise<Report["topUrls"]> {
  type Row = { value: string; latencies: number[] } & Numbers<"n" | "errors">;
  const rows = await lake.query<Row>(
    `SELECT path AS value, count() AS n, countIf(status >= 500) AS errors, ${QUANTILES}
     ${FROM} ${OF_VISITORS} GROUP BY value ORDER BY n DESC, value LIMIT {limit:UInt32}`,
    { ...parametersOf(scope), limit: limits.topMax },
  );
  return rows.map(({ value, n, errors, latencies }) => ({
    value,
    count: Number(n),
    errorCount: Number(errors),
    latencyP95Ms: latency(latencies).latencyP95Ms,
  }));
}

/** `what` and `of` are constants of this file, never a caller's text. */
async function top(
  lake: Lake,
  scope: Scope,
  { what, of }: { what: string; of: string },
): Promise<Count[]> {
  const rows = await lake.query<{ value: string; n: number | string }>(
    `SELECT ${what} AS value, count() AS n ${FROM} ${of}
     GROUP BY value ORDER BY n DESC, value LIMIT {limit:UInt32}`,
    { ...parametersOf(scope), limit: limits.topMax },
  );
  return rows.map(({ value, n }) => ({ value, count: Number(n) }));
}

/** A request counts once in each class of its rules. */
async function attackTypes(lake: Lake, scope: Scope): Promise<Count[]> {
  const rows = await lake.query<{ families: number[]; n: number | string }>(
    `SELECT arraySort(arrayDistinct(arrayMap(id -> intDiv(id, 1000), ${DETECTING}))) AS families,
       count() AS n ${FROM} ${ATTACKS} GROUP BY families ORDER BY n DESC LIMIT 10000`,
    parametersOf(scope),
  );
  const counts = new Map<string, number>();
  for (const { families, n } of rows) {
    const types = new Set(families.map((family) => attackTypeOf(Number(family) * 1_000)));
    if (types.size === 0) types.add("policy");
    for (const type of types) counts.set(type, (counts.get(type) ?? 0) + Number(n));
  }
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((left, right) => right.count - left.count);
}
