/** The master's book of rate limits: joins what the workers count, tells them of bans. */
import {
  bansInForce,
  countArrivals,
  createRateBook,
  type RateKey,
  refusedUntil,
} from "../../../engines/sitepolicy/rate-book.ts";
import { type RateCount, rateLimits } from "./rates.ts";

export type Bans = readonly { readonly key: RateKey; readonly untilMs: number }[];

export type RateHub = {
  /** Takes a worker's report and returns the bans that follow from it, for every worker. */
  take(counts: readonly RateCount[], nowMs: number): Bans;
  /** What a worker that begins has to know. */
  inForce(nowMs: number): Bans;
};

/** The hub of a gateway. */
export function createRateHub(): RateHub {
  const book = createRateBook(rateLimits);
  return {
    take(counts, nowMs) {
      const bans: { key: RateKey; untilMs: number }[] = [];
      for (const { key, terms, amount } of counts) {
        if (refusedUntil(book, key, nowMs) > 0) continue;
        const untilMs = countArrivals(book, key, { terms, amount, nowMs });
        if (untilMs > 0) bans.push({ key, untilMs });
      }
      return bans;
    },
    inForce: (nowMs) => bansInForce(book, nowMs),
  };
}
