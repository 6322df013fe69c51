/** Groups, roles, boundaries, guardrails and session policies over the operation interface. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SigningKey, signedApi } from "./signed-client.ts";
import { PASSWORD, type Stack, signInForKey, startStack, until } from "./stack.ts";

let stack: Stack;
let accountId = "";
const policies: Record<string, string> = {};

beforeAll(async () => {
  stack = await startStack();
  accountId = (await stack.api("GET", "/v1/iam/caller")).result.caller.accountId;
  const { result } = await stack.api("GET", "/v1/iam/policies");
  for (const policy of result.policies) policies[policy.name] = policy.policyId;
});
afterAll(() => stack?.stop());

const allow = (action: string | string[], more: object = {}) => ({
  version: "1",
  statement: [{ effect: "allow", action, resource: "*", ...more }],
});

async function makePolicy(name: string, document: object): Promise<string> {
  const made = await stack.api("POST", "/v1/iam/policies", { name, document });
  expect(made.error).toBeUndefined();
  return made.result.policyId;
}

/** A user with a bearer key. */
async function makeUser(name: string, more: object = {}) {
  const made = await stack.api("POST", "/v1/iam/users", { name, password: PASSWORD, ...more });
  expect(made.error).toBeUndefined();
  const { userId } = made.result as { userId: string };
  const key = await stack.api("POST", "/v1/iam/bearerKeys", { userId, name: "k" });
  return { userId, key: key.result.secret as string };
}

describe("groups", () => {
  test("a user has the rights of its groups for as long as it is in them", async () => {
    const { userId, key } = await makeUser("member");
    const body = { name: "readers", policyIds: [policies.Auditor] };
    const { result: group } = await stack.api("POST", "/v1/iam/groups", body);
    const sites = async () => (await stack.api("GET", "/v1/waf/sites", undefined, key)).code;
    expect(await sites()).toBe(403);
    const path = `/v1/iam/groups/${group.groupId}`;
    await stack.api("POST", `${path}/members:add`, { userId });
    expect(await sites()).toBe(200);
    const { result: user } = await stack.api("GET", `/v1/iam/users/${userId}`);
    expect(user.groupIds).toEqual([group.groupId]);
    expect((await stack.api("DELETE", `/v1/iam/policies/${policies.Auditor}`)).code).toBe(409);
    await stack.api("POST", `${path}/members:remove`, { userId });
    expect(await sites()).toBe(403);
  });
});

describe("ceilings", () => {
  test("a boundary limits what policies allow, and cannot be stepped out of", async () => {
    const boundary = await makePolicy("sites and people", allow(["waf:*", "iam:*"]));
    const rights = { policyIds: [policies.Administrator], boundaryPolicyId: boundary };
    const { userId, key } = await makeUser("bounded", rights);
    const as = (method: string, path: string, body?: unknown) => stack.api(method, path, body, key);
    expect((await as("GET", "/v1/waf/sites")).code).toBe(200);
    expect((await as("GET", "/v1/audit/entries")).code).toBe(403);
    expect((await as("GET", "/v1/iam/caller")).code).toBe(200);
    const escapes: [string, string, object][] = [
      ["PATCH", `/v1/iam/users/${userId}`, { boundaryPolicyId: null }],
      ["PATCH", `/v1/iam/policies/${boundary}`, { document: allow("*") }],
      [
        "POST",
        "/v1/iam/users",
        { name: "free", password: PASSWORD, boundaryPolicyId: policies.Administrator },
      ],
      ["POST", "/v1/iam/groups", { name: "free", policyIds: [policies.Administrator] }],
      [
        "POST",
        "/v1/iam/roles",
        { name: "free", trust: trustOf(userId), boundaryPolicyId: policies.Administrator },
      ],
      [
        "PUT",
        "/v1/iam/resourcePolicies",
        { resource: `crn:audit::${accountId}:*`, document: allow("*", { principal: "*" }) },
      ],
    ];
    for (const [method, path, body] of escapes) {
      expect((await as(method, path, body)).error?.reason, path).toBe("iam.underBoundary");
    }
    const { result: who } = await stack.api("GET", "/v1/iam/caller");
    const key2 = { userId: who.caller.principalId, name: "stolen" };
    expect((await as("POST", "/v1/iam/bearerKeys", key2)).error?.reason).toBe("iam.underBoundary");
    const other = await as("POST", "/v1/iam/users", { name: "below", password: PASSWORD });
    expect(other.result.boundaryPolicyId).toBe(boundary);
  });

  test("a guardrail holds for an account's administrator, and only the operator sets it", async () => {
    const tenant = { name: "tenant", userName: "ann", password: PASSWORD };
    const made = await stack.api("POST", "/v1/account/accounts", tenant);
    const key = await signInForKey(stack.consolePort, {
      accountName: "tenant",
      userName: "ann",
      password: PASSWORD,
    });
    const sites = async () => (await stack.api("GET", "/v1/waf/sites", undefined, key)).code;
    expect(await sites()).toBe(200);
    const document = {
      version: "1",
      statement: [
        { effect: "allow", action: "*", resource: "*" },
        { effect: "deny", action: "waf:ListSites", resource: "*" },
      ],
    };
    const guardrail = { name: "no sites", document, accounts: [made.result.accountId] };
    expect((await stack.api("POST", "/v1/account/guardrails", guardrail, key)).code).toBe(403);
    // The searchable copy of the audit log follows the log.
    await until("the audited request is found by the dry run", async () => {
      const dry = await stack.api("POST", "/v1/account/guardrails", { ...guardrail, dryRun: true });
      expect(dry.result.guardrail).toBeNull();
      const found: { principalName: string; action: string }[] = dry.result.wouldRefuse;
      return found.some((one) => one.principalName === "ann" && one.action === "waf:ListSites");
    });
    expect(await sites()).toBe(200);
    const set = await stack.api("POST", "/v1/account/guardrails", guardrail);
    expect(await sites()).toBe(403);
    expect((await stack.api("GET", "/v1/waf/sites")).code).toBe(200);
    await stack.api("DELETE", `/v1/account/guardrails/${set.result.guardrail.guardrailId}`);
    expect(await sites()).toBe(200);
  });
});

