/**
 * Runs the regression tests of the Core Rule Set and judges what comes of them; `exchange` carries
 * a request out in this process: strict HTTP/1 parser, rule engine and a small back end.
 */
import { statusOfFault } from "../engines/http1/fault.ts";
import { parseRequestStream, type StreamedRequest } from "../engines/http1/parse-stream.ts";
import { beginTransaction, type RuleMatch, type Ruleset } from "../engines/seclang/engine.ts";
import type { CrsCase, Expectation } from "./conformance-crs-cases.ts";

export type CrsScore = {
  passed: number;
  failed: number;
  skipped: number;
  readonly failures: { test: string; reason: string }[];
  readonly files: Map<string, { passed: number; failed: number }>;
};

/**
 * What the tests are written for: paranoia level 4, and the limits that the rule set's own
 * continuous integration writes into `crs-setup.conf`. Debian's setup file leaves them unset.
 */
export const TEST_VARIABLES: ReadonlyMap<string, string> = new Map([
  ["paranoia_level", "4"],
  ["executing_paranoia_level", "4"],
  ["blocking_paranoia_level", "4"],
  ["detection_paranoia_level", "4"],
  ["crs_validate_utf8_encoding", "1"],
  ["arg_name_length", "100"],
  ["arg_length", "400"],
  ["total_arg_length", "64000"],
  ["max_num_args", "255"],
  ["max_file_size", "64100"],
  ["combined_file_sizes", "65535"],
]);

const CONNECTION = {
  remoteAddress: "127.0.0.1",
  remotePort: 40_000,
  serverAddress: "127.0.0.1",
  serverPort: 80,
  uniqueId: "conformance",
  timeMs: 1_700_000_000_000,
} as const;

/** Runs every test; `ask` carries one request out, and no state outlives it. */
export async function runCases(
  ask: (request: string) => Exchange | Promise<Exchange>,
  cases: readonly CrsCase[],
): Promise<CrsScore> {
  const score: CrsScore = { passed: 0, failed: 0, skipped: 0, failures: [], files: new Map() };
  for (const one of cases) {
    const ofFile = score.files.get(one.file) ?? { passed: 0, failed: 0 };
    score.files.set(one.file, ofFile);
    if (one.stages.length === 0) {
      score.skipped += 1;
      continue;
    }
    const reasons: string[] = [];
    for (const { request, expected } of one.stages) {
      reasons.push(...faultsOf(await ask(request), expected));
    }
    if (reasons.length === 0) {
      score.passed += 1;
      ofFile.passed += 1;
      continue;
    }
    score.failed += 1;
    ofFile.failed += 1;
    score.failures.push({ test: one.test, reason: reasons.join("; ") });
  }
  return score;
}

/** What expectations look at. */
type Match = Pick<RuleMatch, "ruleId" | "message" | "logData">;

export type Exchange<Found = Match> = {
  readonly status: number;
  readonly refused: boolean;
  readonly matches: readonly Found[];
};

/** One request through the parser, the rules and the back end. */
export function exchange(
  ruleset: Ruleset,
  request: string,
  options: { usePrefilter?: boolean } = {},
): Exchange<RuleMatch> {
  const [read] = parseRequestStream([Buffer.from(request, "latin1")]);
  if (read === undefined) return { status: 400, refused: true, matches: [] };
  const { head, fault } = read;
  const transaction = beginTransaction(ruleset, CONNECTION, {
    engine: "detectionOnly",
    variables: TEST_VARIABLES,
    ...options,
  });
  transaction.requestLine(head.method, head.target, head.protocol, head.requestLine);
  transaction.requestHeaders(head.fields.names, head.fields.values);
  transaction.requestBody(read.body);
  const answer = fault === null ? answerOf(read) : emptyAnswer(statusOfFault(fault));
  const { status, names, values, body } = answer;
  transaction.responseHeaders(status, "HTTP/1.1", names, values);
  transaction.responseBody(body);
  transaction.finish();
  return { status, refused: fault !== null, matches: transaction.matches() };
}

type Answer = { status: number; names: string[]; values: string[]; body: string };

const emptyAnswer = (status: number): Answer => ({ status, names: [], values: [], body: "" });

/** The back end: `/reflect` answers what it is asked to, every other path says hello. */
export function answerOf({ head, body }: StreamedRequest): Answer {
  const hello = { status: 200, names: ["Content-Type"], values: ["text/html"], body: "Hello" };
  if (!/^\/reflect(?:[/?]|$)/.test(head.target)) return hello;
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body, "latin1").toString("utf8"));
  } catch {
    return emptyAnswer(400);
  }
  const wanted = new Map(Object.entries(parsed ?? {}));
  const headers = Object.entries(wanted.get("headers") ?? {});
  const encoded = wanted.get("encodedBody");
  const text =
    encoded === undefined
      ? Buffer.from(String(wanted.get("body") ?? ""), "utf8")
      : Buffer.from(String(encoded), "base64");
  return {
    status: Number(wanted.get("status") ?? 200),
    names: headers.length === 0 ? hello.names : headers.map(([name]) => name),
    values: headers.length === 0 ? hello.values : headers.map(([, value]) => String(value)),
    body: text.toString("latin1"),
  };
}

/** Log lines hold no control bytes; ModSecurity writes them as `\x0d`. */
function escaped(text: string): string {
  return [...text]
    .map((char) => (char < " " ? `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}` : char))
    .join("");
}

function logOf(matches: readonly Match[]): string {
  return matches
    .map(
      ({ ruleId, message, logData }) =>
        `[id "${ruleId}"] [msg "${message}"] [data "${escaped(logData)}"]\n`,
    )
    .join("");
}

function faultsOf({ status, refused, matches }: Exchange, expected: Expectation): string[] {
  if (expected.error) return refused ? [] : [`wanted no answer, got ${status}`];
  const log = logOf(matches);
  const ids = new Set(matches.map((match) => match.ruleId));
  const reasons: string[] = [];
  for (const id of expected.ids) if (!ids.has(id)) reasons.push(`${id} did not match`);
  for (const id of expected.absentIds) if (ids.has(id)) reasons.push(`${id} matched`);
  const isIn = (text: string) => new RegExp(text, "m").test(log);
  for (const text of expected.log) if (!isIn(text)) reasons.push(`the log lacks ${text}`);
  for (const text of expected.absentLog) if (isIn(text)) reasons.push(`the log has ${text}`);
  if (expected.statuses.length > 0 && !expected.statuses.includes(status)) {
    reasons.push(`wanted status ${expected.statuses.join(" or ")}, got ${status}`);
  }
  return reasons;
}
