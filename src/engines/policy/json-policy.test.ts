import { expect, test } from "vitest";
import { type AccessRequest, compileJsonPolicy, compilePolicySet, decide } from "./index.ts";

const request: AccessRequest = {
  principal: { type: "user", id: "user-0000000001", name: "ada" },
  action: "waf:GetSite",
  resource: "crn:waf::acc-0000000001:site/site-0000000001",
  sourceIp: "192.0.2.7",
  timeMs: Date.UTC(2026, 0, 15, 12),
  secureTransport: true,
};

function decision(statement: unknown[], changes: Partial<AccessRequest> = {}) {
  const set = compilePolicySet([{ policyId: "p", document: { version: "1", statement } }]);
  return decide(set, { ...request, ...changes }).decision;
}

const allow = (extra: object = {}) => ({ effect: "allow", action: "*", resource: "*", ...extra });

test("nothing is allowed that no statement allows", () => {
  expect(decide(compilePolicySet([]), request)).toEqual({
    decision: "deny",
    determining: [],
    errors: [],
  });
  expect(decision([allow({ action: "waf:ListSites" })])).toBe("deny");
  expect(decision([allow({ action: "waf:GetSite" })])).toBe("allow");
});

test("a deny wins over every allow", () => {
  expect(decision([allow(), { effect: "deny", action: "waf:Get*", resource: "*" }])).toBe("deny");
});

test("globs match actions and resource names and nothing beside them", () => {
  expect(decision([allow({ action: ["iam:*", "waf:Get*"] })])).toBe("allow");
  expect(decision([allow({ action: "waf:Get*" })], { action: "waf:DeleteSite" })).toBe("deny");
  expect(decision([allow({ resource: "crn:waf::*:site/site-0000000001" })])).toBe("allow");
  expect(decision([allow({ resource: "crn:waf::*:site/site-0000000002" })])).toBe("deny");
});

test("conditions hold on address, time, transport and name", () => {
  const on = (condition: object, changes: Partial<AccessRequest> = {}) =>
    decision([allow({ condition })], changes);
  expect(on({ IpAddress: { "cordon:SourceIp": "192.0.2.0/24" } })).toBe("allow");
  expect(on({ IpAddress: { "cordon:SourceIp": ["198.51.100.0/24", "2001:db8::/32"] } })).toBe(
    "deny",
  );
  expect(on({ NotIpAddress: { "cordon:SourceIp": "192.0.2.0/24" } })).toBe("deny");
  expect(on({ DateLessThan: { "cordon:CurrentTime": "2026-02-01T00:00:00Z" } })).toBe("allow");
  expect(on({ DateGreaterThan: { "cordon:CurrentTime": "2026-02-01T00:00:00Z" } })).toBe("deny");
  expect(on({ Bool: { "cordon:SecureTransport": true } }, { secureTransport: false })).toBe("deny");
  expect(on({ StringLike: { "cordon:UserName": "a*" } })).toBe("allow");
});

test("a missing key fails a positive condition and passes a negated or IfExists one", () => {
  const age = (name: string, value: string) =>
    decision([allow({ condition: { [name]: { "cordon:MfaAgeSeconds": value } } })]);
  expect(age("NumericLessThan", "300")).toBe("deny");
  expect(age("NumericLessThanIfExists", "300")).toBe("allow");
  expect(age("NumericNotEquals", "300")).toBe("allow");
  expect(age("Null", "true")).toBe("allow");
});

test("what is unknown is refused with its path", () => {
  const paths = (document: unknown) => {
    const compiled = compileJsonPolicy(document);
    return "faults" in compiled ? compiled.faults.map((fault) => fault.path) : [];
  };
  const one = (statement: unknown) => ({ version: "1", statement: [statement] });
  expect(paths(one(allow({ condition: { StringEqualz: { "cordon:UserName": "a" } } })))).toEqual([
    "statement[0].condition.StringEqualz",
  ]);
  expect(paths(one(allow({ condition: { StringEquals: { "cordon:Shoe": "a" } } })))).toEqual([
    "statement[0].condition.StringEquals.cordon:Shoe",
  ]);
  expect(
    paths(one(allow({ condition: { IpAddress: { "cordon:SourceIp": "300.1.1.1" } } }))),
  ).toHaveLength(1);
  expect(paths(one({ ...allow(), notAction: "x" }))).toEqual(["statement[0].notAction"]);
  expect(paths(one({ effect: "Allow", action: 5, resource: "x" }))).toEqual([
    "statement[0].effect",
    "statement[0].action",
    "statement[0].resource",
  ]);
  expect(paths({ version: "2", statement: [] })).toEqual(["version", "statement"]);
});
