/** Invitations, services, the sealed root user, and what ends when rights or passwords change. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, PASSWORD, startOperations } from "./service-kit.ts";

const OTHER = "another long password, not the first";
let kit: Operations;
const policies: Record<string, string> = {};

beforeAll(async () => {
  kit = await startOperations();
  const { result } = await kit.api("GET", "/v1/iam/policies");
  for (const { name, policyId } of result.policies) policies[name] = policyId;
}, 120_000);
afterAll(() => kit?.stop());

const open = (path: string, body: object) => kit.call("POST", path, { body, key: "" });

async function invited(name: string, more: object = {}) {
  const body = { name, ...more };
  const made = await kit.api("POST", "/v1/iam/invitations", body);
  expect(made.error).toBeUndefined();
  const token: string = made.result.link.split("#")[1];
  return { token, ...made.result.invitation };
}

const signIn = (userName: string, password: string) =>
  open("/v1/iam/session:signIn", { accountName: "main", userName, password });

async function sessionOf(userName: string, password = PASSWORD) {
  const { session, result } = await signIn(userName, password);
  const headers = {
    cookie: `__Host-cordon_session=${session}`,
    "x-cordon-csrf": result.csrfToken as string,
  };
  return {
    userId: result.caller.principalId as string,
    call: (method: string, path: string, body?: object) =>
      kit.call(method, path, { key: "", headers, ...(body === undefined ? {} : { body }) }),
  };
}

test("an invitation is accepted once, by a password of the account's rules, with its rights", async () => {
  const { token, userId } = await invited("ada", { policyIds: [policies.Auditor] });
  expect((await signIn("ada", "!")).error?.reason).toBe("iam.signInFailed");
  const told = await open("/v1/iam/invitations:open", { token });
  expect(told.result).toMatchObject({ accountName: "main", userName: "ada" });
  const bad = await open("/v1/iam/invitations:accept", { token, password: "ada ada ada ada" });
  expect(bad.error?.reason).toBe("iam.passwordRefused");
  const both = await Promise.all(
    [PASSWORD, OTHER].map((password) => open("/v1/iam/invitations:accept", { token, password })),
  );
  expect(both.map(({ code }) => code).sort()).toEqual([200, 401]);
  const done = both.find(({ code }) => code === 200);
  expect(done?.result.caller.principalId).toBe(userId);
  for (const path of ["open", "accept"]) {
    const body = path === "open" ? { token } : { token, password: OTHER };
    const again = await open(`/v1/iam/invitations:${path}`, body);
    expect(again.error?.reason).toBe("iam.invitationOver");
  }
});

test("a link that is over, taken back, or of a user with a password by now opens nothing", async () => {
  const late = await invited("late");
  await kit.database.transaction(
    "system",
    (sql) => sql`update invitation
    set expire_time = now() - interval '1 second' where invitation_id = ${late.invitationId}`,
  );
  const back = await invited("back");
  await kit.api("DELETE", `/v1/iam/invitations/${back.invitationId}`);
  expect((await kit.api("GET", `/v1/iam/users/${back.userId}`)).code).toBe(404);
  const set = await invited("set");
  await kit.api("PATCH", `/v1/iam/users/${set.userId}`, { password: PASSWORD });
  const off = await invited("off");
  await kit.api("PATCH", `/v1/iam/users/${off.userId}`, { enabled: false });
  const tokens = [late.token, back.token, set.token, off.token, "x".repeat(43)];
  const answers = await Promise.all(
    tokens.map((token) => open("/v1/iam/invitations:accept", { token, password: OTHER })),
  );
  for (const { code, error } of answers) {
    expect(code).toBe(401);
    expect(error).toEqual(answers[0]?.error);
  }
});

test("a service has keys and is seen as one, and has no password and no session", async () => {
  const body = { name: "robot", kind: "service", policyIds: [policies.Auditor] };
  const { result: robot } = await kit.api("POST", "/v1/iam/users", body);
  const wrong = { ...body, name: "robot2", password: PASSWORD };
  expect((await kit.api("POST", "/v1/iam/users", wrong)).error?.reason).toBe("iam.passwordRefused");
  const none = { name: "nobody" };
  expect((await kit.api("POST", "/v1/iam/users", none)).error?.reason).toBe("iam.passwordRefused");
  const change = { password: PASSWORD };
  const changed = await kit.api("PATCH", `/v1/iam/users/${robot.userId}`, change);
  expect(changed.error?.reason).toBe("iam.passwordRefused");
  const key = await kit.api("POST", "/v1/iam/bearerKeys", { userId: robot.userId, name: "k" });
  const who = await kit.api("GET", "/v1/iam/caller", undefined, key.result.secret);
  expect(who.result.caller.principalType).toBe("service");
  expect((await kit.api("GET", "/v1/iam/users", undefined, key.result.secret)).code).toBe(200);
  expect((await signIn("robot", PASSWORD)).error?.reason).toBe("iam.signInFailed");
});

test("a bearer key works from its networks only", async () => {
  const { result: user } = await kit.api("POST", "/v1/iam/users", { name: "net", kind: "service" });
  const keyFrom = (cidr: string) =>
    kit.api("POST", "/v1/iam/bearerKeys", { userId: user.userId, name: "k", sourceCidrs: [cidr] });
  const [here, there] = [await keyFrom("127.0.0.0/8"), await keyFrom("192.0.2.0/24")];
  const caller = (secret: string) => kit.api("GET", "/v1/iam/caller", undefined, secret);
  expect((await caller(here.result.secret)).code).toBe(200);
  expect((await caller(there.result.secret)).code).toBe(401);
  expect((await keyFrom("10.0.0.0/40")).code).toBe(400);
});

test("other rights end the sessions from before, and a new password renews the own one", async () => {
  await kit.api("POST", "/v1/iam/users", { name: "grown", password: PASSWORD });
  const before = await sessionOf("grown");
  const other = await sessionOf("grown");
  const newPassword = { password: PASSWORD, newPassword: OTHER };
  const changed = await before.call("POST", "/v1/iam/own/password:change", newPassword);
  expect(changed.error).toBeUndefined();
  expect(changed.session).not.toBe("");
  for (const old of [before, other]) {
    expect((await old.call("GET", "/v1/iam/caller")).code).toBe(401);
  }
  const attach = `/v1/iam/policies/${policies.SiteOperator}:attach`;
  const steps: [string, string, (userId: string) => object][] = [
    ["PATCH", "/v1/iam/users/{id}", () => ({ policyIds: [policies.Auditor] })],
    ["POST", attach, (principalId) => ({ principalKind: "user", principalId })],
  ];
  for (const [method, path, body] of steps) {
    const session = await sessionOf("grown", OTHER);
    expect((await session.call("GET", "/v1/iam/caller")).code).toBe(200);
    const done = await kit.api(method, path.replace("{id}", session.userId), body(session.userId));
    expect(done.error, path).toBeUndefined();
    expect((await session.call("GET", "/v1/iam/caller")).code, path).toBe(401);
  }
});

test("the root user is sealed only while another administrator is left, and opened for an hour", async () => {
  const { result: me } = await kit.api("GET", "/v1/iam/caller");
  const seal = (key?: string) => kit.api("POST", "/v1/iam/rootUser:seal", {}, key);
  expect((await seal()).error?.reason).toBe("iam.lastAdministrator");
  const second = { name: "second", password: PASSWORD, policyIds: [policies.Administrator] };
  await kit.api("POST", "/v1/iam/users", second);
  const key = await kit.keyOf("main", "second");
  const session = await sessionOf("admin");
  expect((await seal(key)).code).toBe(200);
  expect((await kit.api("GET", "/v1/iam/caller")).code).toBe(401);
  expect((await session.call("GET", "/v1/iam/caller")).code).toBe(401);
  expect((await signIn("admin", PASSWORD)).error?.reason).toBe("iam.signInFailed");
  const root = `/v1/iam/users/${me.caller.principalId}`;
  const bearer = { userId: me.caller.principalId, name: "k" };
  for (const [method, path, body] of [
    ["PATCH", root, { password: OTHER }],
    ["DELETE", root, undefined],
    ["POST", "/v1/iam/bearerKeys", bearer],
    ["POST", "/v1/iam/accessKeys", { userId: me.caller.principalId }],
  ] as const) {
    const { error } = await kit.api(method, path, body, key);
    expect(error?.reason, `${method} ${path}`).toBe("iam.rootSealed");
  }
  // The one who is left cannot take himself away.
  const none = { policyIds: [], confirmLockOut: true };
  const self = await kit.api("GET", "/v1/iam/caller", undefined, key);
  const gone = await kit.api("PATCH", `/v1/iam/users/${self.result.caller.principalId}`, none, key);
  expect(gone.error?.reason).toBe("iam.lastAdministrator");
  const reason = { reason: "the database is to be moved" };
  expect((await kit.api("POST", "/v1/iam/rootUser:open", { reason: "" }, key)).code).toBe(400);
  expect((await kit.api("POST", "/v1/iam/rootUser:open", reason, key)).code).toBe(200);
  expect((await signIn("admin", PASSWORD)).code).toBe(200);
  const opened = await sessionOf("admin");
  await kit.database.transaction(
    "system",
    (sql) => sql`update iam_user
    set unsealed_until = now() - interval '1 second' where root`,
  );
  expect((await opened.call("GET", "/v1/iam/caller")).code).toBe(401);
  expect((await signIn("admin", PASSWORD)).error?.reason).toBe("iam.signInFailed");
});
