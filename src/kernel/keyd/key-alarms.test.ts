import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createKeyAlarms } from "./key-alarms.ts";

test("a sealed root is an alarm that says what to run, and is over when it is open", async () => {
  let nowMs = 0;
  let state: "ready" | "sealed" = "sealed";
  const health = async () => ({ state, stateReason: "a passphrase is wanted", root: "software" });
  const alarms = createKeyAlarms({ health, clock: () => nowMs });
  alarms();
  await turn();
  expect(alarms()).toMatchObject([{ part: "keys", fix: "run ./cordon keys unseal" }]);
  expect(alarms()[0]?.message).toContain("it waits for ./cordon keys unseal");
  state = "ready";
  nowMs += 5_000;
  alarms();
  await turn();
  expect(alarms()).toEqual([]);
});

test("keys that do not answer are an alarm, and are not asked again at once", async () => {
  let asked = 0;
  const health = () => {
    asked += 1;
    return Promise.reject(new Error("connect ENOENT"));
  };
  const alarms = createKeyAlarms({ health, clock: () => 0 });
  alarms();
  await turn();
  expect(alarms()).toMatchObject([{ part: "keys" }]);
  expect(asked).toBe(1);
});
