/** Reads detections out of the gateway's events. */
import type { Detection } from "./domain.ts";

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** The detection in an event; undefined when nothing reached its threshold. */
export function detectionOf(event: Json): Detection | undefined {
  const cordon = object(object(event.unmapped).cordon);
  const blocked = event.disposition_id === 2;
  if (!blocked && cordon.wouldBlock !== true) return undefined;
  const matches = Array.isArray(cordon.matches) ? cordon.matches.map(object) : [];
  const detection = {
    uid: object(event.metadata).uid,
    accountId: object(object(event.cloud).account).uid,
    siteId: cordon.siteId,
    sourceIp: object(event.src_endpoint).ip,
    timeMs: event.time,
    blocked,
    score: cordon.score,
    host: object(object(event.http_request).url).hostname,
  };
  if (!isComplete(detection)) return undefined;
  return {
    ...detection,
    matches: matches.map((match) => ({
      ruleId: typeof match.ruleId === "number" ? match.ruleId : 0,
      tags: Array.isArray(match.tags) ? match.tags.map(String) : [],
    })),
  };
}

function isComplete(
  given: {
    [Name in keyof Omit<Detection, "matches">]: unknown;
  },
): given is Omit<Detection, "matches"> {
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
