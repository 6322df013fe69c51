/** Who calls and with what rights: what a credential stands for. */

export type Caller = {
  readonly accountId: string;
  readonly accountName: string;
  /** True for the account that operates this Cordon. */
  readonly operator: boolean;
  readonly principalType: "user" | "role" | "service";
  readonly principalId: string;
  readonly principalName: string;
  /** Set when the credential is a console session. */
  readonly sessionId?: string;
  /** Set for an assumed role: who assumed it. */
  readonly assumedBy?: string;
};

/** A policy as the engine takes it; `version` changes with every write of the document. */
export type PolicySource = {
  readonly policyId: string;
  readonly version: string | number;
  readonly document: unknown;
};

/** A policy that lies on resources; `resource` may hold `*`. */
export type ResourcePolicySource = PolicySource & { readonly resource: string };

/** All that a decision about this caller depends on, beside the request itself. */
export type Identity = {
  readonly caller: Caller;
  /** Attached to the principal or to its groups. */
  readonly policies: readonly PolicySource[];
  /** What every such caller may do, under every ceiling: know who he is, and leave. */
  readonly basics?: PolicySource;
  readonly resourcePolicies?: readonly ResourcePolicySource[];
  /** Set by the resource's service: `policies` count only where this one permits. */
  readonly delegation?: PolicySource | undefined;
  /** Above the account; each is a ceiling of its own. */
  readonly guardrails?: readonly PolicySource[];
  readonly boundary?: PolicySource | undefined;
  /** Given when the role was assumed. */
  readonly sessionPolicy?: PolicySource | undefined;
  readonly groupIds?: readonly string[];
  readonly tags?: Readonly<Record<string, string>>;
  /** When the caller last proved a second factor in this session. */
  readonly mfaTimeMs?: number | undefined;
  /** The caller has a second factor, so that dangerous operations ask for it. */
  readonly mfaEnrolled?: boolean;
  /** The account wants a second factor and this session has none: only enrolling is open. */
  readonly mfaMissing?: boolean;
};
