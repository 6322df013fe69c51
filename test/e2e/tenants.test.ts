/** Two accounts on one Cordon: neither sees, changes or learns anything of the other. */
import fc from "fast-check";
import { Value } from "typebox/value";
import { afterAll, beforeAll, expect, test } from "vitest";
import { requestOf } from "../../src/cli/api-client.ts";
import type { Operation } from "../../src/kernel/operation.ts";
import { idFieldsOf, idsOf, type Schema, sampleOf, targets } from "../catalog-samples.ts";
import { type ApiReply, PASSWORD, type Stack, signInForKey, startStack } from "../stack.ts";
import { type Caller, callersOf, powerlessKey } from "./callers.ts";
import { deadCredentials } from "./dead-credentials.ts";
import { fillAccount, fillFromCatalog, PLANTED } from "./filled-account.ts";
import { moreCredentials, trusting } from "./more-credentials.ts";

/** The full number is 100,000. */
const REQUESTS = Number(process.env.CORDON_TENANT_REQUESTS ?? 10_000);
const AT_ONCE = 24;

let stack: Stack;
let stranger = "";
const EVE = { accountName: "other", userName: "eve", password: PASSWORD };
let callers: ReturnType<typeof callersOf>;
let victimId = "";
/** Ids of the first account's things, by the field that names them. */
let ids: Record<string, string[]> = {};
/** And by the prefix of the id, as lists show them. */
let idsByPrefix = new Map<string, string[]>();

beforeAll(async () => {
  stack = await startStack();
  const other = { name: "other", userName: "eve", password: PASSWORD };
  await stack.api("POST", "/v1/account/accounts", other);
  stranger = await signInForKey(stack.consolePort, EVE);
  ids = await fillAccount(stack);
  victimId = ids.accountId?.[0] ?? "";
  await fillFromCatalog(stack);
  const own = await idsOf((method, path) => stack.api(method, path, undefined, stranger));
  const shown = await idsOf((method, path) => stack.api(method, path));
  idsByPrefix = new Map(
    [...shown].flatMap(([prefix, list]) => {
      const theirs = list.filter((id) => !(own.get(prefix) ?? []).includes(id));
      return theirs.length === 0 ? [] : [[prefix, theirs]];
    }),
  );
  const dead = await deadCredentials(stack, { key: stranger, accountName: EVE.accountName });
  const more = await moreCredentials(stack, stranger);
  const named = { name: DIRECTORY };
  const directory = await stack.api("POST", "/v1/iam/scimCredentials", named, stranger);
  callers = callersOf(stack, {
    ...more,
    ...{ bearer: stranger, directory: directory.result.secret, dead },
    powerless: await powerlessKey(stack),
  });
}, 240_000);

afterAll(async () => {
  callers?.end();
  await stack?.stop();
});

/** With these the stranger ends himself, and all that comes after is refused to nobody. */
const ENDING_ONESELF = new Set(["iam.signOut", "iam.sealRootUser"]);

/** Trust documents name the accounts that they trust. */
const STORING = new Set(["iam.createRole", "iam.updateRole"]);

/** A value for one input field: an id of the victim where there is one. */
function fieldValue(name: string, prefix: string | undefined): fc.Arbitrary<unknown> | undefined {
  const known = ids[name] ?? idsByPrefix.get(prefix ?? "");
  const foreign = fc.constantFrom(...(known ?? [victimId]));
  if (name.endsWith("Ids") && known !== undefined) return foreign.map((id) => [id]);
  if (name === "entryId") return fc.integer({ min: 0, max: 30 }).map(String);
  if (name.endsWith("Id") && (known !== undefined || prefix === undefined)) return foreign;
  const values: Record<string, fc.Arbitrary<unknown>> = {
    cidr: fc.constantFrom("203.0.113.9", "198.51.100.0/24"),
    ttlSeconds: fc.constant(60),
    action: fc.constantFrom("block", "waf:GetSite"),
    resource: fc.constantFrom("*", `crn:waf::${victimId}:site/*`),
    tags: fc.constant({ owner: "eve" }),
    sessionName: fc.constant("eve"),
    durationSeconds: fc.constant(900),
    principalKind: fc.constantFrom("user", "group", "role"),
    principalId: fc.constantFrom(
      ...[...(ids.userId ?? []), ...(ids.groupId ?? []), ...(ids.roleId ?? [])],
    ),
    trust: fc.constant(trusting({ account: victimId })),
    document: fc.constant({
      version: "1",
      statement: [{ effect: "allow", action: "*", resource: "*" }],
    }),
    confirmLockOut: fc.constant(true),
    sourceCidrs: fc.constant(["127.0.0.0/8"]),
    requireMfa: fc.constant(false),
    mode: fc.constant("off"),
    domains: fc.constant(["victim.localhost"]),
    upstreams: fc.constant(["http://127.0.0.1:9"]),
    target: fc.constant("/"),
    ruleId: fc.constant(942100),
    password: fc.constant(PASSWORD),
    enabled: fc.boolean(),
    status: fc.constant("resolved"),
    note: fc.constant("was here"),
    name: fc.constantFrom("x", "bob"),
    filters: fc.constantFrom(
      [{ name: "siteId", values: [victimId] }],
      [{ name: "sourceIp", values: ["' OR 1=1 --"] }],
    ),
    text: fc.constantFrom("victim", "') OR 1=1 --"),
    field: fc.constant("host"),
  };
  return values[name];
}

