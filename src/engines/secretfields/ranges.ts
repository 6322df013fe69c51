/** Places of a text that are hidden, and the text without them. Pure. */

/** From `start` up to `end`. `isBare`: a value of JSON without quotes. */
export type Hidden = {
  readonly start: number;
  readonly end: number;
  readonly isBare?: boolean;
};

/** The same length; what was JSON stays JSON, so that rules read the rest as they did. */
function maskOf({ start, end, isBare }: Hidden): string {
  const length = end - start;
  if (isBare !== true) return "*".repeat(length);
  return length < 2 ? "0" : `"${"*".repeat(length - 2)}"`;
}

/** The text with asterisks in these places, which are in order and do not overlap. */
export function masked(text: string, hidden: readonly Hidden[]): string {
  let shown = "";
  let at = 0;
  for (const one of hidden) {
    shown += text.slice(at, one.start) + maskOf(one);
    at = one.end;
  }
  return shown + text.slice(at);
}

/** In order, joined where they overlap, without empty ones. */
export function joined(hidden: readonly Hidden[]): Hidden[] {
  const result: Hidden[] = [];
  for (const one of hidden.toSorted((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (one.end <= one.start) continue;
    if (last === undefined || one.start >= last.end) result.push(one);
    else if (one.end > last.end) {
      result[result.length - 1] = { start: last.start, end: one.end };
    }
  }
  return result;
}

export const moved = (hidden: readonly Hidden[], by: number): Hidden[] =>
  hidden.map((one) => ({ ...one, start: one.start + by, end: one.end + by }));
