/** The vendor's operations on policies and roles. */
import type { Policy, Role } from "../contract.ts";
import { attached, attachment, iam, type JdOperation, nothing, page } from "./declare.ts";
import { given, info, listInput, parsed, policyView, roleView, trustOf } from "./translate.ts";

export const policies: JdOperation[] = [
  iam("POST /policy", "createPolicy", {
    native: "iam.createPolicy",
    input: ({ body }) => {
      const { name, content, document, description } = info(body, "createPolicyInfo");
      return given({
        name,
        description,
        document: parsed(content ?? document, "/createPolicyInfo/content"),
      });
    },
    answer: (policy: Policy) => ({ policy: policyView(policy) }),
  }),
  iam("GET /policy/{policyName}", "describePolicy", {
    native: "iam.getPolicy",
    input: async ({ path }, names) => ({ policyId: await names.policy(path.policyName ?? "") }),
    answer: (policy: Policy) => ({ policy: policyView(policy) }),
  }),
  iam("PUT /policy/{policyName}", "updatePolicy", {
    native: "iam.updatePolicy",
    input: async ({ path, body }, names) => {
      const { content, document, description } = info(body, "updatePolicyInfo");
      return given({
        policyId: await names.policy(path.policyName ?? ""),
        description,
        document: parsed(content ?? document, "/updatePolicyInfo/content"),
      });
    },
    answer: (policy: Policy) => ({ policy: policyView(policy) }),
  }),
  iam("PUT /policy/{policyName}/description", "updatePolicyDescription", {
    native: "iam.updatePolicy",
    input: async ({ path, body }, names) => {
      const { description } = info(body, "updatePolicyDescriptionInfo");
      return given({ policyId: await names.policy(path.policyName ?? ""), description });
    },
    answer: (policy: Policy) => ({ policy: policyView(policy) }),
  }),
  iam("DELETE /policy/{policyName}", "deletePolicy", {
    native: "iam.deletePolicy",
    input: async ({ path }, names) => ({ policyId: await names.policy(path.policyName ?? "") }),
    answer: nothing,
  }),
  iam("GET /policies", "describePolicies", {
    native: "iam.listPolicies",
    input: (request) => listInput(request),
    answer: ({ policies: all, totalCount }: { policies: Policy[]; totalCount: number }) =>
      page("policies", totalCount, all.map(policyView)),
  }),
];

export const roles: JdOperation[] = [
  iam("POST /role", "createRole", {
    native: "iam.createRole",
    input: async ({ body }, names) => {
      const fields = info(body, "createRoleInfo");
      const { roleName, description, maxSessionDuration, policyNames = [] } = fields;
      const listed: unknown[] = Array.isArray(policyNames) ? policyNames : [];
      const policyIds: string[] = [];
      for (const name of listed) policyIds.push(await names.policy(String(name)));
      return given({
        name: roleName,
        description,
        sessionSecondsMax: maxSessionDuration,
        policyIds,
        trust: await trustOf(
          fields.assumeRolePolicyDocument,
          "/createRoleInfo/assumeRolePolicyDocument",
          names,
        ),
      });
    },
    answer: (role: Role) => ({ role: roleView(role) }),
  }),
  iam("GET /role/{roleName}", "describeRole", {
    native: "iam.getRole",
    input: async ({ path }, names) => ({ roleId: await names.role(path.roleName ?? "") }),
    answer: (role: Role) => ({ role: roleView(role) }),
  }),
  iam("DELETE /role/{roleName}", "deleteRole", {
    native: "iam.deleteRole",
    input: async ({ path }, names) => ({ roleId: await names.role(path.roleName ?? "") }),
    answer: nothing,
  }),
  iam("PUT /role/{roleName}/assumeRolePolicy", "updateAssumeRolePolicy", {
    native: "iam.updateRole",
    input: async ({ path, body }, names) => {
      const { assumeRolePolicyDocument } = info(body, "updateAssumeRolePolicyInfo");
      const at = "/updateAssumeRolePolicyInfo/assumeRolePolicyDocument";
      return given({
        roleId: await names.role(path.roleName ?? ""),
        trust: await trustOf(assumeRolePolicyDocument, at, names),
      });
    },
    answer: (role: Role) => ({ role: roleView(role) }),
  }),
  iam("GET /roles", "describeRoles", {
    native: "iam.listRoles",
    input: (request) => listInput(request),
    answer: ({ roles: all, totalCount }: { roles: Role[]; totalCount: number }) =>
      page("roles", totalCount, all.map(roleView)),
  }),
  iam(
    "POST /role/{roleName}:attachRolePolicy",
    "attachRolePolicy",
    attachment("role", "attachPolicy", "roleName"),
  ),
  iam(
    "DELETE /role/{roleName}:detachRolePolicy",
    "detachRolePolicy",
    attachment("role", "detachPolicy", "roleName"),
  ),
  iam("GET /role/{roleName}/policies", "describeRolePolicies", attached("role", "roleName")),
];
