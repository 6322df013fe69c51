/** Handlers of policies, their versions, and of policies and tags on resources. */

import { type Context, timeText } from "../../kernel/context.ts";
import type { Authorizer } from "../../kernel/identity/authorize.ts";
import { cedarSchema } from "../../kernel/identity/cedar-text.ts";
import type { Contract } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Handlers } from "../../kernel/service.ts";
import { violates } from "../../kernel/store/database.ts";
import { pageInMemory } from "../../kernel/store/page.ts";
import type { iamContract, PolicyDocument } from "./contract.ts";
import { checkDocument, checkResourcePolicy } from "./documents.ts";
import { limits } from "./domain.ts";
import { refuseBeyondBoundary, refuseBeyondLimit, refuseLockOut } from "./guards.ts";
import { loadPolicy } from "./load.ts";
import { policyStore, resourceStore } from "./policy-store.ts";

type All = Handlers<typeof iamContract>;
type Parts = { readonly authorizer: Authorizer; readonly contracts: readonly Contract[] };

const policyFields = ["policyId", "name", "description", "managed", "updateTime"];

type Check = (document: PolicyDocument) => ReturnType<typeof checkDocument>;

/** The check of documents; the schema is made at the first, since it names every action. */
function documentCheck(contracts: readonly Contract[]): Check {
  let schema: string | undefined;
  return (document) => {
    schema ??= cedarSchema(contracts);
    return checkDocument(document, schema);
  };
}

type PolicyHandlers = Pick<
  All,
  "listPolicies" | "getPolicy" | "createPolicy" | "updatePolicy" | "deletePolicy" | "validatePolicy"
>;

export function policyHandlers({ authorizer, contracts }: Parts): PolicyHandlers {
  const check = documentCheck(contracts);
  return {
    async listPolicies({ sql, accountId }, input) {
      const all = await policyStore(sql).list(accountId);
      const { principalId } = input;
      const attached =
        principalId === undefined
          ? undefined
          : new Set(await policyStore(sql).attachedTo(accountId, principalId));
      const policies = all.filter((one) => attached?.has(one.policyId) ?? true);
      const page = pageInMemory(policies, input, policyFields);
      return { policies: page.items, totalCount: page.totalCount };
    },
    getPolicy: (context, { policyId }) => loadPolicy(context, policyId),
    createPolicy: (context, input) => createPolicy(check, context, input),
    async updatePolicy(context, { policyId, description, document, confirmLockOut }) {
      const { sql, accountId } = context;
      const policy = await loadPolicy(context, policyId);
      if (policy.managed) throw new Problem("iam.policyManaged");
      if (description !== undefined) {
        await policyStore(sql).describe(accountId, policyId, description);
      }
      if (document !== undefined) {
        refuseBeyondBoundary(context);
        await writeVersion(context, policyId, check(document));
        await refuseLockOut(authorizer, context, confirmLockOut);
      }
      return loadPolicy(context, policyId);
    },
    async deletePolicy(context, { policyId }) {
      const policy = await loadPolicy(context, policyId);
      if (policy.managed) throw new Problem("iam.policyManaged");
      if (policy.attachedCount > 0) throw new Problem("iam.policyInUse");
      await policyStore(context.sql).delete(context.accountId, policyId);
      return {};
    },
    async validatePolicy(_context, { document }) {
      try {
        check(document);
        return { valid: true, faults: [] };
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        return { valid: false, faults: [...error.details] };
      }
    },
  };
}

type NewPolicy = { name: string; description?: string; document: PolicyDocument };

async function createPolicy(
  check: Check,
  context: Context,
  { name, description = "", document }: NewPolicy,
) {
  const { sql, accountId, nowMs, caller } = context;
  const store = policyStore(sql);
  const checked = check(document);
  refuseBeyondLimit((await store.list(accountId)).length, limits.policiesMax, "policies");
  const policyId = context.newId("pol");
  const time = timeText(nowMs);
  await store
    .insert(accountId, { policyId, name, description, managed: false, time, ...checked })
    .catch((error) => {
      throw violates(error, "policy_name_unique") ? new Problem("iam.policyNameTaken") : error;
    });
  const version = { version: 1, createdBy: caller.principalName, time, ...checked };
  await store.insertVersion(accountId, policyId, version);
  return loadPolicy(context, policyId);
}

