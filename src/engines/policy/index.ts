/** The policy engine as the kernel uses it. Semantics: docs/decisions/0004-cedar-semantics.md. */
import { compileJsonPolicy } from "./json-policy.ts";
import {
  compilePolicy,
  type Decision,
  decide as decideRequest,
  type PolicySet,
  policySetOf,
} from "./policy.ts";
import { datetime, ip, record, type Value } from "./values.ts";

export { compileJsonPolicy, type PolicyFault } from "./json-policy.ts";
export type { Decision, PolicySet } from "./policy.ts";

/** What a decision may depend on. */
export type AccessRequest = {
  readonly principal: {
    readonly type: "user" | "service";
    readonly id: string;
    readonly name: string;
  };
  readonly action: string;
  /** Full resource name, `crn:…`. */
  readonly resource: string;
  readonly sourceIp: string;
  readonly timeMs: number;
  readonly secureTransport: boolean;
  readonly mfaAgeSeconds?: number;
};

/**
 * Compiles documents that were checked when they were written.
 *
 * @throws Error when a document has faults: a set must never be smaller than it says.
 */
export function compilePolicySet(
  sources: readonly { readonly policyId: string; readonly document: unknown }[],
): PolicySet {
  const policies = sources.flatMap(({ policyId, document }) => {
    const compiled = compileJsonPolicy(document);
    if ("faults" in compiled) {
      const [first] = compiled.faults;
      throw new Error(`Policy ${policyId}: ${first?.path ?? ""} ${first?.message ?? ""}`);
    }
    return compiled.policies.map((json, at) => compilePolicy(`${policyId}#${at}`, json));
  });
  return policySetOf(policies);
}

const NO_ENTITIES = new Map();

/** Decides; the ids are `<policyId>#<statement index>`. */
export function decide(set: PolicySet, request: AccessRequest): Decision {
  return decideRequest(set, {
    principal: {
      type: request.principal.type === "user" ? "User" : "Service",
      id: request.principal.id,
    },
    action: { type: "Action", id: request.action },
    resource: { type: "Resource", id: request.resource },
    context: contextOf(request),
    entities: NO_ENTITIES,
  });
}

function contextOf(request: AccessRequest): Value {
  return record({
    action: request.action,
    resource: request.resource,
    sourceIp: ip(request.sourceIp.replace(/^::ffff:(?=\d+\.)/, "")),
    currentTime: datetime(new Date(request.timeMs).toISOString()),
    secureTransport: request.secureTransport,
    userName: request.principal.name,
    principalType: request.principal.type,
    mfaAgeSeconds: request.mfaAgeSeconds === undefined ? undefined : BigInt(request.mfaAgeSeconds),
  });
}
