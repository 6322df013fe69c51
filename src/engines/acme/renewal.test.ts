/** A year of renewals with an authority that is often away: no certificate may run out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { backOffMs, renewalTimeMs, windowCheckMs } from "./renewal.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CERTIFICATES = 10_000;
const LIFE_MS = 47 * DAY_MS;

/** A small generator with a seed of its own (xorshift32), so that a run can be repeated. */
function chances(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

type Outage = { readonly startMs: number; readonly endMs: number };

/** Half of the authorities tell a window; half of those tell nonsense. */
function windowTold(count: number, notBeforeMs: number) {
  const at = (part: number) => notBeforeMs + LIFE_MS * part;
  if (count % 4 === 0) return { startMs: at(2), endMs: at(3) };
  return count % 4 === 1 ? { startMs: at(0.6), endMs: at(0.7) } : undefined;
}

/** Plays the life of one certificate after the other; returns how often one ran out. */
function play(outages: readonly Outage[], seed: number, jobMs: number) {
  const chance = chances(seed);
  const isAway = (ms: number) => outages.some(({ startMs, endMs }) => ms >= startMs && ms < endMs);
  let missed = 0;
  let renewed = 0;
  for (let count = 0; count < CERTIFICATES; count += 1) {
    let notBeforeMs = -chance() * LIFE_MS * 0.6;
    while (notBeforeMs < 365 * DAY_MS) {
      const life = { notBeforeMs, notAfterMs: notBeforeMs + LIFE_MS };
      const window = windowTold(count, notBeforeMs);
      let atMs = Math.max(0, renewalTimeMs(life, window, chance()));
      let failures = 0;
      // The job looks once in a while, not at the very moment.
      for (;;) {
        atMs = Math.ceil(atMs / jobMs) * jobMs;
        const works = !isAway(atMs) && chance() > 0.05;
        if (works) break;
        failures += 1;
        atMs += backOffMs(failures, life.notAfterMs - atMs, chance());
        if (atMs > life.notAfterMs + 30 * DAY_MS) break;
      }
      if (atMs >= life.notAfterMs) missed += 1;
      renewed += 1;
      notBeforeMs = atMs;
    }
  }
  return { missed, renewed };
}

test("10,000 certificates of 47 days: none is missed in a year with outages of up to 10 days", () => {
  const outage = fc
    .tuple(fc.nat({ max: 360 }), fc.integer({ min: 1, max: 10 * 24 }))
    .map(([day, hours]) => ({ startMs: day * DAY_MS, endMs: day * DAY_MS + hours * HOUR_MS }));
  // Outages that touch are one longer outage, which no renewal time could survive.
  const apart = fc.array(outage, { maxLength: 8 }).map((all) => {
    const sorted = all.toSorted((left, right) => left.startMs - right.startMs);
    return sorted.filter((one, at) => {
      const before = sorted.slice(0, at);
      return before.every(({ endMs }) => endMs + 2 * DAY_MS < one.startMs);
    });
  });
  fc.assert(
    fc.property(apart, fc.integer(), (outages, seed) => {
      const { missed, renewed } = play(outages, seed, 60_000);
      expect(renewed).toBeGreaterThan(CERTIFICATES * 9);
      expect(missed).toBe(0);
    }),
    { numRuns: 40 },
  );
});

test("an outage longer than a third of life is missed, so that the test above can fail", () => {
  const outages = [{ startMs: 100 * DAY_MS, endMs: 120 * DAY_MS }];
  expect(play(outages, 1, 60_000).missed).toBeGreaterThan(0);
});

test("renewal falls into the window, and never into the last quarter of life", () => {
  const life = { notBeforeMs: 0, notAfterMs: 100 };
  const chance = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.nat(500), fc.nat(500), chance, (startMs, length, at) => {
      const window = { startMs, endMs: startMs + length };
      const ms = renewalTimeMs(life, window, at);
      expect(ms).toBeLessThanOrEqual(75);
      if (length > 0 && window.endMs <= 75) {
        expect(ms).toBeGreaterThanOrEqual(startMs);
        expect(ms).toBeLessThanOrEqual(window.endMs);
      }
    }),
  );
  expect(renewalTimeMs(life, undefined, 0)).toBeCloseTo(66.7, 1);
});

test("a wait doubles, is bounded, and shortens when time runs out", () => {
  expect(backOffMs(1, DAY_MS * 30, 0)).toBe(60_000);
  expect(backOffMs(4, DAY_MS * 30, 0)).toBe(480_000);
  expect(backOffMs(1_000, DAY_MS * 30, 1)).toBe(7.5 * HOUR_MS);
  expect(backOffMs(1_000, HOUR_MS, 0)).toBe(HOUR_MS / 10);
  expect(backOffMs(1_000, -5, 0)).toBe(60_000);
  expect(windowCheckMs(1)).toBe(60_000);
  expect(windowCheckMs(undefined)).toBe(6 * HOUR_MS);
});
