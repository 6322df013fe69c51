/** May this caller do this? Policies of the caller, decided by the policy engine; default deny. */
import {
  compilePolicySet,
  type DecidedBy,
  decideLayers,
  type PolicySet,
} from "../../engines/policy/index.ts";
import type { Contract, Operation } from "../operation.ts";
import type { Identity, PolicySource } from "./identity.ts";

export type { PolicySource } from "./identity.ts";

export type Decision = {
  readonly decision: "allow" | "deny";
  /** Which layer decided; "noPermit" = nothing allows it. */
  readonly decidedBy: DecidedBy;
  /** `<policyId>@<version>#<statement index>`. */
  readonly determiningPolicyIds: readonly string[];
  /** The tags of the resource that policies asked for, as they were; see `askedTags`. */
  readonly resourceTags?: Readonly<Record<string, string>>;
};

export type Question = {
  readonly identity: Identity;
  readonly action: string;
  /** Full resource name, `crn:…`. */
  readonly resource: string;
  readonly resourceTags?: Readonly<Record<string, string>> | undefined;
  readonly requestTags?: Readonly<Record<string, string>> | undefined;
  readonly sourceIp: string;
  readonly nowMs: number;
  readonly externalId?: string | undefined;
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
};

export type Authorizer = {
  decide(question: Question): Decision;
  /** True when some policy of the identity asks for tags of the resource. */
  needsResourceTags(identity: Identity): boolean;
  /** True when some policy of the identity asks for tags that the request brings. */
  needsRequestTags(identity: Identity): boolean;
  /**
   * Of a resource's tags those whose names stand in policies of the identity that ask for tags:
   * what a record needs to decide again. Undefined when none asks, or when they are too large to
   * be recorded (`TAGS_BYTES_MAX`).
   */
  askedTags(
    identity: Identity,
    tags: Readonly<Record<string, string>>,
  ): Readonly<Record<string, string>> | undefined;
};

/** With the texts of those policies that ask for tags of the resource, and of the request. */
type Compiled = {
  readonly set: PolicySet;
  readonly resourceTexts: readonly string[];
  readonly requestTexts: readonly string[];
};
type Asking = "resourceTexts" | "requestTexts";

const COMPILED_SETS_MAX = 4_000;
/** Of tags in a record, which is kept forever. */
const TAGS_BYTES_MAX = 2_048;

/** An authorizer that keeps compiled policy sets, so that a decision costs microseconds. */
export function createAuthorizer(): Authorizer {
  const compiled = new Map<string, Compiled>();
  const compiledFor = (policies: readonly PolicySource[]): Compiled => {
    const key = policies.map(({ policyId, version }) => `${policyId}@${version}`).join(" ");
    const known = compiled.get(key);
    if (known !== undefined) return known;
    const set = compilePolicySet(
      policies.map(({ policyId, version, document }) => ({
        policyId: `${policyId}@${version}`,
        document,
      })),
    );
    // Oldest first: a Map keeps insertion order.
    const oldest = compiled.size >= COMPILED_SETS_MAX ? compiled.keys().next().value : undefined;
    if (oldest !== undefined) compiled.delete(oldest);
    const texts = policies.map(({ document }) => JSON.stringify(document) ?? "");
    const made = {
      set,
      resourceTexts: texts.filter((text) => /ResourceTag\/|resourceTags/.test(text)),
      requestTexts: texts.filter((text) => /RequestTag\/|requestTags/.test(text)),
    };
    compiled.set(key, made);
    return made;
  };
  const setFor = (policies: readonly PolicySource[]) => compiledFor(policies).set;
  const textsOf = (identity: Identity, asking: Asking): readonly string[] => {
    const { policies, resourcePolicies = [], guardrails = [] } = identity;
    const single = [...resourcePolicies, ...guardrails, identity.boundary, identity.sessionPolicy];
    return [
      ...compiledFor(policies)[asking],
      ...single.flatMap((policy) => (policy === undefined ? [] : compiledFor([policy])[asking])),
    ];
  };
  return {
    needsResourceTags: (identity) => textsOf(identity, "resourceTexts").length > 0,
    needsRequestTags: (identity) => textsOf(identity, "requestTexts").length > 0,
    askedTags(identity, tags) {
      const texts = textsOf(identity, "resourceTexts");
      return texts.length === 0 ? undefined : namedTags(tags, texts);
    },
    decide(question) {
      const { identity, resource } = question;
      const onResource = (identity.resourcePolicies ?? []).filter((policy) =>
        covers(policy.resource, resource),
      );
      const { basics } = identity;
      const withBasics = (policies: readonly PolicySource[]) =>
        setFor(basics === undefined ? policies : [basics, ...policies]);
      const optional = (policy: PolicySource | undefined) =>
        policy === undefined ? undefined : withBasics([policy]);
      const layers = {
        identity: withBasics(identity.policies),
        resource: onResource.length === 0 ? undefined : setFor(onResource),
        delegation: identity.delegation && setFor([identity.delegation]),
        guardrails: (identity.guardrails ?? []).map((policy) => withBasics([policy])),
        boundary: optional(identity.boundary),
        session: optional(identity.sessionPolicy),
      };
      const answer = decideLayers(layers, accessRequest(question));
      return {
        decision: answer.decision,
        decidedBy: answer.decidedBy,
        determiningPolicyIds: answer.determining,
      };
    },
  };
}

