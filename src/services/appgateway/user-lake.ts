/** Questions to the lake about users. Account and site are in each, first and as parameters. */
import type { Lake, LakeParameters } from "../../kernel/lake/client.ts";
import type { ListInput } from "../../kernel/operation.ts";
import { pageOf } from "../../kernel/store/page.ts";
import { CHECK_AGENT } from "./compliance-probe.ts";
import type { Period } from "./domain.ts";
import { clausesOf, quantile, requestList, urlList, userList } from "./user-columns.ts";
import type { SiteUser, UserRequest, UserUrl } from "./user-operations.ts";

export type Scope = Period & { readonly accountId: string; readonly siteId: string };

/** Requests of one site in a period. */
export const OF_SITE =
  "account = {account:String} AND class_uid = 4002 AND site_id = {site:String}" +
  " AND e.time >= fromUnixTimestamp64Milli({start:Int64})" +
  " AND e.time < fromUnixTimestamp64Milli({end:Int64})";

/** The event of a check that ended; its OCSF class. */
export const CHECKED_EVENT = "appgateway.complianceChecked";
export const COMPLIANCE_FINDING = 2003;
/**
 * Requests of one site in a period but for those of its compliance checks: known by the ids that
 * the gateway gave them and the check wrote down, so that nobody hides behind the check's name.
 */
export const OF_VISITORS = `${OF_SITE} AND NOT (user_agent = '${CHECK_AGENT}'
  AND JSONExtractString(raw, 'http_request', 'uid') IN (
    SELECT arrayJoin(JSONExtract(raw, 'unmapped', 'cordon', 'data', 'requestIds', 'Array(String)'))
    FROM event WHERE account = {account:String} AND class_uid = ${COMPLIANCE_FINDING}
      AND JSONExtractString(raw, 'unmapped', 'cordon', 'type') = '${CHECKED_EVENT}'))`;

export const parametersOf = ({ accountId, siteId, startMs, endMs }: Scope) => ({
  account: accountId,
  site: siteId,
  start: startMs,
  end: endMs,
});

const timeText = (ms: number | string): string => new Date(Number(ms)).toISOString();

/** Rows come with numbers of 64 bits as text. */
type Numbers<Names extends string> = Readonly<Record<Names, number | string>>;

/** The named requests of one site in a period. */
const NAMED = `${OF_SITE} AND user_name != ''`;
const FROM = "FROM event AS e FINAL WHERE";
/** Times of a group; the API's numbers of milliseconds. */
const TIMES =
  "toUnixTimestamp64Milli(min(e.time)) AS first, toUnixTimestamp64Milli(max(e.time)) AS last";

export type ListQuery = {
  readonly scope: Scope;
  readonly input: ListInput;
};
export type Listed<Item> = { readonly items: Item[]; readonly totalCount: number };

