import fc from "fast-check";
import { expect, test } from "vitest";
import {
  acceptBan,
  bansInForce,
  countArrivals,
  createRateBook,
  type RateTerms,
  refusedUntil,
} from "./rate-book.ts";

const terms: RateTerms = { requestsMax: 10, windowMs: 1_000, banMs: 0, banMsMax: 0 };
const key = { high: 1, low: 2 };
/** One request: true when it passes. */
const ask = (book: ReturnType<typeof createRateBook>, nowMs: number, given = terms) =>
  refusedUntil(book, key, nowMs) === 0 &&
  countArrivals(book, key, { terms: given, amount: 1, nowMs }) === 0;

test("no client ever gets more than its requests through in any window, and one below is free", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 30, maxLength: 200 }),
      (gaps) => {
        const book = createRateBook({ sets: 8, bansMax: 8 });
        const passed: number[] = [];
        let nowMs = 1_000_000;
        for (const gap of gaps) {
          nowMs += gap;
          if (ask(book, nowMs)) passed.push(nowMs);
        }
        // Taking the last window as evenly spread can let twice the limit through at worst.
        for (const from of passed) {
          const within = passed.filter((at) => at >= from && at < from + terms.windowMs).length;
          expect(within).toBeLessThanOrEqual(terms.requestsMax * 2);
        }
      },
    ),
  );
  const book = createRateBook({ sets: 8, bansMax: 8 });
  for (let nowMs = 0; nowMs < 100_000; nowMs += 125) expect(ask(book, nowMs)).toBe(true);
});

test("a client that comes back is banned for twice as long each time, up to the longest", () => {
  const book = createRateBook({ sets: 8, bansMax: 8 });
  const banned: RateTerms = { ...terms, banMs: 10_000, banMsMax: 35_000 };
  const lengths: number[] = [];
  let nowMs = 5_000_000;
  for (let round = 0; round < 4; round++) {
    while (ask(book, nowMs, banned));
    const until = refusedUntil(book, key, nowMs);
    lengths.push(until - nowMs);
    expect(ask(book, until - 1, banned)).toBe(false);
    nowMs = until + 2_000;
  }
  expect(lengths).toEqual([10_000, 20_000, 35_000, 35_000]);
});

test("a flood of keys takes no more memory, and the one who asks most is still refused", () => {
  const book = createRateBook({ sets: 64, bansMax: 16 });
  const bytes = book.windows.low.byteLength;
  let refused = 0;
  for (let at = 0; at < 200_000; at++) {
    const nowMs = 1_000_000 + Math.floor(at / 1_000);
    countArrivals(
      book,
      { high: at, low: Math.imul(at, 2_654_435_761) >>> 0 },
      { terms, amount: 1, nowMs },
    );
    if (at % 100 === 0 && !ask(book, nowMs)) refused++;
  }
  expect(book.windows.low.byteLength).toBe(bytes);
  expect(book.bans.size).toBeLessThanOrEqual(16);
  expect(refused).toBeGreaterThan(1_900);
});

test("bans of one book can be taken over by another, and end at their time", () => {
  const [one, other] = [
    createRateBook({ sets: 8, bansMax: 8 }),
    createRateBook({ sets: 8, bansMax: 8 }),
  ];
  countArrivals(one, key, {
    terms: { ...terms, banMs: 5_000, banMsMax: 5_000 },
    amount: 11,
    nowMs: 0,
  });
  for (const ban of bansInForce(one, 1_000)) acceptBan(other, ban.key, ban.untilMs);
  expect(ask(other, 4_999)).toBe(false);
  expect(ask(other, 5_000)).toBe(true);
});
