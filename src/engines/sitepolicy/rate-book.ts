/**
 * Counts and bans of rate limits. Each worker of a gateway keeps one for itself, the master keeps
 * one for all of them together. Its memory does not grow with the number of keys.
 */
import { addToWindow, createWindowTable, msUntilBelow, type WindowTable } from "./window-table.ts";

export type RateKey = { readonly high: number; readonly low: number };

export type RateTerms = {
  readonly requestsMax: number;
  readonly windowMs: number;
  /** The first ban; 0: refused only until the count has fallen below the limit. */
  readonly banMs: number;
  readonly banMsMax: number;
};

type Ban = {
  readonly key: RateKey;
  untilMs: number;
  strikes: number;
  /** A ban after this is a first one again. */
  forgetMs: number;
};

export type RateBook = {
  readonly windows: WindowTable;
  /** In the order of their making: the oldest give way. */
  readonly bans: Map<number, Ban>;
  readonly bansMax: number;
};

/** A book for `sets` × 8 keys and so many bans. */
export function createRateBook({ sets, bansMax }: { sets: number; bansMax: number }): RateBook {
  return { windows: createWindowTable(sets), bans: new Map(), bansMax };
}

/** 53 of the 64 bits, as a Map takes them without an object. */
export const banKey = ({ high, low }: RateKey): number => high * 2_097_152 + (low >>> 11);

/** Until when a key is refused; 0 when it is not. */
export function refusedUntil(book: RateBook, key: RateKey, nowMs: number): number {
  const untilMs = book.bans.get(banKey(key))?.untilMs ?? 0;
  return untilMs > nowMs ? untilMs : 0;
}

/** Counts arrivals; returns until when the key is refused from now on, or 0. */
export function countArrivals(
  book: RateBook,
  key: RateKey,
  { terms, amount, nowMs }: { terms: RateTerms; amount: number; nowMs: number },
): number {
  const { windowMs, requestsMax } = terms;
  const count = addToWindow(book.windows, key, { amount, nowMs, windowMs });
  if (count <= requestsMax) return 0;
  return penalize(book, key, terms, nowMs);
}

function penalize(book: RateBook, key: RateKey, terms: RateTerms, nowMs: number): number {
  const { windowMs, requestsMax, banMs, banMsMax } = terms;
  const known = book.bans.get(banKey(key));
  if (known !== undefined && known.untilMs > nowMs) return known.untilMs;
  if (banMs === 0) {
    const waitMs = msUntilBelow(book.windows, key, { limit: requestsMax, nowMs, windowMs });
    return keepBan(book, key, { untilMs: nowMs + waitMs, strikes: 0, forgetMs: 0 });
  }
  const strikes = known !== undefined && known.forgetMs > nowMs ? known.strikes + 1 : 1;
  const untilMs = nowMs + Math.min(banMs * 2 ** Math.min(strikes - 1, 30), banMsMax);
  return keepBan(book, key, { untilMs, strikes, forgetMs: untilMs + banMsMax });
}

function keepBan(book: RateBook, key: RateKey, ban: Omit<Ban, "key">): number {
  const at = banKey(key);
  book.bans.delete(at);
  if (book.bans.size >= book.bansMax) {
    const oldest = book.bans.keys().next();
    if (oldest.done !== true) book.bans.delete(oldest.value);
  }
  book.bans.set(at, { key: { ...key }, ...ban });
  return ban.untilMs;
}

/** Takes over a ban that another book has decided. */
export function acceptBan(book: RateBook, key: RateKey, untilMs: number): void {
  const known = book.bans.get(banKey(key));
  if (known !== undefined && known.untilMs >= untilMs) return;
  const { strikes = 0, forgetMs = 0 } = known ?? {};
  keepBan(book, key, { untilMs, strikes, forgetMs });
}

/** The bans in force, for a worker that begins. */
export function bansInForce(book: RateBook, nowMs: number): { key: RateKey; untilMs: number }[] {
  return [...book.bans.values()].filter(({ untilMs }) => untilMs > nowMs);
}