function inputFor(operation: Operation): fc.Arbitrary<Record<string, unknown>> {
  const required = new Set(operation.input.required ?? []);
  const properties = operation.input.properties as unknown as Readonly<Record<string, Schema>>;
  const prefixes = new Map(idFieldsOf(operation).map(({ name, prefix }) => [name, prefix]));
  const fields: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, schema] of Object.entries(properties)) {
    // Where the test has no value of its own, one that the operation's schema lets through.
    const value = fieldValue(name, prefixes.get(name)) ?? fc.constant(sampleOf(schema));
    const given = value.map((one) => (Value.Check(schema, one) ? one : sampleOf(schema)));
    fields[name] = required.has(name) ? given : fc.option(given, { nil: undefined });
  }
  return fc
    .record(fields)
    .map((input) =>
      Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)),
    );
}

const DIRECTORY = "directory of the stranger";
/** Himself, his own role's session, or his own directory. */
const isStranger = (name: string): boolean => ["eve", "all/eve", DIRECTORY].includes(name);

/** What the stranger has stored in his own account; it comes back to him, rightly. */
let stored = "";

/** A text that would tell the stranger something: any id or name of the first account. */
function leaks(reply: ApiReply, input: Record<string, unknown>): string | undefined {
  if (reply.code !== 200) return undefined;
  // The stranger's own record repeats what the stranger sent; there it is whose entries they are.
  if (Array.isArray(reply.result.entries)) {
    const entries: { principalName: string }[] = reply.result.entries;
    return entries.find((entry) => !isStranger(entry.principalName))?.principalName;
  }
  if (reply.result.entry !== undefined) {
    const { principalName } = reply.result.entry;
    return isStranger(principalName) ? undefined : principalName;
  }
  const text = JSON.stringify(reply.result);
  const given = JSON.stringify(input) + stored;
  const all = [...Object.values(ids), ...idsByPrefix.values()].flat();
  const secrets = [...all, "victim.localhost", ...Object.values(PLANTED)];
  return secrets.find((secret) => text.includes(secret) && !given.includes(secret));
}

/** Whoever is signed in may these, about himself alone. */
const ONESELF = /^iam\.(?:getCaller|signOut|\w*Own\w*)$/;

/** Every third call is by a credential that has ended, every sixth by one without any right. */
function callerFor(at: number): Caller {
  const { strangers, powerless, dead } = callers;
  const of = (list: readonly Caller[]) => list[Math.floor(at / 6) % list.length] ?? powerless;
  if (at % 3 === 2) return of(dead);
  return at % 6 === 0 ? powerless : of(strangers);
}

