/** The engine against Cedar's own implementation on random policies and requests. */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compilePolicy, decide, entitiesFromJson, type PolicyJson, policySetOf } from "./policy.ts";
import { fromJson } from "./values.ts";

type Json = unknown;
const names = ["a", "b", "c"] as const;
const uid = fc.record({
  type: fc.constantFrom("User", "Group"),
  id: fc.constantFrom("x", "y", "z"),
});
const actionUid = fc.record({ type: fc.constant("Action"), id: fc.constantFrom("read", "write") });

const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.boolean(),
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(Number.MAX_SAFE_INTEGER, "", "a", "ab", "abc", "b*", "aXb"),
  uid.map((entity) => ({ __entity: entity })),
  fc.constantFrom("192.0.2.1", "192.0.2.0/24", "10.0.0.0/8", "::1", "2001:db8::/32").map((arg) => ({
    __extn: { fn: "ip", arg },
  })),
);
const data: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...names), scalar, { maxKeys: 2 }) },
);

/** A literal in an expression: entities are values, extension values are calls, sets are sets. */
function literal(value: Json): Json {
  if (Array.isArray(value)) return { Set: value.map(literal) };
  if (typeof value === "object" && value !== null && "__extn" in value) {
    const { fn, arg } = value.__extn as { fn: string; arg: string };
    return { [fn]: [{ Value: arg }] };
  }
  if (typeof value === "object" && value !== null && !("__entity" in value)) {
    return {
      Record: Object.fromEntries(Object.entries(value).map(([name, one]) => [name, literal(one)])),
    };
  }
  return { Value: value };
}

const pattern = fc.array(
  fc.oneof(
    fc.constant("Wildcard"),
    fc.constantFrom("a", "b", "ab").map((Literal) => ({ Literal })),
  ),
  { minLength: 1, maxLength: 4 },
);

const { expression } = fc.letrec<{ expression: Json }>((tie) => {
  const sub = tie("expression");
  const binary = fc
    .record({
      op: fc.constantFrom(
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "+",
        "-",
        "*",
        "in",
        "contains",
        "containsAll",
        "containsAny",
      ),
      left: sub,
      right: sub,
    })
    .map(({ op, left, right }) => ({ [op]: { left, right } }));
  return {
    expression: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      data.map(literal),
      fc.constantFrom("principal", "action", "resource", "context").map((Var) => ({ Var })),
      fc.constantFrom(...names).map((name) => ({ ".": { left: { Var: "context" }, attr: name } })),
      fc
        .constantFrom(...names)
        .map((name) => ({ ".": { left: { Var: "principal" }, attr: name } })),
      binary,
      fc.record({ left: sub, attr: fc.constantFrom(...names) }).map((has) => ({ has })),
      fc.record({ left: sub, pattern }).map((like) => ({ like })),
      fc.record({ left: sub, entity_type: fc.constantFrom("User", "Group") }).map((is) => ({ is })),
      sub.map((arg) => ({ "!": { arg } })),
      sub.map((arg) => ({ neg: { arg } })),
      // biome-ignore lint/suspicious/noThenProperty: the name is Cedar's
      fc.record({ if: sub, then: sub, else: sub }).map((one) => ({ "if-then-else": one })),
      fc.tuple(sub, sub).map((args) => ({ isInRange: args })),
      sub.map((arg) => ({ isIpv4: [arg] })),
    ),
  };
});

const scope = (one: fc.Arbitrary<Json>) =>
  fc.oneof(
    fc.constant({ op: "All" }),
    one.map((entity) => ({ op: "==", entity })),
    one.map((entity) => ({ op: "in", entity })),
  );
const policy = fc.record({
  effect: fc.constantFrom("permit", "permit", "forbid"),
  principal: scope(uid),
  action: scope(actionUid),
  resource: scope(uid),
  conditions: fc.array(fc.record({ kind: fc.constantFrom("when", "unless"), body: expression }), {
    maxLength: 2,
  }),
}) as fc.Arbitrary<PolicyJson>;

const attributes = fc.dictionary(fc.constantFrom(...names), data, { maxKeys: 3 });
const request = fc.record({
  principal: uid,
  action: actionUid,
  resource: uid,
  context: attributes,
  entities: fc.uniqueArray(
    fc.record({
      uid: fc.record({ type: fc.constant("User"), id: fc.constantFrom("x", "y", "z") }),
      attrs: attributes,
      parents: fc.array(fc.record({ type: fc.constant("Group"), id: fc.constantFrom("x", "y") }), {
        maxLength: 2,
      }),
    }),
    { selector: (one) => one.uid.id, maxLength: 3 },
  ),
});

const POLICIES_PER_SET = 8;
const SETS = 12_600;

test("100,000 random pairs of policy and request are decided as Cedar decides them", {
  timeout: 240_000,
}, () => {
  let pairs = 0;
  fc.assert(
    fc.property(
      fc.array(policy, { minLength: POLICIES_PER_SET, maxLength: POLICIES_PER_SET }),
      request,
      (policies, given) => {
        const named = Object.fromEntries(policies.map((one, at) => [`p${at}`, one]));
        const answer = cedar.isAuthorized({
          principal: given.principal,
          action: given.action,
          resource: given.resource,
          context: given.context as Record<string, cedar.CedarValueJson>,
          policies: { staticPolicies: named as unknown as Record<string, cedar.Policy> },
          entities: given.entities as unknown as cedar.Entities,
        });
        if (answer.type !== "success") throw new Error(JSON.stringify(answer));
        const ours = decide(policySetOf(policies.map((one, at) => compilePolicy(`p${at}`, one))), {
          principal: given.principal,
          action: given.action,
          resource: given.resource,
          context: fromJson(given.context),
          entities: entitiesFromJson(given.entities),
        });
        expect(ours.decision).toBe(answer.response.decision);
        expect([...ours.determining].sort()).toEqual(
          [...answer.response.diagnostics.reason].sort(),
        );
        const theirs = answer.response.diagnostics.errors.map((error) => error.policyId);
        expect(ours.errors.map((error) => error.policyId).sort()).toEqual(theirs.sort());
        pairs += policies.length;
      },
    ),
    { numRuns: SETS },
  );
  expect(pairs).toBeGreaterThanOrEqual(100_000);
});
