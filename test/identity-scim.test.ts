/** A directory keeps users and groups over SCIM 2.0: raw requests as RFC 7643 and 7644 show. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ERROR, GROUP, named, patch, type ScimCaller, scimCall, USER } from "./scim-client.ts";
import { PASSWORD, rawApi, type Stack, startStack } from "./stack.ts";

let stack: Stack;
let token = "";
let credentialId = "";

beforeAll(async () => {
  stack = await startStack();
  const made = await stack.api("POST", "/v1/iam/scimCredentials", { name: "directory" });
  expect(made.error).toBeUndefined();
  expect(made.result.basePath).toBe("/v1/iam/scim/v2");
  token = made.result.secret;
  credentialId = made.result.scimCredential.scimCredentialId;
}, 120_000);
afterAll(() => stack?.stop());

const scim: ScimCaller = (...call) => scimCall(stack, token, ...call);

/** RFC 7644 §3.3, and the whole representation of RFC 7643 §8.2 where it is Cordon's to keep. */
const bjensen = {
  schemas: [USER],
  userName: "bjensen@example.com",
  externalId: "bjensen",
  name: {
    formatted: "Ms. Barbara J Jensen, III",
    familyName: "Jensen",
    givenName: "Barbara",
    middleName: "Jane",
    honorificPrefix: "Ms.",
    honorificSuffix: "III",
  },
  displayName: "Babs Jensen",
  nickName: "Babs",
  emails: [
    { value: "bjensen@example.com", type: "work", primary: true },
    { value: "babs@jensen.org", type: "home" },
  ],
  addresses: [{ streetAddress: "100 Universal City Plaza", locality: "Hollywood", type: "work" }],
  phoneNumbers: [{ value: "555-555-5555", type: "work" }],
  title: "Tour Guide",
  preferredLanguage: "en-US",
  locale: "en-US",
  timezone: "America/Los_Angeles",
  active: true,
};

async function made(userName: string, more: object = {}) {
  const answer = await scim("POST", "/Users", named(userName, more));
  expect(answer.body.detail).toBeUndefined();
  return answer.body;
}

test("a user is created, read, replaced and deleted as the standard's examples do it", async () => {
  const created = await scim("POST", "/Users", bjensen);
  expect(created.body).toMatchObject({ ...bjensen, meta: { resourceType: "User" } });
  expect(created.code).toBe(201);
  expect(created.headers["content-type"]).toContain("application/scim+json");
  const { id, meta } = created.body;
  expect(created.headers.location).toBe(meta.location);
  expect(created.headers.etag).toBe(meta.version);
  const read = await scim("GET", `/Users/${id}`);
  expect(read.body).toEqual(created.body);
  const some = await scim("GET", `/Users/${id}?attributes=userName,emails.value`);
  expect(some.body.userName).toBe(bjensen.userName);
  expect(some.body.title).toBeUndefined();
  const { title: _, ...without } = bjensen;
  const replaced = await scim("PUT", `/Users/${id}`, { ...without, id, nickName: "B" });
  expect(replaced.code).toBe(200);
  expect(replaced.body).toMatchObject({ id, nickName: "B" });
  expect(replaced.body.title).toBeUndefined();
  expect(replaced.body.meta.version).not.toBe(meta.version);
  const { result: ours } = await stack.api("GET", `/v1/iam/users/${id}`);
  expect(ours).toMatchObject({ name: "bjensen@example.com", directory: true, enabled: true });
  expect((await scim("DELETE", `/Users/${id}`)).code).toBe(204);
  const gone = await scim("GET", `/Users/${id}`);
  expect(gone.code).toBe(404);
  expect(gone.body).toMatchObject({ schemas: [ERROR], status: "404" });
});

test("filters, sorting and pages find what they say and refuse what they cannot read", async () => {
  for (const at of [1, 2, 3, 4, 5]) {
    const emails = [{ value: `p${at}@example.com`, type: at % 2 ? "work" : "home" }];
    await made(`page${at}`, { displayName: `P ${6 - at}`, emails, active: at !== 5 });
  }
  const find = async (filter: string, more = "") => {
    const { code, body } = await scim("GET", `/Users?filter=${encodeURIComponent(filter)}${more}`);
    expect(code, JSON.stringify(body)).toBe(200);
    return body.Resources.map((user: { userName: string }) => user.userName);
  };
  expect(await find('userName eq "page3"')).toEqual(["page3"]);
  expect(await find('USERNAME Eq "PAGE3"')).toEqual(["page3"]);
  expect(await find('userName sw "page" and active eq false')).toEqual(["page5"]);
  expect(await find('userName sw "page" and not (emails.type eq "work")')).toEqual([
    "page2",
    "page4",
  ]);
  expect(await find('emails[type eq "work" and value co "p1@"]')).toEqual(["page1"]);
  expect(await find('displayName pr and userName ew "2"')).toEqual(["page2"]);
  const sorted = "&sortBy=displayName&sortOrder=ascending";
  expect(await find('userName sw "page"', sorted)).toEqual([
    ...["page5", "page4", "page3", "page2", "page1"],
  ]);
  const { body } = await scim(
    "GET",
    "/Users?filter=userName%20sw%20%22page%22&startIndex=2&count=2",
  );
  expect(body).toMatchObject({ totalResults: 5, startIndex: 2, itemsPerPage: 2 });
  expect(body.Resources).toHaveLength(2);
  expect((await scim("GET", "/Users?count=0")).body.Resources ?? []).toEqual([]);
  expect((await scim("GET", "/Users?count=-3&startIndex=-1")).code).toBe(200);
  for (const wrong of ["userName xx 5", "(((", 'userName eq "a', "eq", '"']) {
    const answer = await scim("GET", `/Users?filter=${encodeURIComponent(wrong)}`);
    expect(answer.code, wrong).toBe(400);
    expect(answer.body).toMatchObject({ schemas: [ERROR], scimType: "invalidFilter" });
  }
});