function trustOf(userId: string, condition?: object) {
  const statement = {
    effect: "allow",
    principal: { user: userId },
    ...(condition && { condition }),
  };
  return { version: "1", statement: [statement] };
}

describe("roles", () => {
  test("a role is taken on only by whom it trusts, with the external id, and is signed for with its token", async () => {
    const assume = await makePolicy("assume", allow("sts:AssumeRole"));
    const { userId, key } = await makeUser("traveler", { policyIds: [assume] });
    const stranger = await makeUser("stranger", { policyIds: [assume] });
    const condition = { StringEquals: { "cordon:ExternalId": "blue-42" } };
    const role = await stack.api("POST", "/v1/iam/roles", {
      name: "watcher",
      trust: trustOf(userId, condition),
      policyIds: [policies.Auditor],
    });
    const { roleId } = role.result;
    const path = `/v1/sts/roles/${roleId}:assume`;
    const ask = (more: object, who = key) =>
      stack.api("POST", path, { sessionName: "night", ...more }, who);
    const refused = await ask({});
    expect(refused.error?.reason).toBe("sts.assumeRefused");
    expect((await ask({ externalId: "green" })).code).toBe(403);
    const other = await ask({ externalId: "blue-42" }, stranger.key);
    const missing = await stack.api(
      "POST",
      "/v1/sts/roles/role-0000000000:assume",
      { sessionName: "night" },
      stranger.key,
    );
    expect(other).toEqual({ ...missing });
    expect((await ask({ externalId: "blue-42", durationSeconds: 7200 })).error?.reason).toBe(
      "sts.durationTooLong",
    );
    const { result: session } = await ask({ externalId: "blue-42" });
    const as = (token: string) => stack.api("GET", "/v1/waf/sites", undefined, token);
    expect((await as(session.bearerKey)).code).toBe(200);
    const full: SigningKey = {
      accessKeyId: session.roleSession.accessKeyId,
      secret: session.secret,
      sessionToken: session.sessionToken,
    };
    const sites = { method: "GET", path: "/v1/waf/sites", service: "waf" };
    const port = stack.consolePort;
    expect((await signedApi(port, { ...sites, key: full })).code).toBe(200);
    const { sessionToken: _, ...withoutToken } = full;
    expect((await signedApi(port, { ...sites, key: withoutToken })).code).toBe(401);
    expect((await signedApi(port, { ...sites, key: { ...full, sessionToken: "x" } })).code).toBe(
      401,
    );
    const caller = await stack.api("GET", "/v1/iam/users", undefined, session.bearerKey);
    expect(caller.code).toBe(200);
    const { result: audit } = await stack.api("GET", "/v1/audit/entries?pageSize=20");
    const entry = audit.entries.find(
      (one: { principalName: string }) => one.principalName === "watcher/night",
    );
    expect(entry).toMatchObject({ principalType: "role", principalId: roleId, assumedBy: userId });
    await stack.api("POST", `/v1/iam/roles/${roleId}:revokeSessions`, {});
    expect((await as(session.bearerKey)).code).toBe(401);
    expect((await signedApi(port, { ...sites, key: full })).code).toBe(401);
    const { result: fresh } = await ask({ externalId: "blue-42" });
    expect((await as(fresh.bearerKey)).code).toBe(200);
    await stack.api("PATCH", `/v1/iam/users/${userId}`, { enabled: false });
    expect((await as(fresh.bearerKey)).code).toBe(401);
  });

  test("a session policy narrows a role and a role's session gives no rights beyond it", async () => {
    const { result: who } = await stack.api("GET", "/v1/iam/caller");
    const role = await stack.api("POST", "/v1/iam/roles", {
      name: "wide",
      trust: trustOf(who.caller.principalId),
      policyIds: [policies.Administrator],
    });
    const sessionPolicy = allow(["waf:ListSites", "iam:*"]);
    const { result } = await stack.api("POST", `/v1/sts/roles/${role.result.roleId}:assume`, {
      sessionName: "narrow",
      sessionPolicy,
    });
    const as = (method: string, path: string, body?: unknown) =>
      stack.api(method, path, body, result.bearerKey);
    expect((await as("GET", "/v1/waf/sites")).code).toBe(200);
    expect((await as("GET", "/v1/waf/rules")).code).toBe(403);
    const user = { name: "beyond", password: PASSWORD, policyIds: [policies.Administrator] };
    expect((await as("POST", "/v1/iam/users", user)).error?.reason).toBe("iam.underBoundary");
  });
});

