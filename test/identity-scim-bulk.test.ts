/** A directory's bulk requests and searches by message, and changes that come at once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ERROR, GROUP, named, PATCH, patch, type ScimCaller, scimCall } from "./scim-client.ts";
import { PASSWORD, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let token = "";
beforeAll(async () => {
  stack = await startStack();
  token = (await stack.api("POST", "/v1/iam/scimCredentials", { name: "bulk" })).result.secret;
}, 120_000);
afterAll(() => stack?.stop());

const scim: ScimCaller = (...call) => scimCall(stack, token, ...call);

async function made(userName: string, more: object = {}) {
  return (await scim("POST", "/Users", named(userName, more))).body;
}

const BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const bulk = (Operations: object[], more: object = {}) =>
  scim("POST", "/Bulk", { schemas: [BULK], Operations, ...more });

test("a bulk request makes users and a group of them, and tells of each step", async () => {
  const post = (bulkId: string, path: string, data: object) => ({
    ...{ method: "POST", path, bulkId, data },
  });
  const members = [{ value: "bulkId:alice" }, { value: "bulkId:bob" }];
  const { code, body } = await bulk([
    // What it refers to comes later in the request, as RFC 7644 §3.7.2 allows.
    post("team", "/Groups", { schemas: [GROUP], displayName: "Bulk", members }),
    post("alice", "/Users", named("bulk.alice")),
    post("bob", "/Users", named("bulk.bob")),
    post("twice", "/Users", named("bulk.bob")),
    post("lost", "/Groups", {
      schemas: [GROUP],
      displayName: "L",
      members: [{ value: "bulkId:no" }],
    }),
    {
      method: "PATCH",
      path: "/Users/bulkId:bob",
      data: patch({ op: "add", value: { title: "B" } }),
    },
    { method: "DELETE", path: "/Users/user-0000000000" },
  ]);
  expect(code, JSON.stringify(body)).toBe(200);
  expect(body.schemas).toEqual(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]);
  const told = body.Operations.map((one: { bulkId?: string; method: string; status: string }) =>
    [one.bulkId ?? one.method, one.status].join(" "),
  );
  expect(told).toEqual([
    ...["alice 201", "bob 201", "twice 409", "lost 409", "PATCH 200", "DELETE 404", "team 201"],
  ]);
  const [alice, , twice, , , gone] = body.Operations;
  expect(alice.location).toMatch(/\/Users\/user-[0-9a-z]{10}$/);
  expect(alice.version).toMatch(/^W\//);
  expect(twice).not.toHaveProperty("location");
  expect(twice.response).toMatchObject({ schemas: [ERROR], status: "409", scimType: "uniqueness" });
  expect(gone.response).toMatchObject({ status: "404" });
  const group = await scim("GET", `/Groups?filter=${encodeURIComponent('displayName eq "bulk"')}`);
  expect(group.body.Resources[0].members).toHaveLength(2);
  const bob = await scim("GET", `/Users?filter=${encodeURIComponent('userName eq "bulk.bob"')}`);
  expect(bob.body.Resources[0].title).toBe("B");
  const recorded = await stack.api("GET", "/v1/audit/entries?pageSize=100");
  const names: string[] = recorded.result.entries.map(
    (one: { operation: string }) => one.operation,
  );
  expect(names).toEqual(expect.arrayContaining(["iam.scimBulk", "iam.scimCreateGroup"]));
});

test("a bulk request stops after as many failures as it says, and versions hold in it", async () => {
  const { id, meta } = await made("bulk.versioned");
  await scim("PUT", `/Users/${id}`, named("bulk.versioned", { title: "new" }));
  const remove = { method: "DELETE", path: `/Users/${id}`, version: meta.version };
  const later = { method: "POST", path: "/Users", bulkId: "l", data: named("bulk.later") };
  const { body } = await bulk([remove, later], { failOnErrors: 1 });
  expect(body.Operations).toMatchObject([{ status: "412", method: "DELETE" }]);
  expect((await scim("GET", `/Users/${id}`)).code).toBe(200);
  expect((await bulk([remove, later])).body.Operations).toMatchObject([
    { status: "412" },
    { status: "201" },
  ]);
});

test("a bulk request can do nothing that its caller could not do by single ones", async () => {
  const policy = {
    ...{ name: "bulk-only" },
    document: {
      version: "1",
      statement: [
        { effect: "allow", action: ["iam:ScimBulk", "iam:ScimCreateUsers"], resource: "*" },
      ],
    },
  };
  const { policyId } = (await stack.api("POST", "/v1/iam/policies", policy)).result;
  const user = { name: "bulk-only", kind: "service", policyIds: [policyId] };
  const { userId } = (await stack.api("POST", "/v1/iam/users", user)).result;
  const key = await stack.api("POST", "/v1/iam/bearerKeys", { userId, name: "k" });
  const { id } = await made("bulk.victim");
  const steps = [
    { method: "DELETE", path: `/Users/${id}` },
    { method: "POST", path: "/Users", bulkId: "b", data: named("bulk.allowed") },
    { method: "POST", path: "/Users", bulkId: "s", data: named("bulk.x", { password: PASSWORD }) },
  ];
  const message = { schemas: [BULK], Operations: steps };
  const headers = { authorization: `Bearer ${key.result.secret}` };
  const { body } = await scim("POST", "/Bulk", message, headers);
  expect(body.Operations.map((one: { status: string }) => one.status)).toEqual([
    "403",
    "201",
    "400",
  ]);
  expect((await scim("GET", `/Users/${id}`)).code).toBe(200);
  const outside = [
    { method: "DELETE", path: "/../../users/user-0000000000" },
    { method: "POST", path: "/Bulk", bulkId: "b", data: {} },
    { method: "GET", path: "/Users" },
    { method: "POST", path: "/Users", data: named("unnamed") },
  ];
  for (const step of outside) expect((await bulk([step])).code, JSON.stringify(step)).toBe(400);
  const many = Array.from({ length: 101 }, () => ({ method: "DELETE", path: "/Users/x" }));
  expect((await bulk(many)).code).toBe(413);
});

test("a search may come as a message, and /Me says why it is not there", async () => {
  const SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
  for (const at of [1, 2, 3]) await made(`searched${at}`, { title: `T ${at}` });
  const message = {
    ...{ schemas: [SEARCH], filter: 'userName sw "searched"', attributes: ["userName", "title"] },
    ...{ sortBy: "userName", sortOrder: "descending", startIndex: 1, count: 2 },
  };
  const { code, body } = await scim("POST", "/Users/.search", message);
  expect(code, JSON.stringify(body)).toBe(200);
  expect(body).toMatchObject({ totalResults: 3, itemsPerPage: 2 });
  expect(body.Resources[0]).toMatchObject({ userName: "searched3", title: "T 3" });
  expect(body.Resources[0]).not.toHaveProperty("active");
  expect((await scim("POST", "/Groups/.search", { schemas: [SEARCH], count: 0 })).code).toBe(200);
  for (const wrong of [
    { ...message, filter: "(((" },
    { ...message, schemas: [PATCH] },
  ]) {
    expect((await scim("POST", "/Users/.search", wrong)).code).toBe(400);
  }
  const me = await scim("GET", "/Me");
  expect(me.code).toBe(501);
  expect(me.body).toMatchObject({ schemas: [ERROR], status: "501" });
  expect(me.body.detail).toContain("nobody's");
});

test("two changes of one group at once are both there afterwards", async () => {
  const users = await Promise.all(
    ["one", "two", "three", "four"].map((at) => made(`at-once-${at}`)),
  );
  const group = await scim("POST", "/Groups", { schemas: [GROUP], displayName: "At once" });
  const add = (id: string) => patch({ op: "add", path: "members", value: [{ value: id }] });
  const path = `/Groups/${group.body.id}`;
  await Promise.all(users.map(({ id }) => scim("PATCH", path, add(id))));
  expect((await scim("GET", path)).body.members).toHaveLength(users.length);
});
