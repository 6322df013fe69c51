/** Answers about rights: explained requests, drafts replayed, who reaches what, unused rights. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { PASSWORD, rawApi, type Stack, startStack, until } from "./stack.ts";

let stack: Stack;
let accountId = "";
let policyId = "";
let userId = "";
let key = "";
let siteId = "";

const document = (...statement: object[]) => ({ version: "1", statement });
const reading = { effect: "allow", action: ["waf:ListSites", "waf:GetSite"], resource: "*" };

beforeAll(async () => {
  stack = await startStack();
  accountId = (await stack.api("GET", "/v1/iam/caller")).result.caller.accountId;
  const policy = { name: "site reader", document: document(reading) };
  policyId = (await stack.api("POST", "/v1/iam/policies", policy)).result.policyId;
  const user = { name: "rita", password: PASSWORD, policyIds: [policyId] };
  userId = (await stack.api("POST", "/v1/iam/users", user)).result.userId;
  key = (await stack.api("POST", "/v1/iam/bearerKeys", { userId, name: "k" })).result.secret;
  const site = { domains: ["why.localhost"], upstreams: ["http://127.0.0.1:9"], mode: "off" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
});
afterAll(() => stack?.stop());

/** Calls as rita and gives the request's id. */
async function asRita(method: string, path: string): Promise<string> {
  const reply = await rawApi(stack.consolePort, { method, path, key });
  return JSON.parse(reply.text).requestId;
}

/** The explanation, once the searchable copy of the log has the request. */
async function explained(requestId: string) {
  const path = `/v1/iam/decisions/${requestId}`;
  await until("the request is explained", async () => (await stack.api("GET", path)).code === 200);
  return (await stack.api("GET", path)).result;
}

test("a denied request says that no statement was about it, and what would allow it", async () => {
  const answer = await explained(await asRita("DELETE", `/v1/waf/sites/${siteId}`));
  const resource = `crn:waf::${accountId}:site/${siteId}`;
  expect(answer).toMatchObject({
    principalName: "rita",
    decision: "deny",
    decidedBy: "noPermit",
    decisionNow: "deny",
    wouldAllow: [{ effect: "allow", action: "waf:DeleteSite", resource }],
  });
});

test("an allowed request names the statement as it was then, also after the policy changed", async () => {
  const requestId = await asRita("GET", "/v1/waf/sites");
  const before = await explained(requestId);
  expect(before.statements).toEqual([
    { policyId, policyName: "site reader", version: "1", statement: reading },
  ]);
  const path = `/v1/iam/policies/${policyId}`;
  const denied = { effect: "deny", action: "waf:ListSites", resource: "*" };
  await stack.api("PATCH", path, { document: document(reading, denied) });
  const after = await explained(requestId);
  expect(after).toMatchObject({ decision: "allow", decisionNow: "deny" });
  expect(after.statements[0].statement).toEqual(reading);
  const refused = await explained(await asRita("GET", "/v1/waf/sites"));
  expect(refused).toMatchObject({ decidedBy: "forbid", wouldAllow: [] });
  expect(refused.statements).toMatchObject([{ version: "2", statement: denied }]);
  await stack.api("POST", `${path}/versions/1:restore`, {});
});

test("a request of another account is explained like one that there never was", async () => {
  const answer = await stack.api("GET", "/v1/iam/decisions/req-0000000000");
  expect(answer.error?.reason).toBe("iam.auditEntryNotFound");
});

test("a draft tells which audited requests it would decide otherwise, and changes nothing", async () => {
  await explained(await asRita("GET", `/v1/waf/sites/${siteId}`));
  const draft = document({ ...reading, action: "waf:ListSites" });
  const path = `/v1/iam/policies/${policyId}`;
  const { result } = await stack.api("POST", `${path}:replay`, { document: draft, days: 1 });
  expect(result.truncated).toBe(false);
  expect(result.changes).toContainEqual(
    expect.objectContaining({
      principalName: "rita",
      action: "waf:GetSite",
      from: "allow",
      to: "deny",
    }),
  );
  expect(result.changes.every((one: { principalId: string }) => one.principalId === userId)).toBe(
    true,
  );
  expect((await stack.api("GET", path)).result.document).toEqual(document(reading));
  const wrong = document({ effect: "allow", action: "nonsense", resource: "*" });
  const refused = await stack.api("POST", `${path}:replay`, { document: wrong });
  expect(refused.error?.details[0]?.path).toBe("statement[0].action");
});

test("who can reach a resource is told with the statements that let them", async () => {
  const resource = `crn:waf::${accountId}:site/${siteId}`;
  const ask = async (action: string) => {
    const query = new URLSearchParams({ action, resource });
    const { result } = await stack.api("GET", `/v1/iam/reachers?${query}`);
    return result.reachers.map((one: { principalName: string }) => one.principalName);
  };
  expect(await ask("waf:GetSite")).toEqual(["admin", "rita"]);
  expect(await ask("waf:DeleteSite")).toEqual(["admin"]);
});

test("unused rights are those that are held and were not exercised", async () => {
  await explained(await asRita("GET", "/v1/waf/sites"));
  const list = async () => {
    const { result } = await stack.api("GET", `/v1/iam/unusedRights?userId=${userId}&days=1`);
    return result.unusedRights.map((one: { action: string }) => one.action);
  };
  expect(await list()).toEqual([]);
  const more = { ...reading, action: ["waf:ListSites", "waf:GetSite", "waf:ListRules"] };
  await stack.api("PATCH", `/v1/iam/policies/${policyId}`, { document: document(more) });
  expect(await list()).toEqual(["waf:ListRules"]);
});
