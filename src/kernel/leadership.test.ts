import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../test/service-kit.ts";
import { createSharedMemory } from "./identity/shared-memory.ts";
import { runJobs } from "./jobs.ts";
import { createLeadership, LeadershipLost } from "./leadership.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

const times = { ttlMs: 600, renewMs: 100, marginMs: 100 };
const leadership = (instance: string) =>
  createLeadership({ database: cordon.database, instance, report: () => {}, times });

test("one leads; when it is not heard any more another takes over, and the old one can commit nothing", async () => {
  const old = leadership("cp-old");
  const next = leadership("cp-next");
  await old.renew();
  await next.renew();
  expect([old.leads(), next.leads()]).toEqual([true, false]);
  const count = () => old.fenced.transaction("system", (sql) => sql`select 1 as one`);
  expect(await count()).toEqual([{ one: 1 }]);
  await sleep(times.ttlMs + 50);
  expect(old.leads()).toBe(false);
  await next.renew();
  expect(next.leads()).toBe(true);
  await expect(count()).rejects.toThrow(LeadershipLost);
  await old.renew();
  expect(old.leads()).toBe(false);
});

test("a takeover waits for what the old leader has begun, and renewing does not", async () => {
  const old = leadership("cp-a");
  const next = leadership("cp-b");
  const tries = async () => {
    await old.renew();
    return old.leads();
  };
  await expect.poll(tries, { timeout: 5_000 }).toBe(true);
  const order: string[] = [];
  const begun = Promise.withResolvers<void>();
  const work = old.fenced.transaction("system", async (sql) => {
    await sql`select 1 as one`;
    begun.resolve();
    await sleep(times.ttlMs + 400);
    order.push("committed");
  });
  await begun.promise;
  await old.renew();
  order.push("renewed");
  await sleep(times.ttlMs + 50);
  await next.renew();
  order.push("taken over");
  await work;
  expect(order).toEqual(["renewed", "committed", "taken over"]);
});

test("leader's jobs run only in the leader, others everywhere", async () => {
  let leads = false;
  const runs = { leader: 0, everywhere: 0 };
  const ended = new AbortController();
  const running = runJobs(
    [
      { name: "leader", everyMs: 5, run: async () => ++runs.leader },
      { name: "everywhere", everyMs: 5, everywhere: true, run: async () => ++runs.everywhere },
    ],
    ended.signal,
    { report: () => {}, leads: () => leads },
  );
  await expect.poll(() => runs.everywhere).toBeGreaterThan(3);
  expect(runs.leader).toBe(0);
  leads = true;
  await expect.poll(() => runs.leader).toBeGreaterThan(3);
  ended.abort();
  await running;
});

test("a nonce is good once and a tight limit counts once, in whichever process", async () => {
  const [one, two] = [createSharedMemory(cordon.database), createSharedMemory(cordon.database)];
  const nowMs = Date.now();
  const uses = await Promise.all(
    Array.from({ length: 20 }, (_, at) => (at % 2 ? one : two).useNonce("ak-1", "nonce", nowMs)),
  );
  expect(uses.filter(Boolean)).toHaveLength(1);
  expect(await one.useNonce("ak-2", "nonce", nowMs)).toBe(true);
  const calls = await Promise.all(
    Array.from({ length: 30 }, (_, at) => (at % 2 ? one : two).allow("iam.signIn x", 10, nowMs)),
  );
  expect(calls.filter(Boolean)).toHaveLength(10);
  expect(await two.allow("iam.signIn x", 10, nowMs + 60_000)).toBe(true);
});