test("PATCH adds, replaces and removes by every form of path", async () => {
  const { id } = await made("patched", { emails: [{ value: "a@example.com", type: "work" }] });
  const change = async (...operations: object[]) => {
    const { code, body } = await scim("PATCH", `/Users/${id}`, patch(...operations));
    expect(code, JSON.stringify(body)).toBe(200);
    return body;
  };
  const added = await change({
    op: "add",
    value: { nickName: "Pat", emails: [{ value: "b@example.com", type: "home" }] },
  });
  expect(added).toMatchObject({ nickName: "Pat" });
  expect(added.emails).toHaveLength(2);
  const path = 'emails[type eq "work"].value';
  const replaced = await change({ op: "replace", path, value: "c@example.com" });
  expect(replaced.emails.map((one: { value: string }) => one.value)).toContain("c@example.com");
  const removed = await change({ op: "remove", path: 'emails[type eq "home"]' });
  expect(removed.emails).toHaveLength(1);
  expect((await change({ op: "add", path: "name.givenName", value: "P" })).name.givenName).toBe(
    "P",
  );
  expect((await change({ op: "remove", path: "nickName" })).nickName).toBeUndefined();
  // As one large directory writes it.
  expect((await change({ op: "Replace", path: "active", value: "False" })).active).toBe(false);
  expect((await change({ op: "Replace", value: { active: "True" } })).active).toBe(true);
  for (const wrong of [
    { op: "remove" },
    { op: "jump", path: "active" },
    { op: "replace", path: "no.such.path", value: 1 },
    { op: "replace", path: "id", value: "user-0000000000" },
    { op: "replace", path: "groups", value: [{ value: "grp-0000000000" }] },
  ]) {
    const before = (await scim("GET", `/Users/${id}`)).body;
    const answer = await scim("PATCH", `/Users/${id}`, patch(wrong));
    const after = (await scim("GET", `/Users/${id}`)).body;
    expect({ ...after, meta: 0 }, JSON.stringify([wrong, answer])).toEqual({ ...before, meta: 0 });
  }
  const many = Array.from({ length: 101 }, () => ({ op: "remove", path: "title" }));
  expect((await scim("PATCH", `/Users/${id}`, patch(...many))).body.scimType).toBe("tooMany");
});

test("groups hold the directory's users, and what Cordon gives them stays", async () => {
  const [one, two] = [await made("member1"), await made("member2")];
  const created = await scim("POST", "/Groups", {
    ...{ schemas: [GROUP], displayName: "Tour Guides", externalId: "tg" },
    members: [{ value: one.id }],
  });
  expect(created.code).toBe(201);
  const { id } = created.body;
  expect(created.body.members).toMatchObject([{ value: one.id, display: "member1" }]);
  const { result: policies } = await stack.api("GET", "/v1/iam/policies");
  const auditor = policies.policies.find((one: { name: string }) => one.name === "Auditor");
  const attach = { principalKind: "group", principalId: id };
  expect(
    (await stack.api("POST", `/v1/iam/policies/${auditor.policyId}:attach`, attach)).code,
  ).toBe(200);
  const local = await stack.api("POST", "/v1/iam/users", { name: "local", password: PASSWORD });
  const { userId } = local.result;
  await stack.api("POST", `/v1/iam/groups/${id}/members:add`, { userId });
  const more = { op: "add", path: "members", value: [{ value: two.id }] };
  expect((await scim("PATCH", `/Groups/${id}`, patch(more))).body.members).toHaveLength(2);
  const less = { op: "remove", path: `members[value eq "${one.id}"]` };
  expect((await scim("PATCH", `/Groups/${id}`, patch(less))).body.members).toMatchObject([
    { value: two.id },
  ]);
  expect((await scim("GET", `/Users/${two.id}`)).body.groups).toMatchObject([{ value: id }]);
  const all = { op: "replace", path: "members", value: [{ value: one.id }] };
  await scim("PATCH", `/Groups/${id}`, patch(all));
  const { result: group } = await stack.api("GET", `/v1/iam/groups/${id}`);
  expect(group.userIds.sort()).toEqual([one.id, userId].sort());
  expect(group.policyIds).toEqual([auditor.policyId]);
  const stranger = { op: "add", path: "members", value: [{ value: userId }] };
  expect((await scim("PATCH", `/Groups/${id}`, patch(stranger))).code).toBe(400);
  const found = await scim(
    "GET",
    `/Groups?filter=${encodeURIComponent('displayName eq "tour guides"')}`,
  );
  expect(found.body.totalResults).toBe(1);
  expect((await scim("DELETE", `/Groups/${id}`)).code).toBe(204);
});

