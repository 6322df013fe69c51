/** Reads detections out of the gateway's events. */
import type { Detection } from "./domain.ts";

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The detection in an event; undefined when nothing reached its threshold. */
export function detectionOf(event: Json): Detection | undefined {
  if (event.class_uid === 2004) return changedPage(event);
  return attackIn(event) ?? leakIn(event);
}

/** A request that was blocked, or would have been. */
function attackIn(event: Json): Detection | undefined {
  const cordon = object(object(event.unmapped).cordon);
  const blocked = event.disposition_id === 2;
  if (!blocked && cordon.wouldBlock !== true) return undefined;
  const matches = Array.isArray(cordon.matches) ? cordon.matches.map(object) : [];
  const detection = { ...common(event), blocked, score: cordon.score };
  if (!isComplete(detection)) return undefined;
  return {
    ...detection,
    matches: matches.map((match) => ({
      ruleId: typeof match.ruleId === "number" ? match.ruleId : 0,
      tags: Array.isArray(match.tags) ? match.tags.map(String) : [],
    })),
  };
}

/**
 * How much each kind of masked text counts: one identity number is a leak, one telephone number or
 * e-mail address is the contact line of many pages.
 */
const LEAK_SCORES: Readonly<Record<string, number>> = {
  ...{ idCard: 5, bankCard: 5, stackTrace: 5, phone: 1, email: 1 },
};
const LEAK_SCORE_MIN = 5;
const LEAK_SCORE_MAX = 100;

/** A response out of which enough was masked. It is the site's fault, not of the one who asked. */
function leakIn(event: Json): Detection | undefined {
  const masked = object(object(object(event.unmapped).cordon).masked);
  let score = 0;
  for (const [kind, count] of Object.entries(masked)) {
    if (typeof count === "number") score += count * (LEAK_SCORES[kind] ?? 0);
  }
  if (score < LEAK_SCORE_MIN) return undefined;
  const detection = {
    ...{ ...common(event), sourceIp: "", blocked: true },
    score: Math.min(score, LEAK_SCORE_MAX),
  };
  if (!isComplete(detection)) return undefined;
  return { ...detection, matches: [], category: "leak" };
}

/** A guarded page that is not what was approved; blocked where the approved copy was served. */
function changedPage(event: Json): Detection | undefined {
  if (event.status_detail !== "pageChanged") return undefined;
  const { host } = object(object(event.unmapped).cordon);
  const blocked = event.disposition_id === 2;
  const detection = { ...common(event), host, sourceIp: "", blocked, score: 5 };
  if (!isComplete(detection)) return undefined;
  return { ...detection, matches: [], category: "tamper" };
}

function common(event: Json) {
  return {
    uid: object(event.metadata).uid,
    accountId: object(object(event.cloud).account).uid,
    siteId: object(object(event.unmapped).cordon).siteId,
    sourceIp: object(event.src_endpoint).ip,
    timeMs: event.time,
    host: object(object(event.http_request).url).hostname,
  };
}

function isComplete(
  given: {
    [Name in keyof Omit<Detection, "matches" | "category">]: unknown;
  },
): given is Omit<Detection, "matches" | "category"> {
  return (
    typeof given.uid === "string" &&
    typeof given.accountId === "string" &&
    /^acc-[0-9a-z]{10}$/.test(given.accountId) &&
    typeof given.siteId === "string" &&
    typeof given.sourceIp === "string" &&
    typeof given.timeMs === "number" &&
    typeof given.score === "number" &&
    typeof given.host === "string"
  );
}
