/**
 * A year of 10,000 certificates of 47 days through the queue as the jobs work it off: so many
 * orders a run, so many at once, each taking its time, an authority that is away for days.
 */
import { expect, test } from "vitest";
import { backOffMs, renewalTimeMs } from "../../../engines/acme/renewal.ts";
import { clientLimits } from "./parts.ts";

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const LIFE_MS = 47 * DAY_MS;
const CERTIFICATES = 10_000;
const SEED = Number(process.env.CORDON_SEED ?? Date.now() % 2_147_483_647);
/** An order with its proofs, and one whose authority does not answer until the time-out. */
const ORDER_MS = 20 * SECOND_MS;
const TIMEOUT_MS = 30 * SECOND_MS;
/** Of orders while the authority is there: refused proofs, rate limits, lost answers. */
const FAILING = 0.05;

type Outage = { readonly startMs: number; readonly endMs: number };
type Waiting = { dueMs: number; readonly notAfterMs: number; failures: number };

function chances(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A binary heap by due time, as the index of the table orders what is due. */
function dueQueue() {
  const heap: Waiting[] = [];
  const dueAt = (at: number): number => heap[at]?.dueMs ?? Number.POSITIVE_INFINITY;
  const swap = (left: number, right: number): void => {
    const [one, other] = [heap[left], heap[right]];
    if (one === undefined || other === undefined) return;
    heap[left] = other;
    heap[right] = one;
  };
  return {
    nextMs: () => dueAt(0),
    push(item: Waiting): void {
      let at = heap.push(item) - 1;
      while (at > 0 && dueAt((at - 1) >> 1) > dueAt(at)) {
        swap(at, (at - 1) >> 1);
        at = (at - 1) >> 1;
      }
    },
    pop(): Waiting | undefined {
      const [first] = heap;
      const last = heap.pop();
      if (first === undefined || last === undefined || heap.length === 0) return first;
      heap[0] = last;
      for (let at = 0; ; ) {
        const smaller = dueAt(2 * at + 1) <= dueAt(2 * at + 2) ? 2 * at + 1 : 2 * at + 2;
        if (dueAt(smaller) >= dueAt(at)) return first;
        swap(at, smaller);
        at = smaller;
      }
    },
  };
}

function playYear(outages: readonly Outage[], seed: number) {
  const chance = chances(seed);
  const isAway = (ms: number) => outages.some(({ startMs, endMs }) => ms >= startMs && ms < endMs);
  const queue = dueQueue();
  const counts = { renewed: 0, missed: 0, failed: 0, leastLeftMs: LIFE_MS };
  const begin = (notBeforeMs: number): void => {
    const notAfterMs = notBeforeMs + LIFE_MS;
    const dueMs = renewalTimeMs({ notBeforeMs, notAfterMs }, undefined, chance());
    queue.push({ dueMs: Math.max(0, dueMs), notAfterMs, failures: 0 });
  };
  for (let count = 0; count < CERTIFICATES; count += 1) begin(-chance() * LIFE_MS * 0.6);
  for (let nowMs = 0; nowMs < YEAR_MS; ) {
    nowMs = Math.max(nowMs, queue.nextMs());
    let lastEndMs = nowMs;
    // One run of the job: the lanes take the next as they are free.
    const lanes = Array.from({ length: clientLimits.ordersAtOnceMax }, () => nowMs);
    for (let taken = 0; taken < clientLimits.ordersPerRunMax; taken += 1) {
      if (queue.nextMs() > nowMs) break;
      const one = queue.pop();
      if (one === undefined) break;
      const lane = lanes.indexOf(Math.min(...lanes));
      const startMs = lanes[lane] ?? nowMs;
      const works = !isAway(startMs) && chance() > FAILING;
      const endMs = startMs + (works ? ORDER_MS : TIMEOUT_MS);
      lanes[lane] = endMs;
      lastEndMs = Math.max(lastEndMs, endMs);
      if (works) {
        counts.renewed += 1;
        counts.missed += endMs >= one.notAfterMs ? 1 : 0;
        counts.leastLeftMs = Math.min(counts.leastLeftMs, one.notAfterMs - endMs);
        begin(endMs);
        continue;
      }
      counts.failed += 1;
      const failures = one.failures + 1;
      const waitMs = backOffMs(failures, one.notAfterMs - endMs, chance());
      queue.push({ ...one, failures, dueMs: endMs + waitMs });
    }
    nowMs = lastEndMs + SECOND_MS;
  }
  return counts;
}

test(`a year of 10,000 certificates of 47 days: none is missed (seed ${SEED})`, () => {
  const chance = chances(SEED);
  const outages = [30, 90, 150, 210, 270, 330].map((day, at) => {
    // The last two are the longest that is promised: ten days, with every renewal due in between.
    const days = at > 3 ? 10 : 1 + chance() * 9;
    const startMs = (day + chance() * 10) * DAY_MS;
    return { startMs, endMs: startMs + days * DAY_MS };
  });
  const { renewed, missed, failed, leastLeftMs } = playYear(outages, SEED);
  const left = (leastLeftMs / DAY_MS).toFixed(1);
  console.info(
    `seed ${SEED}: ${renewed} renewals, ${failed} failed tries, ${missed} missed; ` +
      `the closest had ${left} days left`,
  );
  expect(renewed).toBeGreaterThan(CERTIFICATES * 9);
  expect(missed).toBe(0);
});

test("an outage of fifteen days is missed by some, so that the test above can fail", () => {
  const outages = [{ startMs: 100 * DAY_MS, endMs: 117 * DAY_MS }];
  expect(playYear(outages, 1).missed).toBeGreaterThan(0);
});