test("who leaves the directory loses sessions and keys at once, and a key does not come back", async () => {
  const { id } = await made("leaver");
  const made2 = await stack.api("POST", "/v1/iam/bearerKeys", { userId: id, name: "k" });
  const key: string = made2.result.secret;
  const caller = () => stack.api("GET", "/v1/iam/caller", undefined, key);
  expect((await caller()).code).toBe(200);
  await scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "active", value: false }));
  expect((await caller()).code).toBe(401);
  await scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "active", value: true }));
  expect((await caller()).code).toBe(401);
});

test("a version that is no more changes nothing, and a known one is not sent again", async () => {
  const { id, meta } = await made("versioned");
  const known = await scim("GET", `/Users/${id}`, undefined, { "if-none-match": meta.version });
  expect(known.code).toBe(304);
  const put = (version: string, title: string) =>
    scim("PUT", `/Users/${id}`, named("versioned", { title }), { "if-match": version });
  expect((await put(meta.version, "first")).code).toBe(200);
  const late = await put(meta.version, "second");
  expect(late.code).toBe(412);
  expect((await scim("GET", `/Users/${id}`)).body.title).toBe("first");
  const del = await scim("DELETE", `/Users/${id}`, undefined, { "if-match": meta.version });
  expect(del.code).toBe(412);
});

test("names are unique, local users are not seen and not taken over", async () => {
  await made("twice", { externalId: "t1" });
  for (const again of [named("twice"), named("TWICE"), named("other", { externalId: "t1" })]) {
    const answer = await scim("POST", "/Users", again);
    expect(answer.code, JSON.stringify(again)).toBe(409);
    expect(answer.body.scimType).toBe("uniqueness");
  }
  expect((await scim("POST", "/Users", named("admin"))).code).toBe(409);
  const { result: who } = await stack.api("GET", "/v1/iam/caller");
  const admin = `/Users/${who.caller.principalId}`;
  expect((await scim("GET", admin)).code).toBe(404);
  expect((await scim("DELETE", admin)).code).toBe(404);
  expect(
    (await scim("PATCH", admin, patch({ op: "replace", path: "active", value: false }))).code,
  ).toBe(404);
  const list = await scim("GET", '/Users?filter=userName%20eq%20"admin"');
  expect(list.body.totalResults).toBe(0);
  const wrong = [
    ...[named(""), named("a b"), named("x", { password: PASSWORD }), { schemas: [USER] }],
    ...[{ userName: "x" }, named("x", { title: "t".repeat(20_000) })],
  ];
  for (const body of wrong) expect((await scim("POST", "/Users", body)).code).toBe(400);
});

test("the token opens SCIM and nothing else, from where it may, until it is deleted", async () => {
  for (const [method, path, body] of [
    ["GET", "/v1/iam/users", undefined],
    ["POST", "/v1/iam/users", { name: "mallory", password: PASSWORD }],
    ["GET", "/v1/waf/sites", undefined],
    ["POST", "/v1/iam/scimCredentials", { name: "more" }],
  ] as const) {
    expect((await stack.api(method, path, body, token)).code, path).toBe(403);
  }
  const far = { name: "far", sourceCidrs: ["192.0.2.0/24"] };
  const { result } = await stack.api("POST", "/v1/iam/scimCredentials", far);
  const path = "/v1/iam/scim/v2/Users";
  const refused = await rawApi(stack.consolePort, { method: "GET", path, key: result.secret });
  expect(refused.code).toBe(401);
  expect(JSON.parse(refused.text)).toMatchObject({ schemas: [ERROR], status: "401" });
  for (const [name, count] of [
    ["ServiceProviderConfig", 1],
    ["ResourceTypes", 2],
    ["Schemas", 2],
  ] as const) {
    const { code, body } = await scim("GET", `/${name}`);
    expect(code, name).toBe(200);
    expect((body.Resources ?? [body]).length, name).toBeGreaterThanOrEqual(count);
  }
  await stack.api("DELETE", `/v1/iam/scimCredentials/${credentialId}`);
  expect((await scim("GET", "/Users")).code).toBe(401);
});
