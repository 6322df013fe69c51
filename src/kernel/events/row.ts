/** The columns of an event: what lists, filters and charts use, read from its OCSF form. */

export type EventColumns = {
  readonly account: string;
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly class_uid: number;
  readonly severity_id: number;
  readonly activity: string;
  readonly disposition: string;
  readonly source_ip: string;
  readonly site_id: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
  readonly user_agent: string;
  readonly user_name: string;
  readonly ja4: string;
  readonly score: number;
  readonly rule_ids: readonly number[];
  readonly message: string;
  readonly latency_ms: number;
};

const TEXT_MAX = 2_048;

type Json = Readonly<Record<string, unknown>>;

function part(value: unknown, ...names: readonly string[]): unknown {
  let current = value;
  for (const name of names) {
    if (typeof current !== "object" || current === null) return undefined;
    current = Object.hasOwn(current, name) ? Reflect.get(current, name) : undefined;
  }
  return current;
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, TEXT_MAX) : "";
}

function whole(value: unknown, max: number): number {
  return typeof value === "number" && Number.isFinite(value)
    ? Math.min(max, Math.max(0, Math.trunc(value)))
    : 0;
}

/** JA4 of the client's TLS hello (OCSF `ja4_fingerprint_list`, type 1); empty when none is kept. */
export function ja4Of(event: Json): string {
  const list = part(event, "ja4_fingerprint_list");
  return Array.isArray(list) ? text(part(list.find(isJa4), "value")) : "";
}

const isJa4 = (one: unknown): boolean => part(one, "type_id") === 1;

const ACTIVITIES = [
  "Unknown",
  "Connect",
  "Delete",
  "Get",
  "Head",
  "Options",
  "Post",
  "Put",
  "Trace",
];

/** The matches that the gateway wrote into an event. */
export function matchesOf(event: Json): readonly Json[] {
  const matches = part(event, "unmapped", "cordon", "matches");
  return Array.isArray(matches)
    ? matches.filter((one) => typeof one === "object" && one !== null)
    : [];
}

/**
 * Reads the columns.
 *
 * @returns undefined when the event has no uid, time or class: it cannot be kept as an event.
 */
export function columnsOf(event: Json): EventColumns | undefined {
  const uid = text(part(event, "metadata", "uid"));
  const time = part(event, "time");
  const classUid = whole(part(event, "class_uid"), 4_294_967_295);
  if (uid === "" || typeof time !== "number" || !(time > 0) || classUid === 0) return undefined;
  const matches = matchesOf(event);
  const method = text(part(event, "http_request", "http_method"));
  const path = text(part(event, "http_request", "url", "path"));
  const named = text(part(event, "activity_name"));
  return {
    account: text(part(event, "cloud", "account", "uid")),
    uid,
    time: Math.trunc(time),
    class_uid: classUid,
    severity_id: whole(part(event, "severity_id"), 99),
    activity: named || (ACTIVITIES[whole(part(event, "activity_id"), 99)] ?? "Other"),
    disposition: dispositionOf(event),
    source_ip: text(part(event, "src_endpoint", "ip")),
    site_id: text(part(event, "unmapped", "cordon", "siteId")),
    method,
    host: text(part(event, "http_request", "url", "hostname")),
    path,
    status: whole(part(event, "http_response", "code"), 65_535),
    user_agent: text(part(event, "http_request", "user_agent")),
    user_name: text(part(event, "actor", "user", "name")),
    ja4: ja4Of(event),
    score: whole(part(event, "unmapped", "cordon", "score"), 4_294_967_295),
    rule_ids: matches.map((match) => whole(match.ruleId, 4_294_967_295)),
    message: text(part(event, "message")) || messageOf(event, matches) || `${method} ${path}`,
    latency_ms: whole(part(event, "http_response", "latency"), 4_294_967_295),
  };
}

function dispositionOf(event: Json): string {
  if (part(event, "disposition_id") === 2) return "Blocked";
  return part(event, "unmapped", "cordon", "wouldBlock") === true ? "Observed" : "Allowed";
}

/** The rule that says most: the first that names an attack. */
function messageOf(event: Json, matches: readonly Json[]): string {
  const telling = matches.find((match) => match.severity !== "" && match.message !== "");
  return text(telling?.message) || decisionOf(event) || text(part(event, "status_detail"));
}

/** The name of what a site's policy decided last: what it refused for, when it refused. */
function decisionOf(event: Json): string {
  const decisions = part(event, "unmapped", "cordon", "policy", "decisions");
  return Array.isArray(decisions) ? text(part(decisions.at(-1), "name")) : "";
}
