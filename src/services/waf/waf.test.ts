import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

const shop = { domains: ["shop.localhost"], upstreams: ["http://127.0.0.1:3000"] };

test("a site is made with safe defaults, changed in part, and gone when deleted", async () => {
  const { result: made } = await cordon.api("POST", "/v1/waf/sites", shop);
  expect(made).toMatchObject({ mode: "observe", state: "pending" });
  const path = `/v1/waf/sites/${made.siteId}`;
  const changed = await cordon.api("PATCH", path, { mode: "block" });
  expect(changed.result).toMatchObject({ mode: "block", domains: shop.domains });
  expect((await cordon.api("POST", "/v1/waf/sites", shop)).error?.reason).toBe("waf.domainTaken");
  expect((await cordon.api("DELETE", path)).code).toBe(200);
  expect((await cordon.api("GET", path)).error?.reason).toBe("waf.siteNotFound");
});

test("a fault in the input is told by its path, and nothing is made", async () => {
  const odd = { ...shop, domains: ["odd.localhost"], upstreams: ["http://127.0.0.1/path"] };
  const reply = await cordon.api("POST", "/v1/waf/sites", odd);
  expect(reply.code).toBe(400);
  expect(reply.error?.details[0]?.path).toBe("/upstreams/0");
  expect((await cordon.api("POST", "/v1/waf/sites", { ...shop, colour: "red" })).code).toBe(400);
  expect((await cordon.api("GET", "/v1/waf/sites")).result.totalCount).toBe(0);
});

test("a listed block of addresses is kept in canonical form", async () => {
  const entry = { cidr: "203.0.113.9/24", action: "block" };
  const reply = await cordon.api("POST", "/v1/waf/listEntries", entry);
  expect(reply.result.cidr).toBe("203.0.113.0/24");
});