export function versionHandlers({
  authorizer,
  contracts,
}: Parts): Pick<All, "listPolicyVersions" | "restorePolicyVersion"> {
  const check = documentCheck(contracts);
  return {
    async listPolicyVersions(context, input) {
      const { version: current } = await loadPolicy(context, input.policyId);
      const rows = await policyStore(context.sql).versions(context.accountId, input.policyId);
      const versions = rows.map(({ compiled: _, ...row }) => ({
        ...row,
        current: row.version === current,
      }));
      const page = pageInMemory(versions, input, ["version", "createdBy", "createTime"]);
      return { policyVersions: page.items, totalCount: page.totalCount };
    },
    async restorePolicyVersion(context, { policyId, version, confirmLockOut }) {
      const policy = await loadPolicy(context, policyId);
      if (policy.managed) throw new Problem("iam.policyManaged");
      refuseBeyondBoundary(context);
      const rows = await policyStore(context.sql).versions(context.accountId, policyId);
      const wanted = rows.find((row) => row.version === version);
      if (wanted === undefined) throw new Problem("iam.policyVersionNotFound");
      // Checked again: what was right then may name what no longer is.
      await writeVersion(context, policyId, check(wanted.document));
      await refuseLockOut(authorizer, context, confirmLockOut);
      return loadPolicy(context, policyId);
    },
  };
}

/** Writes the next version and lets the oldest go that no longer fit. */
async function writeVersion(
  { sql, accountId, nowMs, caller }: Context,
  policyId: string,
  checked: ReturnType<typeof checkDocument>,
): Promise<void> {
  const store = policyStore(sql);
  const time = timeText(nowMs);
  const version = await store.setDocument(accountId, policyId, { ...checked, time });
  const row = { version, createdBy: caller.principalName, time, ...checked };
  await store.insertVersion(accountId, policyId, row);
  await store.dropVersionsBefore(accountId, policyId, version - limits.policyVersionsKept + 1);
}

type ResourceHandlers = Pick<
  All,
  | "listResourcePolicies"
  | "setResourcePolicy"
  | "deleteResourcePolicy"
  | "getResourceTags"
  | "setResourceTags"
>;

/** A resource is named by its full name, which must be of the caller's own account. */
function checkOwn({ accountId }: Context, resource: string): void {
  if (resource.split(":")[3] !== accountId) throw new Problem("iam.resourceForeign");
}

export function resourceHandlers({ authorizer }: Parts): ResourceHandlers {
  return {
    async listResourcePolicies({ sql, accountId }, input) {
      const page = pageInMemory(await resourceStore(sql).policies(accountId), input, [
        "resource",
        "updateTime",
      ]);
      return { resourcePolicies: page.items, totalCount: page.totalCount };
    },
    async setResourcePolicy(context, { resource, document, confirmLockOut }) {
      const { sql, accountId, nowMs } = context;
      checkOwn(context, resource);
      refuseBeyondBoundary(context);
      checkResourcePolicy(document);
      const store = resourceStore(sql);
      const others = (await store.policies(accountId)).filter((one) => one.resource !== resource);
      refuseBeyondLimit(others.length, limits.resourcePoliciesMax, "resource policies");
      const policy = { resource, document, updateTime: timeText(nowMs) };
      await store.setPolicy(accountId, policy);
      await refuseLockOut(authorizer, context, confirmLockOut);
      return policy;
    },
    async deleteResourcePolicy(context, { resource }) {
      checkOwn(context, resource);
      refuseBeyondBoundary(context);
      const deleted = await resourceStore(context.sql).deletePolicy(context.accountId, resource);
      if (deleted.length === 0) throw new Problem("iam.resourcePolicyNotFound");
      return {};
    },
    async getResourceTags(context, { resource }) {
      checkOwn(context, resource);
      return { resource, tags: await resourceStore(context.sql).tags(context.accountId, resource) };
    },
    async setResourceTags(context, { resource, tags }) {
      checkOwn(context, resource);
      await resourceStore(context.sql).setTags(context.accountId, resource, tags);
      return { resource, tags };
    },
  };
}
