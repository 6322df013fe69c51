import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, PASSWORD, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("the set-up token works once", async () => {
  expect((await cordon.api("GET", "/v1/account/setup")).result.pending).toBe(false);
  const again = { token: "x".repeat(43), accountName: "b", userName: "b", password: PASSWORD };
  const reply = await cordon.api("POST", "/v1/account/setup:complete", again, "");
  expect(reply.error?.reason).toBe("account.setupTokenInvalid");
});

test("another account is hidden from all but the operator, like one that is missing", async () => {
  const other = { name: "other", userName: "eve", password: PASSWORD };
  expect((await cordon.api("POST", "/v1/account/accounts", other)).code).toBe(200);
  const eve = await cordon.keyOf("other", "eve");
  const { result } = await cordon.api("GET", "/v1/iam/caller");
  const own = `/v1/account/accounts/${result.caller.accountId}`;
  expect((await cordon.api("GET", own)).code).toBe(200);
  const hidden = await cordon.api("GET", own, undefined, eve);
  const missing = await cordon.api("GET", "/v1/account/accounts/acc-0000000000", undefined, eve);
  expect(hidden.error).toEqual(missing.error);
  expect(hidden.code).toBe(404);
  expect((await cordon.api("GET", "/v1/account/accounts", undefined, eve)).code).not.toBe(200);
});
