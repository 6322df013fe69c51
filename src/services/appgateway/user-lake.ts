/** Questions to the lake about users. Account and site are in each, first and as parameters. */
import type { Lake } from "../../kernel/lake/client.ts";
import type { Period } from "./domain.ts";
import type { SiteUser, UserRequest, UserUrl } from "./user-operations.ts";

export type Scope = Period & { readonly accountId: string; readonly siteId: string };
type Page = { readonly limit: number; readonly offset: number };

/** Requests of one site in a period. */
export const OF_SITE =
  "account = {account:String} AND class_uid = 4002 AND site_id = {site:String}" +
  " AND e.time >= fromUnixTimestamp64Milli({start:Int64})" +
  " AND e.time < fromUnixTimestamp64Milli({end:Int64})";

export const parametersOf = ({ accountId, siteId, startMs, endMs }: Scope) => ({
  account: accountId,
  site: siteId,
  start: startMs,
  end: endMs,
});

const timeText = (ms: number | string): string => new Date(Number(ms)).toISOString();

/** Rows come with numbers of 64 bits as text. */
type Numbers<Names extends string> = Readonly<Record<Names, number | string>>;

export async function users(lake: Lake, scope: Scope, page: Page): Promise<SiteUser[]> {
  type Row = { name: string; raw: string } & Numbers<
    "requests" | "blocked" | "errors" | "sources" | "paths" | "first" | "last"
  >;
  const rows = await lake.query<Row>(
    `SELECT user_name AS name, count() AS requests, countIf(disposition = 'Blocked') AS blocked,
       countIf(status >= 500) AS errors, uniqExact(source_ip) AS sources,
       uniqExact(path) AS paths, toUnixTimestamp64Milli(min(e.time)) AS first,
       toUnixTimestamp64Milli(max(e.time)) AS last, argMax(e.raw, e.time) AS raw
     FROM event AS e FINAL WHERE ${OF_SITE} AND user_name != ''
     GROUP BY name ORDER BY requests DESC, name LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { ...parametersOf(scope), ...page },
  );
  return rows.map((row) => ({
    userName: row.name,
    requestCount: Number(row.requests),
    blockedCount: Number(row.blocked),
    errorCount: Number(row.errors),
    sourceCount: Number(row.sources),
    urlCount: Number(row.paths),
    firstTime: timeText(row.first),
    lastTime: timeText(row.last),
    proof: proofOf(row.raw),
  }));
}

function proofOf(raw: string): SiteUser["proof"] {
  if (raw === "") return "unknown";
  const event = JSON.parse(raw) as { unmapped?: { cordon?: { user?: { isVerified?: unknown } } } };
  return event.unmapped?.cordon?.user?.isVerified === true ? "verified" : "unverified";
}

export async function countUsers(lake: Lake, scope: Scope): Promise<number> {
  const [row] = await lake.query<{ n: number }>(
    `SELECT uniqExact(user_name) AS n FROM event AS e FINAL WHERE ${OF_SITE} AND user_name != ''`,
    parametersOf(scope),
  );
  return Number(row?.n ?? 0);
}

const OF_USER = `${OF_SITE} AND user_name = {user:String}`;

export async function requestsOfUser(
  lake: Lake,
  scope: Scope & { readonly userName: string },
  page: Page,
): Promise<UserRequest[]> {
  type Row = Omit<UserRequest, "time" | "status" | "latencyMs"> &
    Numbers<"ms" | "status" | "latencyMs">;
  const rows = await lake.query<Row>(
    `SELECT uid, toUnixTimestamp64Milli(e.time) AS ms, user_name AS userName,
       source_ip AS sourceIp, method, host, path, status, disposition, latency_ms AS latencyMs,
       user_agent AS userAgent
     FROM event AS e FINAL WHERE ${OF_USER}
     ORDER BY e.time DESC, uid LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { ...parametersOf(scope), user: scope.userName, ...page },
  );
  return rows.map(({ ms, status, latencyMs, ...row }) => ({
    ...row,
    time: timeText(ms),
    status: Number(status),
    latencyMs: Number(latencyMs),
  }));
}

export async function countRequestsOfUser(
  lake: Lake,
  scope: Scope & { readonly userName: string },
): Promise<number> {
  const [row] = await lake.query<{ n: number }>(
    `SELECT count() AS n FROM event AS e FINAL WHERE ${OF_USER}`,
    { ...parametersOf(scope), user: scope.userName },
  );
  return Number(row?.n ?? 0);
}

/** URLs that named users asked for; of one user when named. */
export async function urls(
  lake: Lake,
  scope: Scope & { readonly userName: string | undefined },
  page: Page,
): Promise<{ items: UserUrl[]; totalCount: number }> {
  const of = scope.userName === undefined ? `${OF_SITE} AND user_name != ''` : OF_USER;
  const parameters = { ...parametersOf(scope), user: scope.userName ?? "" };
  type Row = { method: string; path: string; names: string[] } & Numbers<
    "requests" | "userCount" | "errors" | "last"
  >;
  const rows = await lake.query<Row>(
    `SELECT method, path, count() AS requests, uniqExact(user_name) AS userCount,
       topK(5)(user_name) AS names, countIf(status >= 500) AS errors,
       toUnixTimestamp64Milli(max(e.time)) AS last
     FROM event AS e FINAL WHERE ${of} GROUP BY method, path
     ORDER BY requests DESC, path, method LIMIT {limit:UInt32} OFFSET {offset:UInt32}`,
    { ...parameters, ...page },
  );
  const [all] = await lake.query<{ n: number }>(
    `SELECT uniqExact(method, path) AS n FROM event AS e FINAL WHERE ${of}`,
    parameters,
  );
  const items = rows.map((row) => ({
    method: row.method,
    path: row.path,
    requestCount: Number(row.requests),
    userCount: Number(row.userCount),
    userNames: row.names,
    errorCount: Number(row.errors),
    lastTime: timeText(row.last),
  }));
  return { items, totalCount: Number(all?.n ?? 0) };
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
