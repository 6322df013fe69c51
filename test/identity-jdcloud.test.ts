/** The vendor's public SDK, unmodified and pointed at this server: every operation it has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import JDCloud from "jdcloud-sdk-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { jdOperations } from "../src/services/iam/jdcloud/operations.ts";
import { PASSWORD, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let accountId = "";
/** Operations that a client method was called for. */
const driven = new Set<string>();

type Clients = { iam: Client; sts: Client };
type Client = Record<string, (options?: object, regionId?: string) => Promise<{ result: Answer }>>;
// biome-ignore lint/suspicious/noExplicitAny: a test reads answers of every operation.
type Answer = any;

/** Clients of the SDK that note which operations were called. */
function clients(key: { accessKeyId: string; secret: string }): Clients {
  const options = () => ({
    credentials: new JDCloud.Credentials(key.accessKeyId, key.secret),
    regionId: "cn-north-1",
    endpoint: { protocol: "https", host: `127.0.0.1:${stack.consolePort}` },
  });
  const noting = (client: object): Client =>
    new Proxy(client, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...parameters: unknown[]) => {
          driven.add(String(name));
          return value.apply(target, parameters);
        };
      },
    }) as Client;
  return { iam: noting(new JDCloud.IAM(options())), sts: noting(new JDCloud.STS(options())) };
}

