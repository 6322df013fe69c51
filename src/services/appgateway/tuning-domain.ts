/**
 * Which exclusions a site's events suggest. Whoever sends requests writes the evidence, so much of
 * this is about whom not to believe: one network counts once, and a source that was also refused
 * for anything else, or that only ever did this one thing, counts for nothing.
 */
import { createHash } from "node:crypto";
import type { Learning, Proposal } from "./tuning-operations.ts";

export const tuningLimits = {
  eventsMax: 20_000,
  proposalsMax: 200,
  samplesMax: 5,
  pathsMax: 10,
  daysMax: 30,
} as const;

export const learningDefaults = {
  learning: false,
  requestsMin: 20,
  networksMin: 3,
  spanHoursMin: 24,
} as const;

/** One event that met rules or was refused, as far as tuning reads it. */
export type Evidence = {
  readonly uid: string;
  readonly timeMs: number;
  readonly sourceIp: string;
  readonly userName: string;
  readonly path: string;
  readonly isBlocked: boolean;
  readonly matches: readonly {
    readonly ruleId: number;
    readonly message: string;
    readonly severity: string;
    readonly variable: string;
    readonly value: string;
  }[];
};

type Match = Evidence["matches"][number];

/** What an exclusion can name (`waf.createExclusion`). */
const VARIABLE = /^[A-Z_]+(?::[^\p{C}]+)?$/u;
/** Rules that only add up, set up or speak of responses. */
const STRUCTURAL = [901, 905, 949, 950, 951, 952, 953, 954, 955, 956, 959, 980];
/** Parts of a path that name one thing among many. */
const IDENTIFIER = /^(?:\d+|[0-9a-f]{16,}|[0-9a-f]{8}-[0-9a-f-]{27})$/i;
const VALUE_CHARACTERS_MAX = 120;

/** The path up to its first identifier: `/orders/17/note` is below `/orders/`. */
export function prefixOf(path: string): string {
  const parts = path.split("/");
  const at = parts.findIndex((part) => IDENTIFIER.test(part));
  return at < 1 ? path || "/" : `${parts.slice(0, at).join("/")}/`;
}

/** The network of an address: /24 of IPv4, /64 of IPv6. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address.split(".").slice(0, 3).join(".");
  const [head = "", tail] = address.split("::");
  const groups = head.split(":").filter((group) => group !== "");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  return [...groups, ...Array(Math.max(0, missing)).fill("0")].slice(0, 4).join(":");
}

const placeOf = (event: Evidence, { variable }: Match): string =>
  `${variable} ${prefixOf(event.path)}`;

const isTunable = ({ ruleId, severity, variable }: Match): boolean =>
  severity !== "" &&
  VARIABLE.test(variable) &&
  variable.length <= 256 &&
  !STRUCTURAL.includes(Math.floor(ruleId / 1_000));

/**
 * The proposals, strongest first.
 *
 * @param evidence events with matches or refusals, in any order.
 * @param cleanSources addresses that also asked for something that met no rule.
 * @param isSettled whether an exclusion or a decision covers it already.
 */
export function proposalsOf(
  evidence: readonly Evidence[],
  given: {
    readonly siteId: string;
    readonly learning: Pick<Learning, "requestsMin" | "networksMin" | "spanHoursMin">;
    readonly cleanSources: ReadonlySet<string>;
    readonly isSettled: (
      proposal: Pick<Proposal, "proposalId" | "ruleId" | "variable" | "pathPrefix">,
    ) => boolean;
  },
): Proposal[] {
  const attacks = attacksBySource(evidence);
  const isTrusted = (source: string, place: string): boolean =>
    given.cleanSources.has(source) &&
    (attacks.get(source) ?? []).every((places) => places.has(place));
  const proposals: Proposal[] = [];
  for (const [place, { match, events }] of groups(evidence)) {
    const trusted = events.filter((event) => isTrusted(event.sourceIp, placeOf(event, match)));
    const first = trusted[0];
    if (first === undefined || place === "") continue;
    const proposal = proposalOf(given.siteId, { match, events, trusted, first });
    if (isEnough(proposal, given.learning) && !given.isSettled(proposal)) proposals.push(proposal);
  }
  return proposals
    .sort(
      (left, right) =>
        right.networkCount - left.networkCount || right.requestCount - left.requestCount,
    )
    .slice(0, tuningLimits.proposalsMax);
}

