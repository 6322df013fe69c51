/** From detections to findings and incidents: what belongs together and how bad it is. */
import { limits as prefixLimits } from "../../engines/netpolicy/blocklist.ts";
import { formatPrefix, parsePrefix } from "../../engines/netpolicy/prefix.ts";
import type { CodedText } from "../../lib/coded-text.ts";
import type { Finding, Incident } from "./contract.ts";
import { type Category, tell } from "./texts.ts";

export const limits = {
  eventUidsPerFindingMax: 20,
  ruleIdsPerFindingMax: 50,
} as const;

export type Severity = Incident["severity"];

/** What the gateway reported: a request that met rules, a leak that it masked, a changed page. */
export type Detection = {
  readonly uid: string;
  readonly accountId: string;
  readonly siteId: string;
  /** Empty: no source is to blame, as when a page changed at the upstream. */
  readonly sourceIp: string;
  readonly timeMs: number;
  readonly blocked: boolean;
  readonly score: number;
  readonly host: string;
  readonly matches: readonly { readonly ruleId: number; readonly tags: readonly string[] }[];
  /** The class, where it is known without rules. */
  readonly category?: Category;
};

/** Attack classes by the tags that the OWASP Core Rule Set gives its rules. */
const CATEGORY_BY_TAG: readonly (readonly [tag: string, category: Category])[] = [
  ["attack-sqli", "sqli"],
  ["attack-xss", "xss"],
  ["attack-rce", "rce"],
  ["attack-lfi", "lfi"],
  ["attack-rfi", "rfi"],
  ["attack-injection-php", "php"],
  ["attack-injection-java", "java"],
  ["attack-injection-generic", "injection"],
  ["attack-fixation", "fixation"],
  ["attack-reputation-scanner", "scanner"],
  ["attack-disclosure", "leak"],
  ["attack-multipart-header", "protocol"],
  ["attack-protocol", "protocol"],
  ["attack-generic", "generic"],
];

/** The class that most of the matched rules belong to; the table's order decides a draw. */
export function categoryOf(matches: Detection["matches"]): Category {
  let best: { readonly category: Category; readonly count: number } | undefined;
  for (const [tag, category] of CATEGORY_BY_TAG) {
    const count = matches.filter((match) => match.tags.includes(tag)).length;
    if (count > (best?.count ?? 0)) best = { category, count };
  }
  return best?.category ?? "generic";
}

const SEVERE: ReadonlySet<string> = new Set([
  "tamper",
  "sqli",
  "rce",
  "rfi",
  "php",
  "java",
  "injection",
]);

/** Severity from the class, how much of it, and whether anything came through. */
export function severityOf(state: {
  readonly categories: readonly string[];
  readonly eventCount: number;
  readonly blockedCount: number;
  readonly scoreTotal: number;
}): Severity {
  const severe = state.categories.some((category) => SEVERE.has(category));
  const through = state.blockedCount < state.eventCount;
  if (severe && through) return "critical";
  if (severe || state.scoreTotal >= 200) return "high";
  return state.scoreTotal >= 25 || state.categories.length > 1 ? "medium" : "low";
}

/** Detections of one source on one site, summed up. */
export type Group = {
  readonly accountId: string;
  readonly siteId: string;
  readonly sourceIp: string;
  readonly host: string;
  readonly findings: Map<Category, GroupFinding>;
};

export type GroupFinding = {
  readonly category: Category;
  readonly detections: Detection[];
};

/** Groups a batch by attacker and site, and inside by attack class. */
export function groupDetections(detections: readonly Detection[]): Group[] {
  const groups = new Map<string, Group>();
  for (const detection of detections) {
    const { accountId, siteId, sourceIp, host } = detection;
    const key = `${accountId} ${siteId} ${sourceIp}`;
    const group = groups.get(key) ?? { accountId, siteId, sourceIp, host, findings: new Map() };
    groups.set(key, group);
    const category = detection.category ?? categoryOf(detection.matches);
    const finding = group.findings.get(category) ?? { category, detections: [] };
    group.findings.set(category, finding);
    finding.detections.push(detection);
  }
  return [...groups.values()];
}

/** What a finding of a class is called. */
export const findingTitle = (category: Category, host: string): CodedText =>
  tell(`incident.finding.${category}`, { host });

/** What an incident is called that begins with a class; without a source it is the site's own. */
export function incidentTitle(
  category: Category,
  { sourceIp, host }: Pick<Group, "sourceIp" | "host">,
): CodedText {
  if (sourceIp === "" || category === "tamper") return findingTitle(category, host);
  return tell(`incident.attack.${category}`, { sourceIp, host });
}

type FindingSums = Pick<
  Finding,
  "ruleIds" | "eventCount" | "blockedCount" | "scoreMax" | "firstTime" | "lastTime" | "eventUids"
>;

/** A finding's numbers after more detections of its class. */
export function extendFinding(
  before: FindingSums | undefined,
  detections: readonly Detection[],
): FindingSums {
  const times = detections.map((detection) => detection.timeMs);
  const ruleIds = detections.flatMap(({ matches }) => matches.map((match) => match.ruleId));
  const known = before?.ruleIds ?? [];
  const firstMs = Math.min(
    ...times,
    before === undefined ? Infinity : Date.parse(before.firstTime),
  );
  const lastMs = Math.max(...times, before === undefined ? 0 : Date.parse(before.lastTime));
  return {
    ruleIds: [...new Set([...known, ...ruleIds])].slice(0, limits.ruleIdsPerFindingMax),
    eventCount: (before?.eventCount ?? 0) + detections.length,
    blockedCount: (before?.blockedCount ?? 0) + detections.filter(({ blocked }) => blocked).length,
    scoreMax: Math.max(before?.scoreMax ?? 0, ...detections.map(({ score }) => score)),
    firstTime: new Date(firstMs).toISOString(),
    lastTime: new Date(lastMs).toISOString(),
    eventUids: [...(before?.eventUids ?? []), ...detections.map(({ uid }) => uid)].slice(
      -limits.eventUidsPerFindingMax,
    ),
  };
}

/**
 * A block's address in canonical form.
 *
 * @returns undefined when it is no address, or so wide that it would block a part of the Internet.
 */
export function blockableCidr(text: string): string | undefined {
  const prefix = parsePrefix(text);
  if (prefix === undefined) return undefined;
  const bitsMin = prefix.family === 4 ? prefixLimits.prefixBits4Min : prefixLimits.prefixBits6Min;
  return prefix.bits < bitsMin ? undefined : formatPrefix(prefix);
}

/** The state of a response at a time. */
export function responseState(
  response: { readonly revokeTime: string | null; readonly expireTime: string },
  nowMs: number,
): "active" | "expired" | "revoked" {
  if (response.revokeTime !== null) return "revoked";
  return Date.parse(response.expireTime) <= nowMs ? "expired" : "active";
}