/** Those whose names stand in one of the texts; undefined when they are too large together. */
function namedTags(tags: Readonly<Record<string, string>>, texts: readonly string[]) {
  // A name that needs escapes in JSON is rather kept than looked for.
  const named = Object.entries(tags).filter(
    ([name]) => JSON.stringify(name) !== `"${name}"` || texts.some((one) => one.includes(name)),
  );
  const kept = Object.fromEntries(named);
  return Buffer.byteLength(JSON.stringify(kept)) > TAGS_BYTES_MAX ? undefined : kept;
}

function accessRequest(question: Question) {
  const { identity, action, resource, resourceTags, sourceIp, nowMs, externalId } = question;
  const { caller, groupIds, tags, mfaTimeMs } = identity;
  return {
    principal: {
      type: caller.principalType,
      id: caller.principalId,
      name: caller.principalName,
      accountId: caller.accountId,
      ...(groupIds === undefined ? {} : { groupIds }),
      ...(tags === undefined ? {} : { tags }),
    },
    action,
    resource,
    ...(resourceTags === undefined ? {} : { resourceTags }),
    requestTags: question.requestTags,
    sourceIp,
    timeMs: nowMs,
    secureTransport: true,
    mfaAgeSeconds: mfaAgeSeconds(mfaTimeMs, nowMs),
    externalId,
    encryptionContext: question.encryptionContext,
  };
}

/** Whole seconds since the second factor; undefined when there was none. */
export function mfaAgeSeconds(mfaTimeMs: number | undefined, nowMs: number): number | undefined {
  return mfaTimeMs === undefined ? undefined : Math.max(0, Math.floor((nowMs - mfaTimeMs) / 1000));
}

/** True when the name of a resource policy is this resource or, ending in `*`, begins it. */
export function covers(name: string, resource: string): boolean {
  return name.endsWith("*") ? resource.startsWith(name.slice(0, -1)) : name === resource;
}

/** The field `tags` of an input, where it is one of names and values. */
export function tagsOf({
  tags,
}: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  if (typeof tags !== "object" || tags === null || Array.isArray(tags)) return undefined;
  const texts = Object.entries(tags).filter(
    (pair): pair is [string, string] => typeof pair[1] === "string",
  );
  return Object.fromEntries(texts);
}

/**
 * The name of what an operation acts on: `crn:<service>::<account>:<type>/<id>`.
 * The account is the caller's, never the input's.
 */
export function resourceName(
  contract: Contract,
  operation: Pick<Operation, "resource">,
  { accountId, input }: { accountId: string; input: Readonly<Record<string, unknown>> },
): string {
  const filled = operation.resource.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = input[name];
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  });
  return `crn:${contract.service}::${accountId}:${filled}`;
}
