import { expect, test } from "vitest";
import { createAuthorizer } from "../../kernel/identity/authorize.ts";
import type { Identity } from "../../kernel/identity/identity.ts";
import { asTrusted, sessionSeconds, type TrustedRole } from "./domain.ts";

const NOW = Date.UTC(2026, 10, 24);

test("a session lasts what was asked, an hour when nothing was, and never longer than its role's", () => {
  const role = { sessionSecondsMax: 7_200 };
  expect(sessionSeconds(role, undefined, false)).toBe(3_600);
  expect(sessionSeconds(role, 7_200, false)).toBe(7_200);
  expect(sessionSeconds(role, 7_201, false)).toBeUndefined();
  expect(sessionSeconds({ sessionSecondsMax: 900 }, undefined, false)).toBe(900);
});

test("a session begun from another role's session lasts an hour at most", () => {
  const role = { sessionSecondsMax: 43_200 };
  expect(sessionSeconds(role, undefined, true)).toBe(3_600);
  expect(sessionSeconds(role, 3_601, true)).toBeUndefined();
});

const caller: Identity = {
  caller: {
    accountId: "acc-0000000001",
    accountName: "main",
    operator: false,
    principalType: "user",
    principalId: "user-0000000001",
    principalName: "ada",
  },
  policies: [
    {
      policyId: "p",
      version: 1,
      document: { version: "1", statement: [{ effect: "allow", action: "*", resource: "*" }] },
    },
  ],
  groupIds: ["grp-0000000001"],
};

function trusts(principal: unknown, condition?: object, identity: Identity = caller): boolean {
  const statement = { effect: "allow", principal, ...(condition && { condition }) };
  const role: TrustedRole = {
    accountId: "acc-0000000002",
    accountName: "other",
    roleId: "role-0000000001",
    name: "r",
    trust: { version: "1", statement: [statement] },
    sessionSecondsMax: 3_600,
  };
  const answer = createAuthorizer().decide({
    identity: asTrusted(identity, role),
    action: "sts:AssumeRole",
    resource: "crn:iam::acc-0000000002:role/role-0000000001",
    sourceIp: "192.0.2.1",
    nowMs: NOW,
  });
  return answer.decision === "allow";
}

test("a role trusts the user, group or account it names and nobody else, whatever rights they have", () => {
  expect(trusts({ user: "user-0000000001" })).toBe(true);
  expect(trusts({ group: ["grp-0000000009", "grp-0000000001"] })).toBe(true);
  expect(trusts({ account: "acc-0000000001" })).toBe(true);
  expect(trusts({ user: "user-0000000002" })).toBe(false);
  expect(trusts({ account: "acc-0000000002" })).toBe(false);
  expect(trusts({ role: "role-0000000001" })).toBe(false);
});

test("a role that wants a second factor refuses who has none, and one that is too old", () => {
  const condition = { NumericLessThan: { "cordon:MfaAgeSeconds": "900" } };
  const who = { user: "user-0000000001" };
  const after = (seconds: number) => ({ ...caller, mfaTimeMs: NOW - seconds * 1000 });
  expect(trusts(who, condition)).toBe(false);
  expect(trusts(who, condition, after(60))).toBe(true);
  expect(trusts(who, condition, after(900))).toBe(false);
});
