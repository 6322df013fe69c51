import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, PASSWORD, startOperations } from "../../../test/service-kit.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("a user may do what a policy allows and nothing else", async () => {
  const statement = [{ effect: "allow", action: "waf:List*", resource: "*" }];
  const document = { version: "1", statement };
  const policy = await cordon.api("POST", "/v1/iam/policies", { name: "reader", document });
  const policyIds = [policy.result.policyId];
  await cordon.api("POST", "/v1/iam/users", { name: "bob", password: PASSWORD, policyIds });
  const { result } = await cordon.api("GET", "/v1/iam/users");
  const { userId } = result.users.find((user: { name: string }) => user.name === "bob");
  const made = await cordon.api("POST", "/v1/iam/bearerKeys", { userId, name: "k" });
  const key = made.result.secret;
  expect((await cordon.api("GET", "/v1/waf/sites", undefined, key)).code).toBe(200);
  expect((await cordon.api("GET", "/v1/iam/users", undefined, key)).error?.reason).toBe(
    "kernel.forbidden",
  );
  await cordon.api("DELETE", `/v1/iam/bearerKeys/${made.result.bearerKey.bearerKeyId}`);
  expect((await cordon.api("GET", "/v1/waf/sites", undefined, key)).code).toBe(401);
});

test("a policy with a condition that is not known is refused when written", async () => {
  const condition = { moonPhase: { is: "full" } };
  const statement = [{ effect: "allow", action: "waf:*", resource: "*", condition }];
  const document = { version: "1", statement };
  expect((await cordon.api("POST", "/v1/iam/policies", { name: "odd", document })).code).toBe(400);
});

test("the last administrator cannot be deleted", async () => {
  const { result } = await cordon.api("GET", "/v1/iam/caller");
  const reply = await cordon.api("DELETE", `/v1/iam/users/${result.caller.principalId}`);
  expect(reply.code).toBe(409);
});
