/** Tags as conditions: of the caller, of the resource, and of what a call brings. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "./service-kit.ts";

let kit: Operations;
let accountId = "";
beforeAll(async () => {
  kit = await startOperations();
  accountId = (await kit.api("GET", "/v1/iam/caller")).result.caller.accountId;
});
afterAll(() => kit?.stop());

const allow = (action: string, more: object) => ({
  version: "1",
  statement: [{ effect: "allow", action, resource: "*", ...more }],
});

async function makePolicy(name: string, document: object): Promise<string> {
  const made = await kit.api("POST", "/v1/iam/policies", { name, document });
  expect(made.error).toBeUndefined();
  return made.result.policyId;
}

async function makeUser(name: string, more: object) {
  const made = await kit.api("POST", "/v1/iam/users", { name, kind: "service", ...more });
  expect(made.error).toBeUndefined();
  const { userId } = made.result as { userId: string };
  const key = await kit.api("POST", "/v1/iam/bearerKeys", { userId, name: "k" });
  return { userId, key: key.result.secret as string };
}

test("conditions hold on tags of the caller and of the resource", async () => {
  const made = await kit.api("POST", "/v1/waf/sites", {
    domains: ["tagged.localhost"],
    upstreams: ["http://127.0.0.1:9"],
    mode: "off",
  });
  const { siteId } = made.result;
  const condition = {
    StringEquals: { "cordon:ResourceTag/team": "blue", "cordon:PrincipalTag/grade": "senior" },
  };
  const policyId = await makePolicy("by tag", allow("waf:GetSite", { condition }));
  const { userId, key } = await makeUser("tagged", { policyIds: [policyId] });
  const read = async () => (await kit.api("GET", `/v1/waf/sites/${siteId}`, undefined, key)).code;
  expect(await read()).toBe(403);
  await kit.api("PATCH", `/v1/iam/users/${userId}`, { tags: { grade: "senior" } });
  expect(await read()).toBe(403);
  const resource = `crn:waf::${accountId}:site/${siteId}`;
  await kit.api("PUT", "/v1/iam/resourceTags", { resource, tags: { team: "blue" } });
  expect(await read()).toBe(200);
  await kit.api("PUT", "/v1/iam/resourceTags", { resource, tags: { team: "red" } });
  expect(await read()).toBe(403);
  const text = `permit(principal, action == Action::"waf:GetSite", resource) when {
    resource.hasTag("team") && resource.getTag("team") == "red" &&
    principal.hasTag("grade") && principal.getTag("grade") == "senior" };`;
  const inCedar = await makePolicy("by tag in Cedar", { version: "cedar", text });
  const attach = { principalKind: "user", principalId: userId };
  await kit.api("POST", `/v1/iam/policies/${inCedar}:attach`, attach);
  expect(await read()).toBe(200);
  await kit.api("PUT", "/v1/iam/resourceTags", { resource, tags: { team: "green" } });
  expect(await read()).toBe(403);
});

test("conditions hold on tags that the call itself brings, in JSON and in Cedar", async () => {
  const condition = { StringEquals: { "cordon:RequestTag/team": "blue" } };
  const byJson = await makePolicy("brings", allow("iam:CreateUser", { condition }));
  const text = `permit(principal, action == Action::"iam:CreateUser", resource) when {
    context.request.hasTag("team") && context.request.getTag("team") == "blue" };`;
  const byCedar = await makePolicy("brings in Cedar", { version: "cedar", text });
  for (const [at, policyId] of [byJson, byCedar].entries()) {
    const { key } = await makeUser(`brings-${at}`, { policyIds: [policyId] });
    const make = async (name: string, tags?: object) => {
      const user = { name, kind: "service", ...(tags === undefined ? {} : { tags }) };
      return (await kit.api("POST", "/v1/iam/users", user, key)).code;
    };
    expect(await make(`made-${at}-none`)).toBe(403);
    expect(await make(`made-${at}-red`, { team: "red" })).toBe(403);
    expect(await make(`made-${at}-blue`, { team: "blue" })).toBe(200);
  }
  for (const wrong of [
    `forbid(principal, action, resource) when { context.request == Request::"x" };`,
    `permit(principal, action, resource) when { resource.getTag("team") == "blue" };`,
    `permit(principal, action, resource) when { resource.hasTag(context.userName) };`,
  ]) {
    const document = { version: "cedar", text: wrong };
    const refused = await kit.api("POST", "/v1/iam/policies", { name: "wrong", document });
    expect(refused.code, wrong).toBe(400);
  }
});

/** The newest record of a user's calls, once the searchable copy has them all. */
async function lastEntry(userId: string) {
  await kit.recorded();
  const query = `filters.1.name=principalId&filters.1.values.1=${userId}&pageSize=1`;
  return (await kit.api("GET", `/v1/audit/entries?${query}`)).result.entries[0];
}
const explained = async (requestId: string) =>
  (await kit.api("GET", `/v1/iam/decisions/${requestId}`)).result;

