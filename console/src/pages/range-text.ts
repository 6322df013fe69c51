/** The time range of a search, as the address has it: a span up to now, or two times. */

export const spans = { hour: 3_600, day: 86_400, week: 604_800, month: 2_592_000 } as const;
export type SpanName = keyof typeof spans;

export type TimeRange = {
  /** The span, when it ends now. */
  readonly span: SpanName | undefined;
  /** RFC 3339. */
  readonly startTime: string;
  /** Undefined: now. */
  readonly endTime: string | undefined;
};

const MINUTE_MS = 60_000;

function isSpan(text: string): text is SpanName {
  return Object.hasOwn(spans, text);
}

/** Reads `range`, or `from` and `to`; what cannot be read is the last day. */
export function readRange(query: URLSearchParams, nowMs: number): TimeRange {
  const from = Date.parse(query.get("from") ?? "");
  const to = Date.parse(query.get("to") ?? "");
  if (from < to) {
    const startTime = new Date(from).toISOString();
    return { span: undefined, startTime, endTime: new Date(to).toISOString() };
  }
  const given = query.get("range") ?? "";
  const span = isSpan(given) ? given : "day";
  // To the minute, so that a search is the same search for a while.
  const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const startTime = new Date(minute - spans[span] * 1000).toISOString();
  return { span, startTime, endTime: undefined };
}
