/**
 * What a rule would have done to the requests that events tell of. An event keeps method, host,
 * path, query, address and user agent; what a condition asks beyond that is told as undecided.
 */
import {
  compileCondition,
  type ListLookup,
  testReadings,
} from "../../engines/sitepolicy/condition.ts";
import { type Facts, readingsOf } from "../../engines/sitepolicy/facts.ts";
import { viewPath } from "../../engines/sitepolicy/path.ts";
import { countArrivals, createRateBook, refusedUntil } from "../../engines/sitepolicy/rate-book.ts";
import { ja4Of } from "../../kernel/events/row.ts";
import type {
  RateLimit,
  RuleAction,
  RuleCondition,
} from "../../kernel/intent/site-policy-document.ts";
import type { DryRun } from "./dry-run-operations.ts";

export const dryRunLimits = { hours: 1, eventsMax: 10_000, samplesMax: 20 } as const;

type Json = Readonly<Record<string, unknown>>;

/** @param events raw events of the site, newest first, as the lake gives them. */
export function dryRun(
  events: readonly unknown[],
  rule: { readonly when: RuleCondition | null; readonly action: RuleAction },
  lists: ListLookup,
): DryRun {
  const test = rule.when === null ? () => true : compileCondition(rule.when, lists);
  const needed = rule.action.kind === "allow" ? "every" : "some";
  const stops = stopper(rule.action);
  const result = { hits: 0, undecided: 0, wouldStop: 0, wouldStopPassed: 0 };
  const sources = new Set<string>();
  const samples: DryRun["samples"] = [];
  // In the order of their time, since limits count.
  for (const event of events.toReversed()) {
    const facts = factsOf(event);
    const readings = readingsOf(facts, viewPath(facts.rawPath).readings);
    const hit = testReadings(test, readings, needed);
    if (hit === undefined) result.undecided++;
    if (hit !== true) continue;
    result.hits++;
    sources.add(facts.address);
    const isStopped = stops(readings[0] ?? facts);
    const row = sampleOf(event, facts, isStopped);
    if (isStopped) result.wouldStop++;
    if (isStopped && !row.wasBlocked) result.wouldStopPassed++;
    samples.push(row);
    // The newest, and those that would be stopped before the others.
    if (samples.length > dryRunLimits.samplesMax) {
      const at = samples.findIndex((one) => !one.wouldStop);
      samples.splice(at < 0 || at === samples.length - 1 ? 0 : at, 1);
    }
  }
  return {
    events: events.length,
    isTruncated: events.length >= dryRunLimits.eventsMax,
    ...result,
    sources: sources.size,
    samples: samples.toReversed(),
  };
}

/** Whether the action ends a request that the condition meets. */
function stopper(action: RuleAction): (facts: Facts) => boolean {
  if (action.kind === "block" || action.kind === "challenge") return () => true;
  if (action.kind !== "rateLimit") return () => false;
  const { limit } = action;
  const book = createRateBook({ sets: 4_096, bansMax: 10_000 });
  const numbers = new Map<string, number>();
  const terms = {
    requestsMax: limit.requestsMax,
    windowMs: limit.windowSeconds * 1_000,
    banMs: limit.banSeconds * 1_000,
    banMsMax: limit.banSecondsMax * 1_000,
  };
  return (facts) => {
    const text = keyOf(limit, facts);
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    // Spread over the sets, as the gateway's hash does.
    const key = { high: number, low: Math.imul(number + 1, 2_654_435_761) >>> 0 };
    const { nowMs } = facts;
    if (refusedUntil(book, key, nowMs) > 0) return true;
    return countArrivals(book, key, { terms, amount: 1, nowMs }) > 0;
  };
}

/** Headers and cookies are not kept: who is counted by one is counted by his address here. */
function keyOf({ keys }: RateLimit, facts: Facts): string {
  return keys
    .map(({ by }) => {
      if (by === "path") return facts.path;
      if (by === "ja4") return facts.ja4 || facts.address;
      return by === "fingerprint" ? (facts.fingerprint() ?? facts.address) : facts.address;
    })
    .join("\0");
}

function sampleOf(event: unknown, facts: Facts, wouldStop: boolean): DryRun["samples"][number] {
  const { metadata, http_response: response, disposition_id: disposition } = fieldsOf(event);
  return {
    uid: textOf(fieldsOf(metadata).uid),
    time: new Date(facts.nowMs).toISOString(),
    sourceIp: facts.address,
    method: facts.method,
    path: facts.rawPath,
    status: numberOf(fieldsOf(response).code),
    wasBlocked: disposition === 2,
    wouldStop,
  };
}

function factsOf(event: unknown): Facts {
  const { http_request, src_endpoint, unmapped, time } = fieldsOf(event);
  const request = fieldsOf(http_request);
  const url = fieldsOf(request.url);
  const policy = fieldsOf(fieldsOf(fieldsOf(unmapped).cordon).policy);
  const rawPath = textOf(url.path);
  const known = (value: unknown) => (typeof value === "string" ? value : undefined);
  return {
    nowMs: numberOf(time),
    address: textOf(fieldsOf(src_endpoint).ip),
    method: textOf(request.http_method),
    host: textOf(url.hostname),
    scheme: textOf(url.scheme),
    path: viewPath(rawPath).normal,
    rawPath,
    query: textOf(url.query_string),
    userAgent: textOf(request.user_agent),
    fields: undefined,
    country: known(policy.country),
    asn: known(policy.asn),
    fingerprint: () => known(policy.fingerprint),
    // Without TLS there is none; a handshake's may not have been kept.
    ja4: ja4Of(fieldsOf(event)) || (url.scheme === "http" ? "" : undefined),
    crawler: () => "",
    crawlerState: () => "unknown",
    body: undefined,
  };
}

function fieldsOf(value: unknown): Json {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);