describe("documents", () => {
  test("Cedar text decides, and its faults are named by line and column", async () => {
    const text = [
      'permit(principal, action in [Action::"waf:ListSites", Action::"waf:ListRules"], resource)',
      'when { context.sourceIp.isInRange(ip("127.0.0.0/8")) };',
      'forbid(principal, action == Action::"waf:ListRules", resource);',
    ].join("\n");
    const policyId = await makePolicy("cedar", { version: "cedar", text });
    const { key } = await makeUser("cedric", { policyIds: [policyId] });
    expect((await stack.api("GET", "/v1/waf/sites", undefined, key)).code).toBe(200);
    expect((await stack.api("GET", "/v1/waf/rules", undefined, key)).code).toBe(403);
    const faults = async (wrong: string) =>
      (
        await stack.api("POST", "/v1/iam/policies", {
          name: "bad",
          document: { version: "cedar", text: wrong },
        })
      ).error?.details;
    expect((await faults("permit(principal, action, resource"))?.[0]?.path).toMatch(/^text:1:/);
    expect(
      (
        await faults(`${text}\npermit(principal, action, resource) when { context.sourceIP == 1 };`)
      )?.[0]?.path,
    ).toMatch(/^text:4:/);
    expect(
      (await faults('permit(principal, action == Action::"waf:Nothing", resource);'))?.length,
    ).toBeGreaterThan(0);
  });

  test("a policy goes back to an older version, and each version stays as it was", async () => {
    const policyId = await makePolicy("turning", allow("waf:ListSites"));
    const { key } = await makeUser("turner", { policyIds: [policyId] });
    const sites = async () => (await stack.api("GET", "/v1/waf/sites", undefined, key)).code;
    expect(await sites()).toBe(200);
    await stack.api("PATCH", `/v1/iam/policies/${policyId}`, { document: allow("waf:ListRules") });
    expect(await sites()).toBe(403);
    const restored = await stack.api("POST", `/v1/iam/policies/${policyId}/versions/1:restore`, {});
    expect(restored.result.version).toBe(3);
    expect(await sites()).toBe(200);
    const { result } = await stack.api("GET", `/v1/iam/policies/${policyId}/versions`);
    expect(
      result.policyVersions.map((one: { version: number; current: boolean }) => [
        one.version,
        one.current,
      ]),
    ).toEqual([
      [3, true],
      [2, false],
      [1, false],
    ]);
    expect(
      (await stack.api("POST", `/v1/iam/policies/${policyId}/versions/9:restore`, {})).code,
    ).toBe(404);
  });

  test("a policy on a resource permits those it names and denies over every allow", async () => {
    const { userId, key } = await makeUser("guest");
    const resource = `crn:waf::${accountId}:site/*`;
    const read = async (who: string) =>
      (await stack.api("GET", "/v1/waf/sites", undefined, who)).code;
    expect(await read(key)).toBe(403);
    const statement = [
      { effect: "allow", principal: { user: userId }, action: "waf:ListSites", resource: "*" },
    ];
    const set = (one: object) =>
      stack.api("PUT", "/v1/iam/resourcePolicies", {
        resource,
        document: { version: "1", statement: [one] },
      });
    expect((await set(statement[0] ?? {})).code).toBe(200);
    expect(await read(key)).toBe(200);
    await set({ ...statement[0], effect: "deny", principal: "*" });
    expect(await read(key)).toBe(403);
    expect(await read(stack.key)).toBe(403);
    await stack.api("POST", "/v1/iam/resourcePolicies:delete", { resource });
    expect(await read(stack.key)).toBe(200);
    const foreign = await stack.api("PUT", "/v1/iam/resourcePolicies", {
      resource: "crn:waf::acc-0000000000:site/*",
      document: { version: "1", statement },
    });
    expect(foreign.error?.reason).toBe("iam.resourceForeign");
  });
});