/** The error that a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<{ code: number; status: string }> {
  const error: unknown = await call.then(
    () => ({ error: { code: 200, status: "it was answered" } }),
    (reason: unknown) => reason,
  );
  return (error as { error: { code: number; status: string } }).error;
}

let admin: Clients;
let adminKey: { accessKeyId: string; secret: string };

beforeAll(async () => {
  stack = await startStack();
  const authority = readFileSync(join(stack.dataFolder, "keys", "authority.pem"), "utf8");
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), authority]);
  JDCloud.config.update({ logger: () => {} });
  const { result } = await stack.api("GET", "/v1/iam/caller");
  accountId = result.caller.accountId;
  const userId = result.caller.principalId;
  const made = await stack.api("POST", "/v1/iam/accessKeys", { userId });
  adminKey = { accessKeyId: made.result.accessKey.accessKeyId, secret: made.result.secret };
  admin = clients(adminKey);
});
afterAll(() => stack?.stop());

test("sub-users: made, read, changed, listed and deleted by name", async () => {
  const { iam } = admin;
  const createSubUserInfo = {
    name: "li",
    password: PASSWORD,
    description: "ops",
    email: "li@example.com",
  };
  const made = await iam.createSubUser?.({ createSubUserInfo });
  expect(made?.result.subUser).toMatchObject({
    name: "li",
    description: "ops",
    email: "li@example.com",
  });
  const updateSubUserInfo = { description: "on call" };
  await iam.updateSubUser?.({ subUser: "li", updateSubUserInfo });
  const read = await iam.describeSubUser?.({ subUser: "li" });
  expect(read?.result.subUser.description).toBe("on call");
  const list = await iam.describeSubUsers?.({ pageNumber: 1, pageSize: 10, keyword: "L" });
  expect(list?.result.subUsers.map((one: { name: string }) => one.name)).toEqual(["li"]);
  expect(list?.result.total).toBe(1);
  await iam.createSubUser?.({ createSubUserInfo: { name: "gone" } });
  await iam.deleteSubUser?.({ subUser: "gone" });
  expect(
    await refusal(iam.describeSubUser?.({ subUser: "gone" }) ?? Promise.resolve()),
  ).toMatchObject({ code: 404, status: "NOT_FOUND" });
});

test("policies: made from JSON text, changed, described, listed and deleted", async () => {
  const { iam } = admin;
  const content = JSON.stringify({
    version: "3",
    statement: [{ effect: "allow", action: ["waf:List*"], resource: ["*"] }],
  });
  await iam.createPolicy?.({ createPolicyInfo: { name: "lists", content, description: "d" } });
  const wider = content.replace("waf:List*", "waf:*");
  await iam.updatePolicy?.({ policyName: "lists", updatePolicyInfo: { content: wider } });
  await iam.updatePolicyDescription?.({
    policyName: "lists",
    updatePolicyDescriptionInfo: { description: "all of it" },
  });
  const read = await iam.describePolicy?.({ policyName: "lists" });
  expect(read?.result.policy).toMatchObject({ name: "lists", description: "all of it" });
  expect(JSON.parse(read?.result.policy.document).statement[0].action).toEqual(["waf:*"]);
  const list = await iam.describePolicies?.({
    pageNumber: 1,
    pageSize: 50,
    keyword: "list",
    queryType: 0,
  });
  expect(list?.result.policies).toHaveLength(1);
  await iam.createPolicy?.({ createPolicyInfo: { name: "spare", content } });
  await iam.deletePolicy?.({ policyName: "spare" });
  const region = content.replace('["*"]', '["jrn:waf:cn-north-1:*:site/*"]');
  expect(
    await refusal(
      iam.createPolicy?.({ createPolicyInfo: { name: "regional", content: region } }) ??
        Promise.resolve(),
    ),
  ).toMatchObject({ code: 400, status: "INVALID_ARGUMENT" });
});

test("attachments give rights to sub-users and groups, and take them away", async () => {
  const { iam } = admin;
  await iam.attachSubUserPolicy?.({ subUser: "li", policyName: "lists" });
  const attached = await iam.describeAttachedSubUserPolicies?.({ subUser: "li" });
  expect(attached?.result.policies.map((one: { name: string }) => one.name)).toEqual(["lists"]);
  await iam.detachSubUserPolicy?.({ subUser: "li", policyName: "lists" });
  await iam.createGroup?.({ createGroupInfo: { name: "night", description: "shift" } });
  await iam.updateGroup?.({ groupName: "night", updateGroupInfo: { description: "late shift" } });
  expect((await iam.describeGroup?.({ groupName: "night" }))?.result.group.description).toBe(
    "late shift",
  );
  await iam.attachGroupPolicy?.({ groupName: "night", policyName: "lists" });
  const ofGroup = await iam.describeAttachedGroupPolicies?.({ groupName: "night" });
  expect(ofGroup?.result.policies).toHaveLength(1);
  await iam.addSubUserToGroup?.({ groupName: "night", subUser: "li" });
  const members = await iam.describeGroupSubUsers?.({
    groupName: "night",
    pageNumber: 1,
    pageSize: 10,
  });
  expect(members?.result.subUsers.map((one: { name: string }) => one.name)).toEqual(["li"]);
  expect((await iam.describeSubUserGroups?.({ subUser: "li" }))?.result.groups).toHaveLength(1);
  expect((await iam.describeGroups?.({ keyword: "nig" }))?.result.groups).toHaveLength(1);
  await iam.removeSubUserFromGroup?.({ groupName: "night", subUser: "li" });
  await iam.detachGroupPolicy?.({ groupName: "night", policyName: "lists" });
  await iam.deleteGroup?.({ groupName: "night" });
  expect((await iam.describeGroups?.({}))?.result.total).toBe(0);
});

test("access keys: a user's own and a sub-user's, disabled and enabled, refuse and sign", async () => {
  const { iam } = admin;
  const made = await iam.createUserAccessKey?.({});
  const { accessKey, secretAccessKey } = made?.result.userAccessKey ?? {};
  const second = clients({ accessKeyId: accessKey, secret: secretAccessKey });
  expect((await second.iam.describeUserAccessKeys?.({}))?.result.total).toBe(2);
  await iam.disabledUserAccessKey?.({ accessKey });
  expect((await refusal(second.iam.describeUserAccessKeys?.({}) ?? Promise.resolve())).code).toBe(
    401,
  );
  await iam.enabledUserAccessKey?.({ accessKey });
  expect((await second.iam.describeUserAccessKeys?.({}))?.result.total).toBe(2);
  await iam.deleteUserAccessKey?.({ accessKey });
  const { result } = await stack.api(
    "GET",
    "/v1/iam/users?filters.1.name=name&filters.1.values.1=li",
  );
  const of = await stack.api("POST", "/v1/iam/accessKeys", { userId: result.users[0].userId });
  const sub = { subUser: "li", accessKey: of.result.accessKey.accessKeyId };
  const li = clients({ accessKeyId: sub.accessKey, secret: of.result.secret });
  expect((await refusal(li.iam.describeSubUsers?.({}) ?? Promise.resolve())).code).toBe(403);
  await iam.disableSubUserAccessKey?.(sub);
  expect((await refusal(li.iam.describeSubUsers?.({}) ?? Promise.resolve())).code).toBe(401);
  await iam.enableSubUserAccessKey?.(sub);
  const other = { ...sub, accessKey: adminKey.accessKeyId };
  expect((await refusal(iam.deleteSubUserAccessKey?.(other) ?? Promise.resolve())).code).toBe(404);
  await iam.deleteSubUserAccessKey?.(sub);
  expect((await refusal(li.iam.describeSubUsers?.({}) ?? Promise.resolve())).code).toBe(401);
});

test("roles are trusted, attached to and taken on, and the temporary keys sign with their token", async () => {
  const { iam, sts } = admin;
  const trust = (principal: string) =>
    JSON.stringify({
      version: "3",
      statement: [{ effect: "allow", principal: { jdc: [principal] }, action: "sts:AssumeRole" }],
    });
  const nobody = trust("jrn:iam::acc-0000000000:root");
  await iam.createRole?.({
    createRoleInfo: {
      roleName: "ops",
      description: "r",
      type: 3,
      assumeRolePolicyDocument: nobody,
      maxSessionDuration: 7200,
      policyNames: ["lists"],
    },
  });
  const assumeRoleInfo = {
    roleJrn: `jrn:iam::${accountId}:role/ops`,
    roleSessionName: "night",
    durationSeconds: 1800,
  };
  expect((await refusal(sts.assumeRole?.({ assumeRoleInfo }) ?? Promise.resolve())).code).toBe(403);
  await iam.updateAssumeRolePolicy?.({
    roleName: "ops",
    updateAssumeRolePolicyInfo: { assumeRolePolicyDocument: trust(`jrn:iam::${accountId}:root`) },
  });
  expect((await iam.describeRole?.({ roleName: "ops" }))?.result.role.maxSessionDuration).toBe(
    7200,
  );
  expect((await iam.describeRoles?.({ roleName: "op" }))?.result.roles).toHaveLength(1);
  await iam.attachRolePolicy?.({ roleName: "ops", policyName: "Auditor" });
  expect((await iam.describeRolePolicies?.({ roleName: "ops", sort: 0 }))?.result.total).toBe(2);
  const assumed = await sts.assumeRole?.({ assumeRoleInfo });
  const { accessKey, secretAccessKey, sessionToken } = assumed?.result.credentials ?? {};
  const as = clients({ accessKeyId: accessKey, secret: secretAccessKey });
  const token = { "x-extra-header": { "x-jdcloud-security-token": sessionToken } };
  expect((await as.iam.describeSubUsers?.(token))?.result.total).toBeGreaterThan(0);
  expect((await refusal(as.iam.describeSubUsers?.({}) ?? Promise.resolve())).code).toBe(401);
  await iam.detachRolePolicy?.({ roleName: "ops", policyName: "Auditor" });
  expect((await refusal(as.iam.describeSubUsers?.(token) ?? Promise.resolve())).code).toBe(403);
  await iam.deleteRole?.({ roleName: "ops" });
  expect((await refusal(as.iam.describeSubUsers?.(token) ?? Promise.resolve())).code).toBe(401);
});

test("operations of the older permission model answer 501 and say so", async () => {
  const { iam } = admin;
  const asked: [string, object][] = [
    ["createPermission", { createPermissionInfo: {} }],
    ["describePermissionDetail", { permissionId: 1 }],
    ["updatePermission", { permissionId: 1, updatePermissionInfo: {} }],
    ["describePermissions", { pageNumber: 1, pageSize: 10, queryType: 0 }],
    ["describeSubUserPermissions", { subUser: "li", pageNumber: 1, pageSize: 10 }],
    ["addPermissionsToSubUser", { subUser: "li", addPermissionsInfo: {} }],
    ["removePermissionOfSubUser", { subUser: "li", permissionId: 1 }],
  ];
  for (const [name, options] of asked) {
    const answer = await refusal(iam[name]?.(options) ?? Promise.resolve());
    expect(answer, name).toMatchObject({ code: 501, status: "UNIMPLEMENTED" });
  }
});

test("what the SDK does is recorded as the operation it became, and a deny on the id holds", async () => {
  const { result } = await stack.api("GET", "/v1/audit/entries?pageSize=100");
  const names = result.entries.map((one: { operation: string }) => one.operation);
  expect(names).toEqual(
    expect.arrayContaining(["sts.assumeRole", "iam.attachPolicy", "iam.getUser"]),
  );
  const users = await stack.api("GET", "/v1/iam/users?filters.1.name=name&filters.1.values.1=li");
  const resource = `crn:iam::${accountId}:user/${users.result.users[0].userId}`;
  const statement = [{ effect: "deny", principal: "*", action: "iam:GetUser", resource: "*" }];
  await stack.api("PUT", "/v1/iam/resourcePolicies", {
    resource,
    document: { version: "1", statement },
  });
  expect(
    (await refusal(admin.iam.describeSubUser?.({ subUser: "li" }) ?? Promise.resolve())).code,
  ).toBe(403);
  await stack.api("POST", "/v1/iam/resourcePolicies:delete", { resource });
});

/** The row of an operation that is not built names the one to take instead. */
const insteadOf = (reason: string) => `older model; instead \`${reason.split(" ").at(-1)}\``;

test("every operation of the SDK is in the table of the documents, and was driven here", () => {
  const sdk = [JDCloud.IAM, JDCloud.STS].flatMap((service) =>
    Object.getOwnPropertyNames(service.prototype).filter((name) => name !== "constructor"),
  );
  expect(sdk).toHaveLength(50);
  expect(jdOperations.map((one) => one.name).sort()).toEqual([...sdk].sort());
  expect([...driven].filter((name) => sdk.includes(name)).sort()).toEqual([...sdk].sort());
  const table = readFileSync(join(programFolder, "docs", "jdcloud-api.md"), "utf8");
  for (const one of jdOperations) {
    const outcome =
      "unsupported" in one ? `501 | ${insteadOf(one.unsupported)}` : `works | \`${one.native}\``;
    expect(table, one.name).toContain(`| \`${one.name}\` | ${outcome}`);
  }
});
