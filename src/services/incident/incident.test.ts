import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("a block of a source has an end, is listed, and can be undone once", async () => {
  const block = { cidr: "203.0.113.9", ttlSeconds: 600 };
  const { result: made } = await cordon.api("POST", "/v1/incident/responses:blockSource", block);
  expect(made).toMatchObject({ cidr: "203.0.113.9/32", state: "active", createdBy: "admin" });
  expect(Date.parse(made.expireTime) - Date.parse(made.createTime)).toBe(600_000);
  const path = `/v1/incident/responses/${made.responseId}:revoke`;
  expect((await cordon.api("POST", path, {})).result.state).toBe("revoked");
  const listed = await cordon.api("GET", "/v1/incident/responses");
  expect(listed.result.responses[0].state).toBe("revoked");
  expect((await cordon.api("POST", path, {})).code).not.toBe(200);
});

test("the automatic response is off until someone switches it on", async () => {
  const { result } = await cordon.api("GET", "/v1/incident/automaticResponse");
  expect(result.enabled).toBe(false);
});
