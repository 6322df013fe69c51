/** What several calls at once, or a call without a record, must not leave behind. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, PASSWORD, startOperations } from "./service-kit.ts";

let kit: Operations;
beforeAll(async () => {
  kit = await startOperations();
}, 120_000);
afterAll(() => kit?.stop());

test("what cannot be recorded has not happened, above accounts too", async () => {
  const { result: who } = await kit.api("GET", "/v1/iam/caller");
  const statement = [{ effect: "allow", principal: { user: who.caller.principalId } }];
  const trust = { version: "1", statement };
  const { result: role } = await kit.api("POST", "/v1/iam/roles", { name: "r", trust });
  const document = {
    version: "1",
    statement: [{ effect: "allow", action: "*", resource: "*" }],
  };
  const account = { name: "second", userName: "admin", password: PASSWORD };
  const calls: [string, object, string, string][] = [
    [`/v1/sts/roles/${role.roleId}:assume`, { sessionName: "ghost" }, "/v1/sts/roleSessions", "0"],
    ["/v1/account/accounts", account, "/v1/account/accounts", "1"],
    ["/v1/account/guardrails", { name: "g", document }, "/v1/account/guardrails", "0"],
  ];
  for (const [path, body, list, count] of calls) {
    kit.refuseRecords(true);
    const refused = await kit.api("POST", path, body);
    kit.refuseRecords(false);
    expect(refused.error?.reason, path).toBe("kernel.auditUnavailable");
    const after = await kit.api("GET", list);
    expect(String(after.result.totalCount), path).toBe(count);
    const done = await kit.api("POST", path, body);
    expect(done.code, `${path} ${JSON.stringify(done.error)}`).toBe(200);
  }
});

test("two administrators who remove each other at once leave one of them", async () => {
  const { result } = await kit.api("GET", "/v1/iam/policies");
  const administrator = result.policies.find(
    (one: { name: string }) => one.name === "Administrator",
  );
  const { result: me } = await kit.api("GET", "/v1/iam/caller");
  for (let round = 0; round < 5; round += 1) {
    const body = { name: `b${round}`, password: PASSWORD, policyIds: [administrator.policyId] };
    const { result: other } = await kit.api("POST", "/v1/iam/users", body);
    const key = await kit.keyOf("main", body.name);
    const none = { policyIds: [], confirmLockOut: true };
    const [first, second] = await Promise.all([
      kit.api("PATCH", `/v1/iam/users/${other.userId}`, none),
      kit.api("PATCH", `/v1/iam/users/${me.caller.principalId}`, none, key),
    ]);
    const reasons = [first, second].map(({ error }) => error?.reason);
    // The loser is refused, by the guard or since it no longer may.
    expect(reasons.filter((reason) => reason === undefined)).toHaveLength(1);
    const { result: left } = await kit.api("GET", "/v1/iam/caller");
    if (second.error === undefined) {
      const back = { policyIds: [administrator.policyId] };
      await kit.api("PATCH", `/v1/iam/users/${left.caller.principalId}`, back, key);
      // Or the next round would begin with three.
      await kit.api("PATCH", `/v1/iam/users/${other.userId}`, none);
    }
    expect((await kit.api("GET", "/v1/iam/users")).code).toBe(200);
  }
});