/** @throws Problem kernel.inputInvalid for a filter or sort that the list does not know. */
export async function users(lake: Lake, { scope, input }: ListQuery): Promise<Listed<SiteUser>> {
  type Row = { name: string; raw: string; addresses: string[] } & Numbers<
    "requests" | "blocked" | "errors" | "sources" | "paths" | "first" | "last"
  >;
  const { where, having, order, parameters } = clausesOf(userList, input);
  const of = `${FROM} ${NAMED}${where} GROUP BY user_name ${having}`;
  const rows = await lake.query<Row>(
    `SELECT user_name AS name, count() AS requests, countIf(disposition = 'Blocked') AS blocked,
       countIf(status >= 500) AS errors, uniqExact(source_ip) AS sources,
       topK(5)(source_ip) AS addresses, uniqExact(method, path) AS paths, ${TIMES},
       argMax(e.raw, e.time) AS raw
     ${of} ORDER BY ${order} LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { ...parametersOf(scope), ...parameters, ...pageOf(input) },
  );
  const items = rows.map((row) => ({
    siteId: scope.siteId,
    userName: row.name,
    requestCount: Number(row.requests),
    blockedCount: Number(row.blocked),
    errorCount: Number(row.errors),
    sourceCount: Number(row.sources),
    sourceIps: row.addresses,
    urlCount: Number(row.paths),
    firstTime: timeText(row.first),
    lastTime: timeText(row.last),
    proof: proofOf(row.raw),
  }));
  return {
    items,
    totalCount: await countOf(lake, `SELECT user_name ${of}`, { scope, parameters }),
  };
}

function proofOf(raw: string): SiteUser["proof"] {
  if (raw === "") return "unknown";
  const event = JSON.parse(raw) as { unmapped?: { cordon?: { user?: { isVerified?: unknown } } } };
  return event.unmapped?.cordon?.user?.isVerified === true ? "verified" : "unverified";
}

/** How many rows a question has. */
async function countOf(
  lake: Lake,
  select: string,
  { scope, parameters }: { scope: Scope; parameters: LakeParameters },
): Promise<number> {
  const [row] = await lake.query<{ n: number }>(`SELECT count() AS n FROM (${select})`, {
    ...parametersOf(scope),
    ...parameters,
  });
  return Number(row?.n ?? 0);
}

/** What named users asked for. @throws Problem as {@link users}. */
export async function requests(
  lake: Lake,
  { scope, input }: ListQuery,
): Promise<Listed<UserRequest>> {
  type Row = Omit<UserRequest, "time" | "status" | "latencyMs"> &
    Numbers<"ms" | "code" | "latency">;
  const { where, order, parameters } = clausesOf(requestList, input);
  const of = `${FROM} ${NAMED}${where}`;
  const rows = await lake.query<Row>(
    `SELECT uid, toUnixTimestamp64Milli(e.time) AS ms, user_name AS userName,
       source_ip AS sourceIp, method, host, path, status AS code, disposition,
       latency_ms AS latency, user_agent AS userAgent
     ${of} ORDER BY ${order} LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { ...parametersOf(scope), ...parameters, ...pageOf(input) },
  );
  const items = rows.map(({ ms, code, latency, ...row }) => ({
    ...row,
    time: timeText(ms),
    status: Number(code),
    latencyMs: Number(latency),
  }));
  return { items, totalCount: await countOf(lake, `SELECT uid ${of}`, { scope, parameters }) };
}

/** URLs that named users asked for. @throws Problem as {@link users}. */
export async function urls(lake: Lake, { scope, input }: ListQuery): Promise<Listed<UserUrl>> {
  type Row = { method: string; path: string; names: string[] } & Numbers<
    | ("requests" | "people" | "blocked" | "good" | "refused" | "errors")
    | ("first" | "last" | "p50" | "p95")
  >;
  const { where, having, order, parameters } = clausesOf(urlList, input);
  const of = `${FROM} ${NAMED}${where} GROUP BY method, path ${having}`;
  // No name here may begin like a function that the lake refuses, such as that of URLs.
  const rows = await lake.query<Row>(
    `SELECT method, path, count() AS requests, uniqExact(user_name) AS people,
       topK(5)(user_name) AS names, countIf(disposition = 'Blocked') AS blocked,
       countIf(status BETWEEN 100 AND 399) AS good, countIf(status BETWEEN 400 AND 499) AS refused,
       countIf(status >= 500) AS errors, ${quantile(0.5)} AS p50, ${quantile(0.95)} AS p95, ${TIMES}
     ${of} ORDER BY ${order} LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { ...parametersOf(scope), ...parameters, ...pageOf(input) },
  );
  const items = rows.map((row) => ({
    siteId: scope.siteId,
    url: `${row.method} ${row.path}`,
    method: row.method,
    path: row.path,
    requestCount: Number(row.requests),
    userCount: Number(row.people),
    userNames: row.names,
    blockedCount: Number(row.blocked),
    successCount: Number(row.good),
    clientErrorCount: Number(row.refused),
    errorCount: Number(row.errors),
    latencyP50Ms: Number(row.p50),
    latencyP95Ms: Number(row.p95),
    firstTime: timeText(row.first),
    lastTime: timeText(row.last),
  }));
  const totalCount = await countOf(lake, `SELECT method, path ${of}`, { scope, parameters });
  return { items, totalCount };
}

/** Folders of the paths that were asked for most, without the root. */
export async function foldersOf(lake: Lake, scope: Scope): Promise<string[]> {
  const rows = await lake.query<{ folder: string }>(
    `SELECT replaceRegexpOne(path, '[^/]*$', '') AS folder, count() AS n
     FROM event AS e FINAL WHERE ${OF_SITE} AND status BETWEEN 200 AND 399
     GROUP BY folder HAVING folder != '/' AND folder != '' ORDER BY n DESC, folder LIMIT 5`,
    parametersOf(scope),
  );
  return rows.map(({ folder }) => folder).filter((folder) => /^\/[\x21-\x7e]*$/.test(folder));
}
