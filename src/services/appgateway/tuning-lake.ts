/** What the lake knows for tuning: requests that met rules, and who else behaves. */
import type { Lake } from "../../kernel/lake/client.ts";
import { type Evidence, tuningLimits } from "./tuning-domain.ts";
import { OF_SITE, parametersOf, type Scope } from "./user-lake.ts";

type Row = {
  readonly uid: string;
  readonly ms: number | string;
  readonly source: string;
  readonly user: string;
  readonly path: string;
  readonly disposition: string;
  readonly matches: string;
};

const REFUSED = `${OF_SITE} AND disposition IN ('Blocked', 'Observed')`;

/** The newest events that were refused, or would have been. @throws LakeError. */
export async function evidenceOf(lake: Lake, scope: Scope): Promise<Evidence[]> {
  // Of the event only what rules met: whole ones would be most of the answer.
  const rows = await lake.query<Row>(
    `SELECT uid, toUnixTimestamp64Milli(e.time) AS ms, source_ip AS source, user_name AS user,
       path, disposition, JSONExtractRaw(raw, 'unmapped', 'cordon', 'matches') AS matches
     FROM event AS e FINAL WHERE ${REFUSED} AND raw != ''
     ORDER BY e.time DESC LIMIT {limit:UInt32}`,
    { ...parametersOf(scope), limit: tuningLimits.eventsMax },
  );
  return rows.map((row) => ({
    uid: row.uid,
    timeMs: Number(row.ms),
    sourceIp: row.source,
    userName: row.user,
    path: row.path,
    isBlocked: row.disposition === "Blocked",
    matches: matchesIn(row.matches),
  }));
}

function matchesIn(text: string): Evidence["matches"] {
  const matches: unknown = text === "" ? [] : JSON.parse(text);
  if (!Array.isArray(matches)) return [];
  return matches.map((match: Readonly<Record<string, unknown>>) => ({
    ruleId: Number(match.ruleId),
    message: String(match.message),
    severity: String(match.severity),
    variable: String(match.variable),
    value: String(match.value),
  }));
}

/**
 * Of the sources with a refused request, those that also asked for something that met no rule and
 * was answered well. @throws LakeError.
 */
export async function cleanSourcesOf(lake: Lake, scope: Scope): Promise<ReadonlySet<string>> {
  const rows = await lake.query<{ source: string }>(
    `SELECT DISTINCT source_ip AS source FROM event AS e FINAL WHERE ${OF_SITE}
       AND empty(rule_ids) AND disposition = 'Allowed' AND status BETWEEN 200 AND 399
       AND source_ip IN (SELECT source_ip FROM event AS e FINAL WHERE ${REFUSED} AND raw != ''
         ORDER BY e.time DESC LIMIT {limit:UInt32})`,
    { ...parametersOf(scope), limit: tuningLimits.eventsMax },
  );
  return new Set(rows.map(({ source }) => source));
}
