/** An account with one thing of every kind that a stranger must not reach. */
import { PASSWORD, rawApi, type Stack } from "../stack.ts";
import { trusting } from "./more-credentials.ts";

/** Names of the first account that the stranger never says. */
export const PLANTED = {
  policy: "planted-policy",
  user: "planted-user",
  group: "planted-group",
  role: "planted-role",
  session: "planted-session",
} as const;
/** Makes one thing of every kind; @returns their ids by the field that names them. */
export async function fillAccount(stack: Stack): Promise<Record<string, string[]>> {
  const ids: Record<string, string[]> = {};
  const remember = (field: string, value: unknown): void => {
    if (typeof value === "string") ids[field] = [...(ids[field] ?? []), value];
  };
  const { result: who } = await stack.api("GET", "/v1/iam/caller");
  const victimId: string = who.caller.accountId;
  remember("accountId", victimId);
  remember("userId", who.caller.principalId);
  const site = { domains: ["victim.localhost"], upstreams: ["http://127.0.0.1:9"], mode: "block" };
  const { result: made } = await stack.api("POST", "/v1/waf/sites", site);
  remember("siteId", made.siteId);
  const exclusion = { siteId: made.siteId, ruleId: 942100, variable: "ARGS:q" };
  remember(
    "exclusionId",
    (await stack.api("POST", "/v1/waf/exclusions", exclusion)).result.exclusionId,
  );
  const entry = { cidr: "203.0.113.0/24", action: "block" };
  remember(
    "listEntryId",
    (await stack.api("POST", "/v1/waf/listEntries", entry)).result.listEntryId,
  );
  const document = {
    version: "1",
    statement: [{ effect: "allow", action: "waf:*", resource: "*" }],
  };
  const policy = await stack.api("POST", "/v1/iam/policies", { name: PLANTED.policy, document });
  remember("policyId", policy.result.policyId);
  const user = { name: PLANTED.user, password: PASSWORD, policyIds: [policy.result.policyId] };
  remember("userId", (await stack.api("POST", "/v1/iam/users", user)).result.userId);
  const { result: keys } = await stack.api("GET", "/v1/iam/bearerKeys");
  remember("bearerKeyId", keys.bearerKeys[0].bearerKeyId);
  const group = { name: PLANTED.group, policyIds: [policy.result.policyId] };
  remember("groupId", (await stack.api("POST", "/v1/iam/groups", group)).result.groupId);
  const role = { name: PLANTED.role, trust: trusting({ user: ids.userId?.[0] }) };
  const made2 = await stack.api("POST", "/v1/iam/roles", role);
  remember("roleId", made2.result.roleId);
  const assume = `/v1/sts/roles/${made2.result.roleId}:assume`;
  const session = await stack.api("POST", assume, { sessionName: PLANTED.session });
  remember("roleSessionId", session.result.roleSession.roleSessionId);
  const accessKey = await stack.api("POST", "/v1/iam/accessKeys", { userId: ids.userId?.[0] });
  remember("accessKeyId", accessKey.result.accessKey.accessKeyId);
  const resource = `crn:waf::${victimId}:site/*`;
  const deny = { effect: "deny", principal: "*", action: "waf:DeleteRule", resource: "*" };
  const document2 = { version: "1", statement: [deny] };
  await stack.api("PUT", "/v1/iam/resourcePolicies", { resource, document: document2 });
  const own = await rawApi(stack.consolePort, {
    method: "GET",
    path: "/v1/waf/sites",
    key: stack.key,
  });
  remember("requestId", JSON.parse(own.text).requestId);
  const block = { cidr: "203.0.113.9", ttlSeconds: 3600 };
  const blocked = await stack.api("POST", "/v1/incident/responses:blockSource", block);
  remember("responseId", blocked.result.responseId);
  return ids;
}
