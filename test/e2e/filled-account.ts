/** An account with one thing of every kind that a stranger must not reach. */
import { requestOf } from "../../src/cli/api-client.ts";
import {
  gatherIds,
  idFieldsOf,
  idsOf,
  type Schema,
  sampleOf,
  targets,
} from "../catalog-samples.ts";
import { certificateFolder } from "../certificate-files.ts";
import { PASSWORD, rawApi, type Stack } from "../stack.ts";
import { trusting } from "./more-credentials.ts";

/** Names of the first account that the stranger never says. */
export const PLANTED = {
  policy: "planted-policy",
  user: "planted-user",
  group: "planted-group",
  role: "planted-role",
  session: "planted-session",
  secret: "planted-secret-value",
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

const everything = { effect: "allow", action: "*", resource: "*" };
const noRuleEnds = { effect: "deny", action: "waf:DeleteRule", resource: "*" };

/** What a sample of the schema does not know: values that fit each other. */
const FITTING: Readonly<Record<string, object>> = {
  "account.createGuardrail": { document: { version: "1", statement: [everything, noRuleEnds] } },
  "kms.createSecret": { value: PLANTED.secret },
  "certificates.createDnsProvider": {
    ...{ server: "127.0.0.1", zone: "sample.example.org", keyName: "sample", secret: "c2VjcmV0" },
  },
  "notify.createChannel": {
    ...{ smtpHost: "127.0.0.1", smtpPort: 9, smtpSecurity: "none" },
    ...{ from: "cordon@sample.example.org", to: ["people@sample.example.org"] },
  },
};

/** Creates one thing of every kind whose creation needs no more than what is there. */
export async function fillFromCatalog(stack: Stack): Promise<void> {
  const creating = targets.filter(({ contract, operation }) =>
    contract.resources.some(
      ({ create }) => create !== undefined && contract.operations[create] === operation,
    ),
  );
  const certificates = certificateFolder();
  const uploaded = certificates.issue("sample", ["sample.example.org"]);
  certificates.remove();
  const known = await idsOf((method, path) => stack.api(method, path));
  for (const { contract, operation } of creating) {
    const input = sampleOf(operation.input as unknown as Schema) as Record<string, unknown>;
    for (const { name, prefix, list } of idFieldsOf(operation)) {
      const [id] = known.get(prefix) ?? [];
      if (id !== undefined && name in input) input[name] = list ? [id] : id;
    }
    const { method, path, body } = requestOf(contract, operation, {
      ...input,
      ...(operation.name === "certificates.uploadCertificate" ? uploaded : {}),
      ...FITTING[operation.name],
    });
    // Some are not made, since they need more of the world: a provider that answers, a device.
    const { code, result } = await stack.api(method, path, body);
    if (code === 200) gatherIds(known, result);
  }
}
