/** What a new account starts with: the managed policies and one administrator. */
import type { Sql } from "../../kernel/store/database.ts";
import { ADMINISTRATOR, managedPolicies } from "./domain.ts";
import { policyStore } from "./policy-store.ts";
import { iamStore } from "./store.ts";

/** Writes them; `sql` runs in the system's scope. */
export async function createFirstAdministrator(
  sql: Sql,
  request: {
    accountId: string;
    userName: string;
    passwordHash: string;
    time: string;
    newId: (prefix: string) => string;
  },
): Promise<{ userId: string }> {
  const { accountId, userName, passwordHash, time, newId } = request;
  const store = iamStore(sql);
  const policyIds: string[] = [];
  for (const policy of managedPolicies) {
    const policyId = newId("pol");
    const row = { ...policy, policyId, managed: true, compiled: null, time };
    await policyStore(sql).insert(accountId, row);
    const version = { ...row, version: 1, createdBy: "cordon" };
    await policyStore(sql).insertVersion(accountId, policyId, version);
    if (policy.name === ADMINISTRATOR) policyIds.push(policyId);
  }
  const userId = newId("user");
  await store.insertUser(accountId, {
    userId,
    name: userName,
    description: "",
    enabled: true,
    policyIds,
    groupIds: [],
    boundaryPolicyId: null,
    tags: {},
    kind: "person",
    oidcProviderId: null,
    directory: false,
    root: true,
    createTime: time,
    passwordHash,
  });
  await store.setPolicies(accountId, userId, policyIds);
  return { userId };
}
