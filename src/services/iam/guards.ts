/** What a change of rights must not do: lock its author out, or step out of a boundary. */
import type { Context } from "../../kernel/context.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { Problem } from "../../kernel/problem.ts";
import { ADMINISTRATOR, keepsAdministrator } from "./domain.ts";
import { policyStore } from "./policy-store.ts";
import { roleRights, userRights } from "./principals.ts";
import { iamStore } from "./store.ts";

/** With these a caller can undo what he did. */
const RECOVERING = [
  { action: "iam:UpdatePolicy", resource: "policy/*" },
  { action: "iam:UpdateUser", resource: "user/*" },
] as const;

/**
 * Called after the change was written and before it is committed: asks whether the caller could
 * still undo it.
 *
 * @throws Problem iam.wouldLockOut, which rolls the change back.
 */
export async function refuseLockOut(
  authorizer: Authorizer,
  context: Context,
  confirmed: boolean | undefined,
): Promise<void> {
  const { identity, accountId, sourceIp, nowMs, sql, caller } = context;
  if (identity === undefined || confirmed === true) return;
  const read = caller.principalType === "role" ? roleRights : userRights;
  const rights = await read(sql, caller.principalId);
  const after = rights === undefined ? { ...identity, policies: [] } : { ...identity, ...rights };
  for (const { action, resource } of RECOVERING) {
    const name = `crn:iam::${accountId}:${resource}`;
    const may = (who: typeof identity) =>
      authorizer.decide({ identity: who, action, resource: name, sourceIp, nowMs }).decision;
    if (may(identity) === "allow" && may(after) !== "allow") {
      const message = `you would no longer be allowed "${action}"`;
      throw new Problem("iam.wouldLockOut", { details: [{ path: "/", message }] });
    }
  }
}

/**
 * A caller under a boundary may change only what is under the same boundary, or else he could
 * give another principal what he may not have himself.
 *
 * @param boundaryPolicyIds boundaries of what is changed, before and after; none = a thing that
 *   has no boundary, such as a policy.
 * @throws Problem iam.underBoundary.
 */
export function refuseBeyondBoundary(
  { identity }: Context,
  ...boundaryPolicyIds: readonly (string | null)[]
): void {
  const own = identity?.boundary?.policyId;
  if (own === undefined && identity?.sessionPolicy === undefined) return;
  if (boundaryPolicyIds.length > 0 && boundaryPolicyIds.every((one) => one === own)) return;
  throw new Problem("iam.underBoundary");
}

/** @throws Problem iam.lastAdministrator when no enabled user would hold Administrator now. */
export async function refuseNoAdministrator({ sql, accountId }: Context): Promise<void> {
  const store = policyStore(sql);
  // INVARIANT: two calls that each take one administrator away wait for each other here, so that
  // the second one sees what the first one left.
  await store.lockManaged(accountId, ADMINISTRATOR);
  const policies = await store.list(accountId);
  const administrator = policies.find((policy) => policy.managed && policy.name === ADMINISTRATOR);
  const users = await iamStore(sql).listUsers(accountId);
  if (!keepsAdministrator(users, administrator?.policyId ?? "")) {
    throw new Problem("iam.lastAdministrator");
  }
}

/** @throws Problem iam.rootSealed: a sealed root user is opened first, which everybody is told. */
export function refuseSealed({ sealed }: { readonly sealed: boolean }): void {
  if (sealed) throw new Problem("iam.rootSealed");
}

/** @throws Problem iam.limitReached. */
export function refuseBeyondLimit(count: number, max: number, what: string): void {
  if (count < max) return;
  const message = `there are ${count} ${what} and may be ${max}`;
  throw new Problem("iam.limitReached", { details: [{ path: "/", message }] });
}
