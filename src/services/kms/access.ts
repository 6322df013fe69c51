/**
 * What decides about a key beside the caller's own policies: its key policy, grants, tags, and the
 * encryption context of the call. Nothing is decided here; the kernel's authorizer takes it.
 */
import type { PolicySource } from "../../kernel/identity/identity.ts";
import type { Access, AccessFacts } from "../../kernel/service.ts";
import { constraintsHold, type GrantRow, type KeyRecord, type KeyRow } from "./domain.ts";
import type { KeyDirectory } from "./key-directory.ts";

type Statement = Readonly<Record<string, unknown>> & { readonly principal?: unknown };

/** The policy of a key whose maker gave none: who may what is said by policies of the account. */
export function defaultPolicy(accountId: string) {
  const statement = {
    sid: "PoliciesOfTheAccount",
    effect: "allow",
    principal: { account: accountId },
    action: ["kms:*"],
    resource: ["*"],
  };
  return { version: "1", statement: [statement] };
}

/**
 * A key policy in the two parts that it has: what it allows or forbids principals itself, and what
 * it leaves to the policies of the account, by naming the account.
 */
export function policyParts(key: Pick<KeyRow, "keyId" | "policy" | "seal">): {
  own: PolicySource | undefined;
  delegation: PolicySource;
} {
  const statements = statementsOf(key.policy);
  const leaves = (one: Statement) => one.effect === "allow" && namesAccount(one.principal);
  const own = statements.flatMap((one) => (leaves(one) ? withoutAccount(one) : [one]));
  const left = statements.filter(leaves).map((one) => ({ ...one, principal: "*" }));
  const source = (kind: string, statement: readonly Statement[]): PolicySource => ({
    policyId: `key-policy-${kind}:${key.keyId}`,
    version: key.seal,
    document: { version: "1", statement },
  });
  return {
    own: own.length === 0 ? undefined : source("own", own),
    delegation: source("account", left.length === 0 ? NOTHING : left),
  };
}

/** Permits nothing: a document must have a statement. */
const NOTHING: readonly Statement[] = [
  { effect: "deny", principal: "*", action: ["kms:Nothing"], resource: ["*"] },
];

function statementsOf(policy: unknown): readonly Statement[] {
  if (typeof policy !== "object" || policy === null || !("statement" in policy)) return [];
  return Array.isArray(policy.statement) ? policy.statement : [];
}

function namesAccount(principal: unknown): boolean {
  return typeof principal === "object" && principal !== null && "account" in principal;
}

function withoutAccount(statement: Statement): Statement[] {
  const { account: _, ...others } = { ...(statement.principal as Record<string, unknown>) };
  return Object.keys(others).length === 0 ? [] : [{ ...statement, principal: others }];
}

/** A grant as a policy on its key. */
function grantPolicy({ grantId, grantee, operations }: GrantRow): PolicySource {
  const statement = {
    effect: "allow",
    principal: principalOf(grantee),
    action: operations.map((name) => `kms:${name}`),
    resource: ["*"],
  };
  return {
    policyId: `grant:${grantId}`,
    version: 1,
    document: { version: "1", statement: [statement] },
  };
}

function retirePolicy({ grantId, retiring, grantee, operations }: GrantRow): PolicySource {
  const may = operations.includes("RetireGrant") ? [grantee] : [];
  const who = [...new Set([...(retiring === null ? [] : [retiring]), ...may])];
  const statement = who.map((id) => ({
    effect: "allow",
    principal: principalOf(id),
    action: ["kms:RetireGrant"],
    resource: ["*"],
  }));
  const document = { version: "1", statement: statement.length === 0 ? NOTHING : statement };
  return { policyId: `retire:${grantId}`, version: 1, document };
}

function principalOf(id: string): Record<string, string[]> {
  return id.startsWith("role-") ? { role: [id] } : { user: [id] };
}

type KeyPolicies = {
  readonly own: readonly PolicySource[];
  readonly delegation: PolicySource;
  readonly grants: readonly {
    readonly constraints: GrantRow["constraints"];
    readonly policy: PolicySource;
  }[];
};

/** Records are remembered by the directory for a moment, and what follows from them with them. */
const known = new WeakMap<KeyRecord, KeyPolicies>();

function policiesOf(record: KeyRecord): KeyPolicies {
  const before = known.get(record);
  if (before !== undefined) return before;
  const { own, delegation } = policyParts(record.key);
  const grants = record.grants.map((grant) => ({
    constraints: grant.constraints,
    policy: grantPolicy(grant),
  }));
  const made = { own: own === undefined ? [] : [own], delegation, grants };
  known.set(record, made);
  return made;
}

type Finder = Pick<KeyDirectory, "find" | "grant">;

/** The facts about the resource of a call. */
export function kmsAccess(directory: Finder, clock: () => number): Access {
  return async ({ accountId, action, resource, input }): Promise<AccessFacts | undefined> => {
    const [, , , , name = ""] = resource.split(":");
    const [kind, id = ""] = name.split("/");
    if (kind === "grant") {
      const grant = await directory.grant(accountId, id);
      return grant && { policies: [{ ...retirePolicy(grant), resource }] };
    }
    if (kind !== "key" || id === "" || id === "*") return undefined;
    const record = await directory.find(accountId, id, clock());
    if (record === undefined) return undefined;
    const encryptionContext = contextOf(action, input);
    const { own, grants, delegation } = policiesOf(record);
    const holding = grants.filter(({ constraints }) =>
      constraintsHold(constraints, encryptionContext),
    );
    const policies = [...own, ...holding.map(({ policy }) => policy)];
    return {
      policies: policies.map((policy) => ({ ...policy, resource })),
      delegation,
      resourceTags: record.key.tags,
      encryptionContext,
    };
  };
}

const NO_CONTEXT: Readonly<Record<string, string>> = {};

function contextOf(action: string, input: Readonly<Record<string, unknown>>) {
  const name = action === "kms:ReEncryptTo" ? "destinationEncryptionContext" : "encryptionContext";
  // Checked against the operation's schema before: names and texts.
  return (input[name] ?? NO_CONTEXT) as Readonly<Record<string, string>>;
}