/** For each source, the places of each of its attacks; a refusal without a match has none. */
function attacksBySource(evidence: readonly Evidence[]) {
  const found = new Map<string, ReadonlySet<string>[]>();
  for (const event of evidence) {
    const places = new Set(event.matches.filter(isTunable).map((match) => placeOf(event, match)));
    const before = found.get(event.sourceIp);
    if (before === undefined) found.set(event.sourceIp, [places]);
    else before.push(places);
  }
  return found;
}

function groups(evidence: readonly Evidence[]) {
  const found = new Map<string, { match: Match; events: Evidence[] }>();
  for (const event of evidence) {
    const seen = new Set<string>();
    for (const match of event.matches.filter(isTunable)) {
      const key = `${match.ruleId} ${placeOf(event, match)}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const group = found.get(key);
      if (group === undefined) found.set(key, { match, events: [event] });
      else group.events.push(event);
    }
  }
  return found;
}

function isEnough(
  { requestCount, networkCount, firstTime, lastTime }: Proposal,
  {
    requestsMin,
    networksMin,
    spanHoursMin,
  }: Pick<Learning, "requestsMin" | "networksMin" | "spanHoursMin">,
): boolean {
  const spanMs = Date.parse(lastTime) - Date.parse(firstTime);
  return (
    requestCount >= requestsMin && networkCount >= networksMin && spanMs >= spanHoursMin * 3_600_000
  );
}

function proposalOf(
  siteId: string,
  given: {
    match: Match;
    events: readonly Evidence[];
    trusted: readonly Evidence[];
    first: Evidence;
  },
): Proposal {
  const { match, events, trusted, first } = given;
  const { ruleId, variable, message } = match;
  const pathPrefix = prefixOf(first.path);
  const sources = new Set(trusted.map(({ sourceIp }) => sourceIp));
  const all = new Set(events.map(({ sourceIp }) => sourceIp));
  const times = trusted.map(({ timeMs }) => timeMs);
  // One from each source first: the same one again shows nothing new.
  const samples = [...new Map(trusted.map((event) => [event.sourceIp, event])).values()].slice(
    0,
    tuningLimits.samplesMax,
  );
  const matchedValue = (event: Evidence) =>
    event.matches.find((one) => one.ruleId === ruleId && one.variable === variable)?.value ?? "";
  return {
    proposalId: proposalIdOf({ siteId, ruleId, variable, pathPrefix }),
    ...{ siteId, ruleId, message, variable, pathPrefix },
    requestCount: trusted.length,
    sourceCount: sources.size,
    networkCount: new Set([...sources].map(networkOf)).size,
    userCount: new Set(trusted.map(({ userName }) => userName).filter((name) => name !== "")).size,
    suspectCount: all.size - sources.size,
    blockedCount: trusted.filter(({ isBlocked }) => isBlocked).length,
    paths: [...new Set(trusted.map(({ path }) => path))].slice(0, tuningLimits.pathsMax),
    sampleUids: samples.map(({ uid }) => uid),
    sampleValues: [
      ...new Set(samples.map((event) => matchedValue(event).slice(0, VALUE_CHARACTERS_MAX))),
    ],
    firstTime: new Date(times.reduce((low, time) => Math.min(low, time))).toISOString(),
    lastTime: new Date(times.reduce((high, time) => Math.max(high, time))).toISOString(),
  };
}

/** The same exclusion has the same id, so that a decision about it holds. */
function proposalIdOf(of: {
  siteId: string;
  ruleId: number;
  variable: string;
  pathPrefix: string;
}): string {
  const text = [of.siteId, of.ruleId, of.variable, of.pathPrefix].join("\0");
  const digest = createHash("sha256").update(text).digest();
  const number = digest.readBigUInt64BE();
  return `prop-${(number % 36n ** 10n).toString(36).padStart(10, "0")}`;
}
