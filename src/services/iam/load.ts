/** Loads one thing of the caller's account, or answers that there is none. */
import type { Context } from "../../kernel/context.ts";
import { Problem } from "../../kernel/problem.ts";
import { groupStore, roleStore } from "./group-store.ts";
import { policyStore } from "./policy-store.ts";
import { iamStore } from "./store.ts";

/** @throws Problem iam.userNotFound. */
export async function loadUser({ sql, accountId }: Context, userId: string) {
  const [user] = await iamStore(sql).listUsers(accountId, userId);
  if (user === undefined) throw new Problem("iam.userNotFound");
  return user;
}

/** @throws Problem iam.policyNotFound. */
export async function loadPolicy({ sql, accountId }: Context, policyId: string) {
  const policies = await policyStore(sql).list(accountId);
  const policy = policies.find((candidate) => candidate.policyId === policyId);
  if (policy === undefined) throw new Problem("iam.policyNotFound");
  return policy;
}

/** @throws Problem iam.groupNotFound. */
export async function loadGroup({ sql, accountId }: Context, groupId: string) {
  const groups = await groupStore(sql).list(accountId);
  const group = groups.find((candidate) => candidate.groupId === groupId);
  if (group === undefined) throw new Problem("iam.groupNotFound");
  return group;
}

/** @throws Problem iam.roleNotFound. */
export async function loadRole({ sql, accountId }: Context, roleId: string) {
  const roles = await roleStore(sql).list(accountId);
  const role = roles.find((candidate) => candidate.roleId === roleId);
  if (role === undefined) throw new Problem("iam.roleNotFound");
  return role;
}
