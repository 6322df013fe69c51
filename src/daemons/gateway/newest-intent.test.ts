import { expect, test } from "vitest";
import type { GatewayIntent } from "./intent.ts";
import { newestIntent } from "./newest-intent.ts";
import { intentOf } from "./test-kit.ts";

const versioned = (version: number): GatewayIntent => ({ ...intentOf([]), version });

test("one at a time; of those that come meanwhile only the newest is applied", async () => {
  const compiling = Promise.withResolvers<void>();
  const applied: number[] = [];
  const told: [number, unknown][] = [];
  const intents = newestIntent({
    prepare: ({ version }) => (version === 1 ? compiling.promise : Promise.resolve()),
    tell: (version, fault) => told.push([version, fault]),
  });
  const apply = ({ version }: GatewayIntent) => void applied.push(version);
  intents.give(versioned(1));
  await intents.first;
  const running = intents.applyWith(apply);
  for (const version of [2, 3]) {
    intents.give(versioned(version));
    await intents.applyWith(apply);
  }
  expect(applied).toEqual([]);
  compiling.resolve();
  await running;
  expect(applied).toEqual([1, 3]);
  expect(told).toEqual([
    [1, null],
    [3, null],
  ]);
});

test("one whose rules do not compile is told with its fault, once, and the next is applied", async () => {
  const fault = new Error("rules.conf:1: is no rule");
  const told: [number, unknown][] = [];
  const intents = newestIntent({
    prepare: ({ version }) => (version === 1 ? Promise.reject(fault) : Promise.resolve()),
    tell: (version, reason) => told.push([version, reason]),
  });
  const applied: number[] = [];
  const apply = ({ version }: GatewayIntent) => void applied.push(version);
  intents.give(versioned(1));
  await intents.applyWith(apply);
  await intents.applyWith(apply);
  intents.give(versioned(2));
  await intents.applyWith(apply);
  expect(told).toEqual([
    [1, fault],
    [2, null],
  ]);
  expect(applied).toEqual([2]);
});