test("a request is explained by the tags that it saw, and of those only the ones asked for are kept", async () => {
  const resourceOf = (siteId: string) => `crn:waf::${accountId}:site/${siteId}`;
  const body = { domains: ["seen.localhost"], upstreams: ["http://127.0.0.1:9"], mode: "off" };
  const { siteId } = (await kit.api("POST", "/v1/waf/sites", body)).result;
  const tag = (tags: object) =>
    kit.api("PUT", "/v1/iam/resourceTags", { resource: resourceOf(siteId), tags });
  const condition = { StringEquals: { "cordon:ResourceTag/stage": "test" } };
  const policyId = await makePolicy("by stage", allow("waf:GetSite", { condition }));
  const { userId, key } = await makeUser("stager", { policyIds: [policyId] });
  const read = async () => (await kit.api("GET", `/v1/waf/sites/${siteId}`, undefined, key)).code;

  await tag({ stage: "test", owner: "nobody's business" });
  expect(await read()).toBe(200);
  const allowed = await lastEntry(userId);
  expect(allowed.resourceTags).toEqual({ stage: "test" });
  // What the tags are now is nothing to a request of then.
  await tag({ stage: "live" });
  expect(await explained(allowed.requestId)).toMatchObject({
    decision: "allow",
    decisionNow: "allow",
  });
  expect(await read()).toBe(403);
  const denied = await lastEntry(userId);
  expect(denied.resourceTags).toEqual({ stage: "live" });
  await tag({ stage: "test" });
  expect(await explained(denied.requestId)).toMatchObject({
    decision: "deny",
    decisionNow: "deny",
  });
});

test("a request whose tags nobody asked for then is not decided again by tags", async () => {
  const policyId = await makePolicy("lists", allow("waf:ListSites", {}));
  const { userId, key } = await makeUser("lister", { policyIds: [policyId] });
  expect((await kit.api("GET", "/v1/waf/sites", undefined, key)).code).toBe(200);
  const { requestId, resourceTags } = await lastEntry(userId);
  expect(resourceTags).toBeUndefined();
  expect((await explained(requestId)).decisionNow).toBe("allow");
  const condition = { StringEquals: { "cordon:ResourceTag/stage": "test" } };
  const document = allow("waf:ListSites", { condition });
  await kit.api("PATCH", `/v1/iam/policies/${policyId}`, { document });
  expect((await explained(requestId)).decisionNow).toBeNull();
});

test("a request is explained by the tags that it brought, unless they were too large to keep", async () => {
  const condition = { StringEquals: { "cordon:RequestTag/cost": "blue" } };
  const policyId = await makePolicy("by cost", allow("iam:CreateUser", { condition }));
  const { userId, key } = await makeUser("bringer", { policyIds: [policyId] });
  const make = async (name: string, tags: object) =>
    (await kit.api("POST", "/v1/iam/users", { name, kind: "service", tags }, key)).code;
  expect(await make("costs-blue", { cost: "blue" })).toBe(200);
  const { requestId } = await lastEntry(userId);
  expect((await explained(requestId)).decisionNow).toBe("allow");
  const many = Array.from({ length: 40 }, (_, at) => [`filler-${at}`, "x".repeat(240)]);
  expect(await make("costs-much", { ...Object.fromEntries(many), cost: "blue" })).toBe(200);
  const large = await lastEntry(userId);
  expect(large.input).toMatchObject({ truncated: true });
  expect((await explained(large.requestId)).decisionNow).toBeNull();
});
