/**
 * Why a stored request was answered as it was: the rules it met, from its own event, as data and
 * as sentences. Nothing is run again: rules and exclusions may have changed since.
 */
import type { Static } from "typebox";
import { matchesOf } from "../../kernel/events/row.ts";
import type { EventRow, RequestExplanation } from "./contract.ts";

type Explanation = Static<typeof RequestExplanation>;
type Match = Explanation["matches"][number];
type Json = Readonly<Record<string, unknown>>;

/** The points that the Core Rule Set gives a severity unless its settings say otherwise. */
const POINTS: Readonly<Record<string, number>> = { critical: 5, error: 4, warning: 3, notice: 2 };
/** The gateway writes no more matches than this into an event. */
const MATCHES_MAX = 64;
const SHOWN_MAX = 256;

/** @param phaseOf a rule's phase, undefined where the rule is not installed any more. */
export function explanationOf(
  row: EventRow,
  event: unknown,
  phaseOf: (ruleId: number) => number | undefined,
): Explanation {
  const cordon = fieldsOf(fieldsOf(fieldsOf(event).unmapped).cordon);
  const http = fieldsOf(fieldsOf(event).http_request);
  const query = textOf(fieldsOf(http.url).query_string);
  const matches = matchesOf(fieldsOf(event)).map((match) => matchView(match, phaseOf));
  const known: Omit<Explanation, "sentences"> = {
    uid: row.uid,
    requestId: textOf(http.uid),
    time: row.time,
    siteId: row.siteId,
    mode: textOf(cordon.mode),
    disposition: row.disposition,
    status: row.status,
    sourceIp: row.sourceIp,
    request: `${row.method} ${row.host}${row.path}${query === "" ? "" : `?${query}`}`,
    wouldBlock: cordon.wouldBlock === true,
    score: row.score,
    threshold: numberOf(cordon.threshold),
    reason: textOf(cordon.reason),
    matches,
    decisions: decisionsOf(cordon),
  };
  return { ...known, sentences: sentencesOf(known, row.path) };
}

function matchView(match: Json, phaseOf: (ruleId: number) => number | undefined): Match {
  const ruleId = numberOf(match.ruleId);
  const value = textOf(match.value);
  const severity = textOf(match.severity).toLowerCase();
  return {
    ruleId,
    phase: phaseOf(ruleId) ?? null,
    severity,
    points: POINTS[severity] ?? 0,
    message: textOf(match.message),
    variable: textOf(match.variable),
    value,
    matched: value.slice(numberOf(match.matchStart), numberOf(match.matchEnd)),
  };
}

function decisionsOf(cordon: Json): Explanation["decisions"] {
  const { decisions } = fieldsOf(cordon.policy);
  if (!Array.isArray(decisions)) return [];
  return decisions.map((one: unknown) => {
    const { kind, id, name, action, enforced, detail } = fieldsOf(one);
    return {
      kind: textOf(kind),
      id: textOf(id),
      name: textOf(name),
      action: textOf(action),
      enforced: enforced === true,
      detail: textOf(detail),
    };
  });
}

/** What a decision of the site's policy is called in a sentence. */
const KINDS: Readonly<Record<string, string>> = {
  list: "Address list",
  geo: "The countries of the site",
  bot: "The bot rules",
  honeypot: "The honeypot",
  rule: "Custom rule",
  patch: "Virtual patch",
  rateLimit: "Rate limit",
  challenge: "The challenge",
  secLang: "The site's own rules",
  upload: "The upload limit of the route",
};

function decisionSentence(one: Explanation["decisions"][number]): string {
  const named = [one.name === "" ? "" : `"${safe(one.name)}"`, safe(one.id)];
  const what = [KINDS[one.kind] ?? safe(one.kind), ...named].filter((word) => word !== "");
  const effect =
    one.enforced || one.action === "log" ? "" : ", which mode observe did not carry out";
  const detail = one.detail === "" ? "" : ` ${safe(one.detail)}.`;
  return `${what.join(" ")} decided: ${safe(one.action)}${effect}.${detail}`;
}

function sentencesOf(known: Omit<Explanation, "sentences">, path: string): string[] {
  const { request, sourceIp, time, status, siteId, matches } = known;
  const sentences = [
    `${safe(request)} from ${sourceIp} at ${time} was answered with ${status}.`,
    verdictOf(known),
    ...known.decisions.map(decisionSentence),
    ...matches.map(matchSentence),
  ];
  if (matches.length >= MATCHES_MAX) {
    sentences.push(`The event keeps ${MATCHES_MAX} matches; there may have been more.`);
  }
  const telling = matches.find((match) => match.points > 0);
  if (telling !== undefined && siteId !== "") {
    sentences.push(
      "If this was ordinary traffic, let the rule pass for this variable: ./cordon waf exclusion " +
        `create --site-id ${quoted(siteId)} --path-prefix ${quoted(path)} ` +
        `--rule-id ${telling.ruleId} --variable ${quoted(telling.variable)}`,
    );
  }
  return sentences;
}

function verdictOf(known: Omit<Explanation, "sentences">): string {
  const { disposition, score, threshold, mode, wouldBlock, matches, reason } = known;
  const reached = threshold > 0 && score >= threshold;
  const why = reason === "" ? "" : ` (${safe(reason)})`;
  if (disposition === "Blocked") {
    return reached
      ? `It was blocked: its score of ${score} reached the site's threshold of ${threshold}${why}.`
      : `It was blocked${why}, not for its score of ${score}.`;
  }
  const isByPolicy = known.decisions.some(({ action }) => action !== "log" && action !== "allow");
  if (wouldBlock && !reached && isByPolicy) {
    return `It passed only because the site is in mode ${mode}: its own rules would have refused it.`;
  }
  if (wouldBlock) {
    return (
      `It passed only because the site is in mode ${mode}: its score of ${score} reached the ` +
      `threshold of ${threshold}. In mode block it would have been refused.`
    );
  }
  if (mode === "off" || mode === "") return "It passed; no rules ran, since the site has none on.";
  if (matches.length === 0) return "It passed and met no rule that scores.";
  return (
    `It passed: its score of ${score} stayed below the threshold of ${threshold}. ` +
    `${Math.max(1, threshold - score)} more would have blocked it.`
  );
}

function matchSentence({ ruleId, phase, severity, points, ...match }: Match): string {
  const facts = [
    phase === null ? "" : `phase ${phase}`,
    severity,
    points === 0 ? "" : `${points} points`,
  ].filter((fact) => fact !== "");
  const where = match.variable === "" ? "" : ` in ${safe(match.variable)}`;
  const what = match.matched === "" ? match.value : match.matched;
  const bytes = what === "" ? "an empty value" : `"${safe(what)}"`;
  return `Rule ${ruleId} (${facts.join(", ")}): ${safe(match.message)}. It met ${bytes}${where}.`;
}

function fieldsOf(value: unknown): Json {
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.trunc(value) : 0;
}

/** What attackers wrote, so that it moves no cursor and fills no screen. */
function safe(text: string): string {
  return text.slice(0, SHOWN_MAX).replace(/[\p{Cc}\p{Cf}]/gu, "\u00b7");
}

/** A word for a POSIX shell; an attacker's path must not become a command when it is pasted. */
function quoted(text: string): string {
  return `'${safe(text).replaceAll("'", "'\\''")}'`;
}
