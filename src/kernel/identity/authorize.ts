/** May this caller do this? Policies of the caller, decided by the policy engine; default deny. */
import { compilePolicySet, decide, type PolicySet } from "../../engines/policy/index.ts";
import type { Caller } from "../context.ts";
import type { Contract, Operation } from "../operation.ts";

/** A policy as the engine takes it; `version` changes with every write of the document. */
export type PolicySource = {
  readonly policyId: string;
  readonly version: string;
  readonly document: unknown;
};

export type Decision = {
  readonly decision: "allow" | "deny";
  readonly determiningPolicyIds: readonly string[];
};

export type Authorizer = {
  decide(request: {
    caller: Caller;
    policies: readonly PolicySource[];
    action: string;
    /** Full resource name, `crn:…`. */
    resource: string;
    sourceIp: string;
    nowMs: number;
  }): Decision;
};

const COMPILED_SETS_MAX = 2_000;

/** An authorizer that keeps compiled policy sets, so that a decision costs microseconds. */
export function createAuthorizer(): Authorizer {
  const compiled = new Map<string, PolicySet>();
  const setFor = (policies: readonly PolicySource[]): PolicySet => {
    const key = policies.map(({ policyId, version }) => `${policyId}@${version}`).join(" ");
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const set = compilePolicySet(
      policies.map(({ policyId, document }) => ({ policyId, document })),
    );
    // Oldest first: a Map keeps insertion order.
    const oldest = compiled.size >= COMPILED_SETS_MAX ? compiled.keys().next().value : undefined;
    if (oldest !== undefined) compiled.delete(oldest);
    compiled.set(key, set);
    return set;
  };
  return {
    decide({ caller, policies, action, resource, sourceIp, nowMs }) {
      const answer = decide(setFor(policies), {
        principal: {
          type: caller.principalType,
          id: caller.principalId,
          name: caller.principalName,
        },
        action,
        resource,
        sourceIp,
        timeMs: nowMs,
        secureTransport: true,
      });
      return { decision: answer.decision, determiningPolicyIds: answer.determining };
    },
  };
}

/**
 * The name of what an operation acts on: `crn:<service>::<account>:<type>/<id>`.
 * The account is the caller's, never the input's.
 */
export function resourceName(
  contract: Contract,
  operation: Operation,
  { accountId, input }: { accountId: string; input: Readonly<Record<string, unknown>> },
): string {
  const filled = operation.resource.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = input[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  });
  return `crn:${contract.service}::${accountId}:${filled}`;
}