describe("what a change of rights must not do", () => {
  test("the last administrator stays, whatever way he would go", async () => {
    const { result: who } = await stack.api("GET", "/v1/iam/caller");
    const userId = who.caller.principalId;
    const path = `/v1/iam/users/${userId}`;
    const bare = await makePolicy("ceiling", allow("*"));
    const detach = { principalKind: "user", principalId: userId, confirmLockOut: true };
    const tries = [
      await stack.api("DELETE", path),
      await stack.api("PATCH", path, { enabled: false }),
      await stack.api("PATCH", path, { policyIds: [], confirmLockOut: true }),
      await stack.api("PATCH", path, { boundaryPolicyId: bare, confirmLockOut: true }),
      await stack.api("POST", `/v1/iam/policies/${policies.Administrator}:detach`, detach),
    ];
    expect(tries.map((one) => one.error?.reason)).toEqual(tries.map(() => "iam.lastAdministrator"));
  });

  test("a policy that locks out its author asks first, and is not written until confirmed", async () => {
    const own = await makePolicy("own rights", allow(["iam:*", "waf:*"]));
    const { key } = await makeUser("author", { policyIds: [own] });
    const path = `/v1/iam/policies/${own}`;
    const change = { document: allow("waf:*") };
    const asked = await stack.api("PATCH", path, change, key);
    expect(asked.error?.reason).toBe("iam.wouldLockOut");
    expect((await stack.api("GET", path)).result.version).toBe(1);
    const done = await stack.api("PATCH", path, { ...change, confirmLockOut: true }, key);
    expect(done.code).toBe(200);
    expect((await stack.api("GET", path, undefined, key)).code).toBe(403);
  });
});

describe("access keys", () => {
  test("a signed request is who its key belongs to, once, for its service and from its networks", async () => {
    const { userId } = await makeUser("signer", { policyIds: [policies.Auditor] });
    const made = await stack.api("POST", "/v1/iam/accessKeys", { userId });
    const key = { accessKeyId: made.result.accessKey.accessKeyId, secret: made.result.secret };
    const port = stack.consolePort;
    const call = {
      method: "GET",
      path: "/v1/waf/sites?pageSize=5&pageNumber=1",
      service: "waf",
      key,
    };
    const nonce = "0123456789abcdef";
    expect((await signedApi(port, { ...call, nonce })).code).toBe(200);
    expect((await signedApi(port, { ...call, nonce })).code).toBe(401);
    expect((await signedApi(port, { ...call, service: "iam" })).code).toBe(401);
    expect((await signedApi(port, { ...call, key: { ...key, secret: "x" } })).code).toBe(401);
    expect(
      (await signedApi(port, { ...call, key: { ...key, accessKeyId: "ak-0000000000" } })).code,
    ).toBe(401);
    expect((await signedApi(port, { ...call, key: { ...key, sessionToken: "x" } })).code).toBe(401);
    const post = {
      method: "POST",
      path: "/v1/iam/groups",
      service: "iam",
      key,
      body: { name: "no" },
    };
    expect((await signedApi(port, post)).code).toBe(403);
    const path = `/v1/iam/accessKeys/${key.accessKeyId}`;
    await stack.api("PATCH", path, { sourceCidrs: ["192.0.2.0/24"] });
    expect((await signedApi(port, call)).code).toBe(401);
    await stack.api("PATCH", path, { sourceCidrs: ["127.0.0.0/8"] });
    expect((await signedApi(port, call)).code).toBe(200);
    await stack.api("PATCH", path, { enabled: false });
    expect((await signedApi(port, call)).code).toBe(401);
  });
});
