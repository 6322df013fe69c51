/** The engine against Cedar's own implementation on random policies and requests. */
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { operators } from "../src/engines/policy/expression.ts";
import {
  compilePolicy,
  decide,
  entitiesFromJson,
  type PolicyJson,
  policySetOf,
} from "../src/engines/policy/policy.ts";
import { fromJson } from "../src/engines/policy/values.ts";
import { constructorTexts, policyCase, requestCase } from "./policy-cases.ts";

const POLICIES_PER_SET = 8;
/** Pairs of policy and request; the full number is 1,000,000. */
const PAIRS = Number(process.env.CORDON_POLICY_PAIRS ?? 40_000);
const SETS = Math.ceil(PAIRS / POLICIES_PER_SET);

/** Every operator in an expression. */
function operatorsIn(json: unknown, found: Set<string>): void {
  if (typeof json !== "object" || json === null) return;
  for (const [name, value] of Object.entries(json)) {
    if (!Array.isArray(json)) found.add(name);
    operatorsIn(value, found);
  }
}

function decidedByCedar(
  policies: readonly PolicyJson[],
  given: typeof requestCase extends fc.Arbitrary<infer Given> ? Given : never,
) {
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
  const { decision, diagnostics } = answer.response;
  return {
    decision,
    determining: [...diagnostics.reason].sort(),
    errors: diagnostics.errors.map((error) => error.policyId).sort(),
  };
}

test(`${PAIRS} random pairs of policy and request are decided as Cedar decides them`, {
  timeout: 3_600_000,
}, () => {
  const seed = Number(process.env.CORDON_POLICY_SEED ?? Date.now() & 0x7fffffff);
  const seen = new Set<string>();
  let [pairs, evaluated] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(policyCase, { minLength: POLICIES_PER_SET, maxLength: POLICIES_PER_SET }),
      requestCase,
      (policies, given) => {
        const theirs = decidedByCedar(policies, given);
        const ours = decide(policySetOf(policies.map((one, at) => compilePolicy(`p${at}`, one))), {
          principal: given.principal,
          action: given.action,
          resource: given.resource,
          context: fromJson(given.context),
          entities: entitiesFromJson(given.entities),
        });
        expect({
          decision: ours.decision,
          determining: [...ours.determining].sort(),
          errors: ours.errors.map((error) => error.policyId).sort(),
        }).toEqual(theirs);
        for (const { conditions } of policies) operatorsIn(conditions, seen);
        pairs += policies.length;
        evaluated += policies.length - theirs.errors.length;
      },
    ),
    { numRuns: SETS, seed },
  );
  process.stdout.write(`seed ${seed}: ${pairs} pairs, ${pairs - evaluated} ended in an error\n`);
  expect(pairs).toBeGreaterThanOrEqual(PAIRS);
  // Most must be evaluated to the end, or the comparison says little.
  expect(evaluated).toBeGreaterThan(pairs / 2);
  expect(operators.filter((name) => !seen.has(name))).toEqual([]);
});

test("texts of addresses, times and durations are taken or refused as Cedar does", () => {
  const given = {
    principal: { type: "User", id: "x" },
    action: { type: "Action", id: "read" },
    resource: { type: "User", id: "y" },
    context: {},
    entities: [],
  };
  const all = { op: "All" } as const;
  for (const [name, texts] of Object.entries(constructorTexts)) {
    for (const text of texts) {
      const value = { [name]: [{ Value: text }] };
      const body = { "==": { left: value, right: value } };
      const policy: PolicyJson = {
        ...{ effect: "permit", principal: all, action: all, resource: all },
        conditions: [{ kind: "when", body }],
      };
      const theirs = decidedByCedar([policy], given as never);
      const ours = decide(policySetOf([compilePolicy("p0", policy)]), {
        ...given,
        context: fromJson({}),
        entities: new Map(),
      });
      expect(ours.decision, `${name}(${JSON.stringify(text)})`).toBe(theirs.decision);
    }
  }
});