test(`${REQUESTS} random calls of a stranger reach nothing of another account`, {
  timeout: 900_000 + REQUESTS * 20,
}, async () => {
  const seed = Date.now() & 0x7fffffff;
  process.stdout.write(`seed ${seed}\n`);
  const before = await snapshot();
  const perTarget = Math.ceil(REQUESTS / targets.length);
  const inputs = targets.map((target) => ({
    ...{ target, inputs: fc.sample(inputFor(target.operation), { numRuns: perTarget, seed }) },
  }));
  // One of each operation in turn, so that none is asked faster than its limit of rate.
  const calls = Array.from({ length: perTarget }, (_, at) =>
    inputs.map(({ target, inputs: all }) => ({ target, input: all[at] ?? {} })),
  ).flat();
  const answers = new Map<string, number>();
  let done = 0;
  const worker = async (): Promise<void> => {
    for (let call = calls.pop(); call !== undefined; call = calls.pop()) {
      const { contract, operation } = call.target;
      if (ENDING_ONESELF.has(operation.name)) continue;
      const caller = callerFor(done);
      done += 1;
      // Before the call: another worker may read it back before this one has its answer.
      if (STORING.has(operation.name)) stored += JSON.stringify(call.input.trust);
      const { service } = contract;
      const reply = await caller.send({ ...requestOf(contract, operation, call.input), service });
      const answer = `${caller.kind} ${reply.code}`;
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      const about = `${operation.name} by ${caller.name} ${JSON.stringify(call.input)}`;
      // The rate of an operation is limited before anybody is asked who he is.
      if (reply.code === 429) continue;
      if (caller.kind === "dead") expect(reply.code, about).toBe(401);
      else if (caller.kind === "stranger") {
        expect(leaks(reply, call.input), about).toBeUndefined();
        // One who has ended is refused everything, and that would prove nothing.
        expect(reply.code, about).not.toBe(401);
      } else if (!ONESELF.test(operation.name)) expect(reply.code, about).toBeGreaterThan(399);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const counted = [...answers].sort(([one], [other]) => one.localeCompare(other));
  process.stdout.write(`${done} calls: ${counted.map((pair) => pair.join(" × ")).join(", ")}\n`);
  expect(done).toBeGreaterThan(REQUESTS * 0.9);
  const limited = counted.filter(([name]) => name.endsWith("429")).map(([, count]) => count);
  expect(limited.reduce((sum, count) => sum + count, 0)).toBeLessThan(done / 50);
  expect(await snapshot()).toEqual(before);
});

/** Everything of the first account that a stranger might have changed. */
async function snapshot() {
  const paths = [
    "/v1/waf/sites",
    "/v1/waf/exclusions",
    "/v1/waf/listEntries",
    "/v1/iam/users",
    "/v1/iam/policies",
    "/v1/iam/bearerKeys",
    "/v1/iam/accessKeys",
    "/v1/iam/groups",
    "/v1/iam/roles",
    "/v1/iam/resourcePolicies",
    "/v1/iam/securitySettings",
    "/v1/sts/roleSessions",
    "/v1/incident/responses",
    "/v1/incident/automaticResponse",
  ];
  const parts: unknown[] = [];
  for (const path of paths) {
    const { result } = await stack.api("GET", path);
    parts.push(
      JSON.parse(
        JSON.stringify(result, (name, value) =>
          /^(lastUseTime|state|stateReason|lastSignInTime)$/.test(name) ? null : value,
        ),
      ),
    );
  }
  return parts;
}

test("a thing of another account and a thing that does not exist answer alike", async () => {
  // Random calls may have ended the first stranger himself.
  const another = { name: "another", userName: "mallory", password: PASSWORD };
  expect((await stack.api("POST", "/v1/account/accounts", another)).code).toBe(200);
  const { userName, password } = another;
  stranger = await signInForKey(stack.consolePort, { accountName: "another", userName, password });
  const missing: Record<string, string> = {
    siteId: "site-0000000000",
    userId: "user-0000000000",
    policyId: "pol-0000000000",
    exclusionId: "excl-0000000000",
    listEntryId: "list-0000000000",
    responseId: "resp-0000000000",
    groupId: "grp-0000000000",
    roleId: "role-0000000000",
    accessKeyId: "ak-0000000000",
    roleSessionId: "rs-0000000000",
    requestId: "req-0000000000",
  };
  const paths = (id: Record<string, string>) =>
    [
      ["GET", `/v1/waf/sites/${id.siteId}`],
      ["DELETE", `/v1/waf/sites/${id.siteId}`],
      ["DELETE", `/v1/waf/exclusions/${id.exclusionId}`],
      ["DELETE", `/v1/waf/listEntries/${id.listEntryId}`],
      ["GET", `/v1/iam/users/${id.userId}`],
      ["GET", `/v1/iam/policies/${id.policyId}`],
      ["POST", `/v1/incident/responses/${id.responseId}:revoke`],
      ["GET", `/v1/iam/groups/${id.groupId}`],
      ["DELETE", `/v1/iam/groups/${id.groupId}`],
      ["GET", `/v1/iam/roles/${id.roleId}`],
      ["POST", `/v1/iam/roles/${id.roleId}:revokeSessions`],
      ["DELETE", `/v1/iam/accessKeys/${id.accessKeyId}`],
      ["DELETE", `/v1/sts/roleSessions/${id.roleSessionId}`],
      ["GET", `/v1/iam/decisions/${id.requestId}`],
      ["GET", `/v1/iam/policies/${id.policyId}/versions`],
      ["POST", `/v1/iam/users/${id.userId}:resetFactors`],
    ] as const;
  const real = Object.fromEntries(Object.entries(ids).map(([name, list]) => [name, list[0] ?? ""]));
  for (const [at, [method, path]] of paths(real).entries()) {
    const body = method === "POST" ? {} : undefined;
    const other = await stack.api(method, path, body, stranger);
    const [, none = ""] = paths(missing)[at] ?? [];
    const absent = await stack.api(method, none, body, stranger);
    expect({ code: other.code, error: other.error }).toEqual({
      code: absent.code,
      error: absent.error,
    });
    expect(other.code, path).toBe(404);
  }
  const session = { sessionName: "eve" };
  const theirs = await stack.api("POST", `/v1/sts/roles/${real.roleId}:assume`, session, stranger);
  const none = await stack.api("POST", "/v1/sts/roles/role-0000000000:assume", session, stranger);
  expect(theirs).toEqual(none);
  expect(theirs.error?.reason).toBe("sts.assumeRefused");
});

test("an auditor reads everything and changes nothing", async () => {
  const { result } = await stack.api("GET", "/v1/iam/policies");
  const auditor = result.policies.find((policy: { name: string }) => policy.name === "Auditor");
  await stack.api("POST", "/v1/iam/users", {
    name: "audrey",
    password: PASSWORD,
    policyIds: [auditor.policyId],
  });
  const signedIn = { accountName: "main", userName: "audrey", password: PASSWORD };
  // An auditor may not make a key, so the administrator makes one for her.
  const users = await stack.api("GET", "/v1/iam/users");
  const audrey = users.result.users.find(
    (user: { name: string }) => user.name === signedIn.userName,
  );
  const made = await stack.api("POST", "/v1/iam/bearerKeys", {
    userId: audrey.userId,
    name: "audit",
  });
  const key = made.result.secret;
  for (const path of [
    "/v1/waf/sites",
    "/v1/audit/entries",
    "/v1/iam/users",
    "/v1/incident/incidents",
    "/v1/events/events",
  ]) {
    expect((await stack.api("GET", path, undefined, key)).code, path).toBe(200);
  }
  const site = ids.siteId?.[0];
  expect((await stack.api("PATCH", `/v1/waf/sites/${site}`, { mode: "off" }, key)).code).toBe(403);
  expect((await stack.api("DELETE", `/v1/waf/sites/${site}`, undefined, key)).code).toBe(403);
  expect(
    (await stack.api("POST", "/v1/iam/users", { name: "mallory", password: PASSWORD }, key)).code,
  ).toBe(403);
  expect(
    (
      await stack.api(
        "POST",
        "/v1/incident/responses:blockSource",
        { cidr: "203.0.113.1", ttlSeconds: 60 },
        key,
      )
    ).code,
  ).toBe(403);
});

test("malformed input answers 400 with the path of each fault and changes nothing", async () => {
  const wrong = await stack.api("POST", "/v1/waf/sites", {
    domains: [5],
    upstreams: [],
    extra: true,
  });
  expect(wrong.code).toBe(400);
  expect(wrong.error?.details.map((fault) => fault.path)).toEqual(
    expect.arrayContaining(["/domains/0", "/upstreams", "/extra"]),
  );
  expect((await stack.api("GET", "/v1/waf/sites", undefined, "cordon_wrong")).code).toBe(401);
  const condition = { StringEqualz: { "cordon:UserName": "a" } };
  const statement = [{ effect: "allow", action: "*", resource: "*", condition }];
  const policy = await stack.api("POST", "/v1/iam/policies", {
    name: "bad",
    document: { version: "1", statement },
  });
  expect(policy.code).toBe(400);
  expect(policy.error?.details[0]?.path).toBe("statement[0].condition.StringEqualz");
});
