/** A service: its contract and one handler for each of its operations. */
import type { Context } from "./context.ts";
import type { PolicySource, ResourcePolicySource } from "./identity/identity.ts";
import type { Contract, InputOf, Operation, OutputOf } from "./operation.ts";

/** The answer of a stream operation is an async iterable of items. */
export type Handler<Op extends Operation> = (
  context: Context,
  input: InputOf<Op>,
) => Promise<Op extends { stream: string } ? AsyncIterable<OutputOf<Op>> : OutputOf<Op>>;

export type Handlers<Declared extends Contract> = {
  readonly [Key in keyof Declared["operations"]]: Handler<Declared["operations"][Key]>;
};

export type AnyHandler = (context: Context, input: Record<string, unknown>) => Promise<unknown>;

/** What a decision about a call is asked of the service whose resource it is. */
export type AccessQuestion = {
  readonly accountId: string;
  readonly action: string;
  /** Full resource name, `crn:…`. */
  readonly resource: string;
  readonly input: Readonly<Record<string, unknown>>;
};

/** What a service adds to a decision about one of its resources. It decides nothing itself. */
export type AccessFacts = {
  /** Policies that lie on the resource. */
  readonly policies: readonly ResourcePolicySource[];
  /** When set, the identity's own policies count only where this one permits. */
  readonly delegation?: PolicySource | undefined;
  readonly resourceTags?: Readonly<Record<string, string>> | undefined;
  /** Names and values of the call that conditions may ask for. */
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
};

export type Access = (question: AccessQuestion) => Promise<AccessFacts | undefined>;

/** A policy or a grant that lies on a resource, as its service keeps it now. */
export type PlacedPolicy = {
  /** What a person knows it by. */
  readonly name: string;
  readonly version: string | number;
  /** By the index that a decision names. */
  readonly statements: readonly unknown[];
};

/** What explanations ask of a service about what lies on its resources. */
export type PlacedPolicies = {
  /** What a decision named; undefined when this service has no such kind of policy. */
  find(accountId: string, policyId: string): Promise<PlacedPolicy | undefined>;
  /** Whether a decision about the resource may depend on the context of the call. */
  asksContext(accountId: string, resource: string): Promise<boolean>;
};

/** How a service takes part in decisions about its resources, and in explaining them. */
export type ResourceRights = { readonly access: Access; readonly placed: PlacedPolicies };

export type Service = {
  readonly contract: Contract;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
  readonly access?: Access | undefined;
  readonly placed?: PlacedPolicies | undefined;
};

/** Joins a contract with its handlers; the compiler refuses a missing or extra one. */
export function service<Declared extends Contract>(
  contract: Declared,
  handlers: Handlers<Declared>,
  rights?: ResourceRights,
): Service {
  // The pipeline validates the input against the operation's schema before it calls the handler,
  // which makes the wider parameter type of AnyHandler true.
  return { contract, handlers: handlers as unknown as Service["handlers"], ...rights };
}
