/** Key policies and grants as explanations of decisions show them. Nothing is decided here. */
import type { PlacedPolicies, PlacedPolicy } from "../../kernel/service.ts";
import { policyParts } from "./access.ts";
import type { GrantRow } from "./domain.ts";
import type { KeyDirectory } from "./key-directory.ts";

type Finder = Pick<KeyDirectory, "find" | "grant">;

/** What a decision named by the ids that `access.ts` gives, as it is now. */
export function placedOnKeys(directory: Finder, clock: () => number): PlacedPolicies {
  return {
    async find(accountId, policyId) {
      const [kind = "", id = ""] = policyId.split(":");
      if (kind === "grant" || kind === "retire") {
        return placedGrant(id, await directory.grant(accountId, id));
      }
      if (!kind.startsWith("key-policy-")) return undefined;
      const record = await directory.find(accountId, id, clock());
      const parts = record === undefined ? undefined : policyParts(record.key);
      const source = kind === "key-policy-own" ? parts?.own : parts?.delegation;
      return {
        name: `policy of ${id}`,
        version: source?.version ?? "",
        statements: statementsOf(source?.document),
      };
    },
    async asksContext(accountId, resource) {
      const [kind, id = ""] = (resource.split(":")[4] ?? "").split("/");
      if (kind !== "key") return false;
      const record = await directory.find(accountId, id, clock());
      if (record === undefined) return false;
      const { key, grants } = record;
      return (
        grants.some(({ constraints }) => Object.keys(constraints ?? {}).length > 0) ||
        JSON.stringify(key.policy).includes("EncryptionContext")
      );
    },
  };
}

function placedGrant(grantId: string, grant: GrantRow | undefined): PlacedPolicy {
  const name = grant?.name ? `grant ${grantId} (${grant.name})` : `grant ${grantId}`;
  if (grant === undefined) return { name, version: "", statements: [] };
  const { keyId, grantee, retiring, operations, constraints } = grant;
  const shown = { grantId, keyId, grantee, retiring, operations, constraints };
  // A grant is one statement, and never changes; of retiring, each principal is one.
  return { name, version: 1, statements: [shown, shown] };
}

function statementsOf(document: unknown): readonly unknown[] {
  if (typeof document !== "object" || document === null || !("statement" in document)) return [];
  return Array.isArray(document.statement) ? document.statement : [];
}
