/** Handlers of groups, roles and attachments. */
import { type Context, timeText } from "../../kernel/context.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { Group, iamContract, Role } from "./contract.ts";
import { checkTrust } from "./documents.ts";
import { limits } from "./domain.ts";
import { groupStore, roleStore } from "./group-store.ts";
import {
  refuseBeyondBoundary,
  refuseBeyondLimit,
  refuseLockOut,
  refuseNoAdministrator,
} from "./guards.ts";
import { loadGroup, loadPolicy, loadRole, loadUser } from "./load.ts";
import { iamStore } from "./store.ts";

type All = Handlers<typeof iamContract>;
type Parts = { readonly authorizer: Authorizer };

const groupFields = ["groupId", "name", "description", "policyIds", "userIds"];
const roleFields = ["roleId", "name", "description", "policyIds", "boundaryPolicyId"];

type GroupHandlers = Pick<
  All,
  | "listGroups"
  | "getGroup"
  | "createGroup"
  | "updateGroup"
  | "deleteGroup"
  | "addGroupMember"
  | "removeGroupMember"
>;

export function groupHandlers({ authorizer }: Parts): GroupHandlers {
  return {
    async listGroups({ sql, accountId }, input) {
      const { userId } = input;
      const all = await groupStore(sql).list(accountId);
      const groups = all.filter((one) => userId === undefined || one.userIds.includes(userId));
      const page = pageInMemory(groups, input, groupFields);
      return { groups: page.items, totalCount: page.totalCount };
    },
    getGroup: (context, { groupId }) => loadGroup(context, groupId),
    createGroup: (context, input) => createGroup(context, input),
    async updateGroup(context, { groupId, description, policyIds, confirmLockOut }) {
      const store = groupStore(context.sql);
      await loadGroup(context, groupId);
      if (description !== undefined) await store.describe(context.accountId, groupId, description);
      if (policyIds !== undefined) {
        refuseBeyondBoundary(context);
        await loadPolicies(context, policyIds);
        await store.setPolicies(context.accountId, groupId, policyIds);
        await refuseLockOut(authorizer, context, confirmLockOut);
      }
      return loadGroup(context, groupId);
    },
    async deleteGroup(context, { groupId, confirmLockOut }) {
      refuseBeyondBoundary(context);
      await loadGroup(context, groupId);
      await groupStore(context.sql).delete(context.accountId, groupId);
      await refuseLockOut(authorizer, context, confirmLockOut);
      return {};
    },
    async addGroupMember(context, { groupId, userId }) {
      const group = await loadGroup(context, groupId);
      const user = await loadUser(context, userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      if (!group.userIds.includes(userId)) {
        refuseBeyondLimit(group.userIds.length, limits.usersPerGroupMax, "users in the group");
        refuseBeyondLimit(user.groupIds.length, limits.groupsPerUserMax, "groups of the user");
        await groupStore(context.sql).addMember(context.accountId, groupId, userId);
        const { accountId, caller, sql } = context;
        await iamStore(sql).endOtherSessions(accountId, userId, caller.sessionId);
      }
      return loadGroup(context, groupId);
    },
    async removeGroupMember(context, { groupId, userId, confirmLockOut }) {
      await loadGroup(context, groupId);
      const user = await loadUser(context, userId);
      refuseBeyondBoundary(context, user.boundaryPolicyId);
      await groupStore(context.sql).removeMember(context.accountId, groupId, userId);
      await refuseLockOut(authorizer, context, confirmLockOut);
      return loadGroup(context, groupId);
    },
  };
}

/** Adds a new user to groups, within their limits. */
export async function putIntoGroups(
  context: Context,
  userId: string,
  groupIds: readonly string[],
): Promise<void> {
  if (groupIds.length > 0) refuseBeyondBoundary(context);
  for (const groupId of groupIds) {
    const group = await loadGroup(context, groupId);
    refuseBeyondLimit(group.userIds.length, limits.usersPerGroupMax, "users in the group");
    await groupStore(context.sql).addMember(context.accountId, groupId, userId);
  }
}

async function createGroup(
  context: Context,
  input: { name: string; description?: string; policyIds?: string[] },
): Promise<Group> {
  const { sql, accountId, nowMs } = context;
  const store = groupStore(sql);
  refuseBeyondBoundary(context);
  await loadPolicies(context, input.policyIds ?? []);
  refuseBeyondLimit((await store.list(accountId)).length, limits.groupsMax, "groups");
  const group: Group = {
    groupId: context.newId("grp"),
    name: input.name,
    description: input.description ?? "",
    policyIds: input.policyIds ?? [],
    userIds: [],
    createTime: timeText(nowMs),
  };
  await store.insert(accountId, group).catch((error) => {
    throw violates(error, "group_name_unique") ? new Problem("iam.groupNameTaken") : error;
  });
  await store.setPolicies(accountId, group.groupId, group.policyIds);
  return group;
}

async function loadPolicies(context: Context, policyIds: readonly string[]): Promise<void> {
  for (const policyId of policyIds) await loadPolicy(context, policyId);
}

type RoleHandlers = Pick<
  All,
  "listRoles" | "getRole" | "createRole" | "updateRole" | "revokeRoleSessions" | "deleteRole"
>;

const SESSION_SECONDS_DEFAULT = 3_600;

export function roleHandlers({ authorizer }: Parts): RoleHandlers {
  return {
    async listRoles({ sql, accountId }, input) {
      const page = pageInMemory(await roleStore(sql).list(accountId), input, roleFields);
      return { roles: page.items, totalCount: page.totalCount };
    },
    getRole: (context, { roleId }) => loadRole(context, roleId),
    async createRole(context, input) {
      const { sql, accountId, nowMs } = context;
      const store = roleStore(sql);
      checkTrust(input.trust);
      const boundaryPolicyId =
        input.boundaryPolicyId ?? context.identity?.boundary?.policyId ?? null;
      refuseBeyondBoundary(context, boundaryPolicyId);
      await loadPolicies(context, input.policyIds ?? []);
      if (boundaryPolicyId !== null) await loadPolicy(context, boundaryPolicyId);
      refuseBeyondLimit((await store.list(accountId)).length, limits.rolesMax, "roles");
      const role: Role = {
        roleId: context.newId("role"),
        name: input.name,
        description: input.description ?? "",
        trust: input.trust,
        policyIds: input.policyIds ?? [],
        boundaryPolicyId,
        sessionSecondsMax: input.sessionSecondsMax ?? SESSION_SECONDS_DEFAULT,
        revokeBeforeTime: null,
        createTime: timeText(nowMs),
      };
      await store.insert(accountId, role).catch((error) => {
        throw violates(error, "role_name_unique") ? new Problem("iam.roleNameTaken") : error;
      });
      await store.setPolicies(accountId, role.roleId, role.policyIds);
      return role;
    },
    async updateRole(context, input) {
      const { roleId, description, trust, policyIds, sessionSecondsMax } = input;
      const { sql, accountId } = context;
      const store = roleStore(sql);
      const role = await loadRole(context, roleId);
      const { boundaryPolicyId = role.boundaryPolicyId } = input;
      refuseBeyondBoundary(context, role.boundaryPolicyId, boundaryPolicyId);
      if (trust !== undefined) checkTrust(trust);
      await loadPolicies(context, policyIds ?? []);
      if (boundaryPolicyId !== null) await loadPolicy(context, boundaryPolicyId);
      await store.update(accountId, roleId, { description, trust, sessionSecondsMax });
      await store.setBoundary(accountId, roleId, boundaryPolicyId);
      if (policyIds !== undefined) await store.setPolicies(accountId, roleId, policyIds);
      await refuseLockOut(authorizer, context, input.confirmLockOut);
      return loadRole(context, roleId);
    },
    async revokeRoleSessions(context, { roleId }) {
      await loadRole(context, roleId);
      await roleStore(context.sql).revokeBefore(context.accountId, roleId, timeText(context.nowMs));
      return loadRole(context, roleId);
    },
    async deleteRole(context, { roleId }) {
      const role = await loadRole(context, roleId);
      refuseBeyondBoundary(context, role.boundaryPolicyId);
      await roleStore(context.sql).delete(context.accountId, roleId);
      return {};
    },
  };
}

/** A principal of any kind, as the attachments see it. */
type Target = {
  readonly policyIds: readonly string[];
  /** Absent for a group: its members may be under any boundary. */
  readonly boundary: readonly (string | null)[];
  setPolicies(policyIds: readonly string[]): Promise<void>;
};

async function targetOf(
  context: Context,
  { principalKind, principalId }: { principalKind: string; principalId: string },
): Promise<Target> {
  const { sql, accountId, caller } = context;
  if (principalKind === "group") {
    const { policyIds } = await loadGroup(context, principalId);
    return {
      policyIds,
      boundary: [],
      setPolicies: (ids) => groupStore(sql).setPolicies(accountId, principalId, ids),
    };
  }
  if (principalKind === "role") {
    const { policyIds, boundaryPolicyId } = await loadRole(context, principalId);
    return {
      policyIds,
      boundary: [boundaryPolicyId],
      setPolicies: (ids) => roleStore(sql).setPolicies(accountId, principalId, ids),
    };
  }
  const { policyIds, boundaryPolicyId } = await loadUser(context, principalId);
  return {
    policyIds,
    boundary: [boundaryPolicyId],
    async setPolicies(ids) {
      await iamStore(sql).setPolicies(accountId, principalId, ids);
      await iamStore(sql).endOtherSessions(accountId, principalId, caller.sessionId);
    },
  };
}

export function attachmentHandlers({
  authorizer,
}: Parts): Pick<All, "attachPolicy" | "detachPolicy"> {
  return {
    async attachPolicy(context, input) {
      const target = await targetOf(context, input);
      refuseBeyondBoundary(context, ...target.boundary);
      await loadPolicy(context, input.policyId);
      if (target.policyIds.includes(input.policyId)) return {};
      refuseBeyondLimit(target.policyIds.length, limits.policiesPerPrincipalMax, "policies");
      await target.setPolicies([...target.policyIds, input.policyId]);
      // A policy that denies can lock out too.
      await refuseLockOut(authorizer, context, false);
      return {};
    },
    async detachPolicy(context, input) {
      const target = await targetOf(context, input);
      refuseBeyondBoundary(context, ...target.boundary);
      await loadPolicy(context, input.policyId);
      await target.setPolicies(target.policyIds.filter((id) => id !== input.policyId));
      await refuseNoAdministrator(context);
      await refuseLockOut(authorizer, context, input.confirmLockOut);
      return {};
    },
  };
}
