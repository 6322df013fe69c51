import { expect, test } from "vitest";
import {
  addScopedBan,
  bannedUntil,
  createScopedBans,
  type ScopedBan,
  scopedBansInForce,
} from "./scoped-bans.ts";

const key = { high: 1, low: 0x80_00_00_01 };
const ban = (changes: Partial<ScopedBan> = {}): ScopedBan => ({
  scope: "site-a/limit",
  key,
  untilMs: 5_000,
  ...changes,
});

test("a ban holds in its own scope until its time, and in no other", () => {
  const bans = createScopedBans(8);
  expect(addScopedBan(bans, ban(), 0)).toBe(true);
  expect(bannedUntil(bans, "site-a/limit", { key, nowMs: 4_999 })).toBe(5_000);
  expect(bannedUntil(bans, "site-b/limit", { key, nowMs: 4_999 })).toBe(0);
  expect(bannedUntil(bans, "site-a/limit", { key: { ...key, high: 2 }, nowMs: 0 })).toBe(0);
  expect(bannedUntil(bans, "site-a/limit", { key, nowMs: 5_000 })).toBe(0);
});

test("bans take no more room than there is, over all scopes, and those that ended make room", () => {
  const bans = createScopedBans(100);
  const many = Array.from({ length: 500 }, (_, at) =>
    ban({ scope: `site-${at % 7}/limit`, key: { high: at, low: at }, untilMs: 10_000 }),
  );
  expect(many.filter((one) => addScopedBan(bans, one, 2_000)).length).toBe(100);
  expect(scopedBansInForce(bans, 2_000).length).toBe(100);
  // One that is known already is renewed, also when there is no room.
  expect(addScopedBan(bans, ban({ ...many[0], untilMs: 20_000 }), 3_000)).toBe(true);
  expect(addScopedBan(bans, ban(), 11_000)).toBe(true);
  expect(bans.size).toBe(2);
});
