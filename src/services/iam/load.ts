/** Loads one thing of the caller's account, or answers that there is none. */
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import { iamStore } from "./store.ts";

/** @throws Problem iam.userNotFound. */
export async function loadUser({ sql, accountId }: Context, userId: string) {
  const users = await iamStore(sql).listUsers(accountId);
  const user = users.find((candidate) => candidate.userId === userId);
  if (user === undefined) throw new Problem("iam.userNotFound");
  return user;
}

/** @throws Problem iam.policyNotFound. */
export async function loadPolicy({ sql, accountId }: Context, policyId: string) {
  const policies = await iamStore(sql).listPolicies(accountId);
  const policy = policies.find((candidate) => candidate.policyId === policyId);
  if (policy === undefined) throw new Problem("iam.policyNotFound");
  return policy;
}
