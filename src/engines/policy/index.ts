/** The policy engine as the kernel uses it. Semantics: docs/decisions/0004-cedar-semantics.md. */
import { compileDocument } from "./document.ts";
import type { EntityData } from "./expression.ts";
import { entityKey } from "./expression.ts";
import {
  compilePolicy,
  type Decision,
  decide as decideRequest,
  evaluate,
  type PolicySet,
  policySetOf,
  type Request,
} from "./policy.ts";
import { ip, record, type Value } from "./values.ts";

export { compileDocument } from "./document.ts";
export { compileJsonPolicy, type DocumentKind, type PolicyFault } from "./json-policy.ts";
export type { Decision, PolicySet } from "./policy.ts";

/** What a decision may depend on. */
export type AccessRequest = {
  readonly principal: {
    readonly type: "user" | "role" | "service";
    readonly id: string;
    readonly name: string;
    readonly accountId?: string;
    readonly groupIds?: readonly string[];
    readonly tags?: Readonly<Record<string, string>>;
  };
  readonly action: string;
  /** Full resource name, `crn:…`. */
  readonly resource: string;
  readonly resourceTags?: Readonly<Record<string, string>>;
  /** Tags that the call would give to what it makes or changes. */
  readonly requestTags?: Readonly<Record<string, string>> | undefined;
  readonly sourceIp: string;
  readonly timeMs: number;
  readonly secureTransport: boolean;
  /** Seconds since the caller last proved a second factor; absent = never in this session. */
  readonly mfaAgeSeconds?: number | undefined;
  /** What the caller of sts.assumeRole gives so that the role's owner knows on whose behalf. */
  readonly externalId?: string | undefined;
  /** Names and values that an encryption is bound to. */
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
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
    const compiled = compileDocument(document, "stored");
    if ("faults" in compiled) {
      const [first] = compiled.faults;
      throw new Error(`Policy ${policyId}: ${first?.path ?? ""} ${first?.message ?? ""}`);
    }
    return compiled.policies.map((json, at) => compilePolicy(`${policyId}#${at}`, json));
  });
  return policySetOf(policies);
}

/** Decides by one set; the ids are `<policyId>#<statement index>`. */
export function decide(set: PolicySet, request: AccessRequest): Decision {
  return decideRequest(set, requestOf(request));
}

/** The sets that a decision takes; what is absent does not limit. */
export type Layers = {
  readonly identity: PolicySet;
  /** Policies on the resource: they permit beside the identity's, and forbid over all. */
  readonly resource?: PolicySet | undefined;
  /** When set, the identity's permits count only where this one permits as well. */
  readonly delegation?: PolicySet | undefined;
  /** Each is a ceiling of its own. */
  readonly guardrails: readonly PolicySet[];
  readonly boundary?: PolicySet | undefined;
  readonly session?: PolicySet | undefined;
};

export type DecidedBy = "forbid" | "guardrail" | "boundary" | "session" | "noPermit" | "permit";

export type LayeredDecision = Decision & { readonly decidedBy: DecidedBy };

/**
 * No forbid anywhere, and a permit of each guardrail, of the boundary, of the session policy, and
 * of the identity's or the resource's policies.
 */
export function decideLayers(layers: Layers, request: AccessRequest): LayeredDecision {
  const given = requestOf(request);
  const identity = evaluate(layers.identity, given);
  const ceilings = [
    ...layers.guardrails.map((set) => ["guardrail", evaluate(set, given)] as const),
    ...(layers.boundary ? [["boundary", evaluate(layers.boundary, given)] as const] : []),
    ...(layers.session ? [["session", evaluate(layers.session, given)] as const] : []),
  ];
  const resource = layers.resource ? evaluate(layers.resource, given) : undefined;
  const all = [identity, ...ceilings.map(([, one]) => one), ...(resource ? [resource] : [])];
  const errors = all.flatMap((one) => one.errors);
  const forbids = all.flatMap((one) => one.forbids);
  const deny = (decidedBy: DecidedBy, determining: readonly string[]): LayeredDecision => ({
    decision: "deny",
    decidedBy,
    determining,
    errors,
  });
  if (forbids.length > 0) return deny("forbid", forbids);
  for (const [kind, one] of ceilings) if (one.permits.length === 0) return deny(kind, []);
  const delegated =
    layers.delegation === undefined || evaluate(layers.delegation, given).permits.length > 0;
  const permits = [...(delegated ? identity.permits : []), ...(resource?.permits ?? [])];
  if (permits.length === 0) return deny("noPermit", []);
  return { decision: "allow", decidedBy: "permit", determining: permits, errors };
}

const TYPES = { user: "User", role: "Role", service: "Service" } as const;

function requestOf(request: AccessRequest): Request {
  const { principal } = request;
  const uid = { type: TYPES[principal.type], id: principal.id };
  return {
    principal: uid,
    action: { type: "Action", id: request.action },
    resource: { type: "Resource", id: request.resource },
    context: contextOf(request),
    entities: new Map([[entityKey(uid), principalData(principal)]]),
  };
}

function principalData(principal: AccessRequest["principal"]): EntityData {
  const ancestors = new Set<string>();
  if (principal.accountId !== undefined) {
    ancestors.add(entityKey({ type: "Account", id: principal.accountId }));
  }
  for (const id of principal.groupIds ?? []) ancestors.add(entityKey({ type: "Group", id }));
  return { attributes: NO_ATTRIBUTES, ancestors };
}

const NO_ATTRIBUTES = new Map();

const ADDRESSES_MAX = 1_000;
const addresses = new Map<string, Value>();

/** The same few sources call again and again. */
function addressOf(sourceIp: string): Value {
  const known = addresses.get(sourceIp);
  if (known !== undefined) return known;
  if (addresses.size >= ADDRESSES_MAX) addresses.clear();
  const address = ip(sourceIp.replace(/^::ffff:(?=\d+\.)/, ""));
  addresses.set(sourceIp, address);
  return address;
}

function contextOf(request: AccessRequest): Value {
  const { mfaAgeSeconds } = request;
  return record({
    action: request.action,
    resource: request.resource,
    sourceIp: addressOf(request.sourceIp),
    currentTime: { kind: "datetime", ms: BigInt(Math.trunc(request.timeMs)) },
    secureTransport: request.secureTransport,
    userName: request.principal.name,
    principalType: request.principal.type,
    principalTags: textsOf(request.principal.tags),
    resourceTags: textsOf(request.resourceTags),
    requestTags: textsOf(request.requestTags),
    mfaAgeSeconds: mfaAgeSeconds === undefined ? undefined : BigInt(mfaAgeSeconds),
    externalId: request.externalId,
    encryptionContext: textsOf(request.encryptionContext),
  });
}

const NO_TEXTS = record({});

function textsOf(texts: Readonly<Record<string, string>> | undefined): Value {
  return texts === undefined ? NO_TEXTS : record(texts);
}
