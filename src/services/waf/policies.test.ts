import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import { readIntent } from "../../daemons/gateway/intent.ts";
import { sitePolicies } from "./policy-intent.ts";

let cordon: Operations;
let siteId = "";
beforeAll(async () => {
  cordon = await startOperations();
  const site = { domains: ["shop.localhost"], upstreams: ["http://127.0.0.1:3000"] };
  siteId = (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
});
afterAll(() => cordon?.stop());

const isAdmin = { field: "path", operator: "startsWith", values: ["/admin"] };
const rule = (changes: object = {}) => ({
  siteId,
  name: "admin from the office only",
  when: { all: [isAdmin, { not: { field: "ip", operator: "inCidr", values: ["192.0.2.0/24"] } }] },
  action: { kind: "block" },
  ...changes,
});
const create = (changes: object = {}) => cordon.api("POST", "/v1/waf/customRules", rule(changes));

test("a custom rule is off until it is enabled, then it is part of what the gateways get", async () => {
  const { result: made } = await create();
  expect(made).toMatchObject({ enabled: false, createdBy: "admin", expireTime: null });
  const intentOf = () =>
    cordon.database.transaction("system", async (sql) =>
      (await sitePolicies(sql, Date.now()))(siteId),
    );
  expect((await intentOf()).policy?.rules).toEqual(undefined);
  const path = `/v1/waf/customRules/${made.customRuleId}`;
  await cordon.api("PATCH", path, { enabled: true });
  const { policy } = await intentOf();
  expect(policy?.rules).toEqual([
    {
      customRuleId: made.customRuleId,
      name: made.name,
      when: made.when,
      action: made.action,
      expiresAt: null,
    },
  ]);
  const document = { version: 1, sources: [], rulesets: [], sites: [{ policy }] };
  const faults = readIntent(document).faults.map((fault) => fault.path);
  expect(faults.filter((fault) => fault.startsWith("/sites/0/policy"))).toEqual([]);
  expect((await cordon.api("DELETE", path)).code).toBe(200);
});

test("rules come in their order, and a new one is last", async () => {
  await create({ name: "first", position: 1 });
  await create({ name: "second" });
  await create({ name: "third" });
  const { result } = await cordon.api("GET", `/v1/waf/customRules?siteId=${siteId}`);
  expect(result.customRules.map(({ name }: { name: string }) => name)).toEqual([
    "first",
    "second",
    "third",
  ]);
});

test("a rule that the gateways could not use is refused with its place, and nothing is made", async () => {
  const before = (await cordon.api("GET", "/v1/waf/customRules")).result.totalCount;
  const faults: [object, string, RegExp][] = [
    [{ when: { field: "path", operator: "regex", values: ["a(b"] } }, "/when/values/0", /column/],
    [
      { when: { all: [{ any: [{ field: "header", operator: "exists" }] }] } },
      "/when/all/0/any/0/name",
      /name/,
    ],
    [
      { when: { field: "ip", operator: "inCidr", values: ["10.0.0.0/33"] } },
      "/when/values/0",
      /IP/,
    ],
    [
      { when: { field: "ip", operator: "inList", values: ["alist-0000000000"] } },
      "/when/values/0",
      /list/,
    ],
    [
      { when: { not: { field: "country", operator: "equals", values: ["DE", "France"] } } },
      "/when/not/values/1",
      /two letters/,
    ],
    [{ when: { field: "asn", operator: "equals", values: ["AS1"] } }, "/when/values/0", /number/],
    [
      { when: { field: "country", operator: "startsWith", values: ["Germany"] } },
      "/when/values/0",
      /two letters/,
    ],
    [
      { when: { field: "query", name: "q", operator: "longerThan", values: ["x"] } },
      "/when/values/0",
      /bytes/,
    ],
    [
      { action: { kind: "rewriteHeader", name: "X-Forwarded-For", value: "1" } },
      "/action/name",
      /itself/,
    ],
    [
      { action: { kind: "rewriteHeader", name: "Content-Length", value: "1" } },
      "/action/name",
      /itself/,
    ],
  ];
  for (const [changes, path, message] of faults) {
    const { code, error } = await create(changes);
    expect([code, error?.details[0]?.path], JSON.stringify(changes)).toEqual([400, path]);
    expect(JSON.stringify(error?.details)).toMatch(message);
  }
  const bad = { kind: "rewriteHeader", name: "X-A", value: "1\r\nX-Evil: 1" };
  expect((await create({ action: bad })).code).toBe(400);
  expect((await cordon.api("GET", "/v1/waf/customRules")).result.totalCount).toBe(before);
});

test("a route changes single settings, and a page with a placeholder of no meaning is refused", async () => {
  const route = { siteId, name: "uploads", path: "/upload", uploadBytesMax: 1_000_000 };
  const { result: made } = await cordon.api("POST", "/v1/waf/routes", route);
  expect(made).toMatchObject({ match: "prefix", mode: null, bypass: false });
  const path = `/v1/waf/routes/${made.routeId}`;
  const blockPage = { status: 403, html: "<p>{{requestId}} {{secret}}</p>" };
  const refused = await cordon.api("PATCH", path, { blockPage });
  expect(refused.error).toMatchObject({ reason: "waf.pageInvalid" });
  const good = { status: 451, html: "<p>{{requestId}}</p>" };
  const changed = await cordon.api("PATCH", path, { mode: "observe", blockPage: good });
  expect(changed.result).toMatchObject({ mode: "observe", blockPage: good, name: "uploads" });
  const policy = `/v1/waf/sites/${siteId}/policy`;
  expect((await cordon.api("PATCH", policy, { blockPage })).code).toBe(400);
  expect((await cordon.api("PATCH", policy, { blockPage: good })).result.blockPage).toEqual(good);
  expect((await cordon.api("GET", policy)).result.blockPage).toEqual(good);
});

test("own rules in the rule language are compiled when written; a bad line changes nothing", async () => {
  const policy = `/v1/waf/sites/${siteId}/policy`;
  const good = 'SecRule ARGS:debug "@streq 1" "id:1,phase:2,deny,status:403,msg:\'debug\'"';
  expect((await cordon.api("PATCH", policy, { secLang: good })).result.secLang).toBe(good);
  const bad = `${good}\nSecRule ARGS "@rx (" "id:2,phase:2,deny"`;
  const refused = await cordon.api("PATCH", policy, { secLang: bad });
  expect(refused.error?.reason).toBe("waf.secLangInvalid");
  expect(JSON.stringify(refused.error?.details)).toContain("line 2");
  const reading = 'SecRule ARGS "@pmFromFile /etc/passwd" "id:3,phase:2,deny"';
  expect((await cordon.api("PATCH", policy, { secLang: reading })).code).toBe(400);
  expect((await cordon.api("GET", policy)).result.secLang).toBe(good);
});

test("a virtual patch ends at its time, wherever the clock hangs; what is no time is refused", async () => {
  const policy = `/v1/waf/sites/${siteId}/policy`;
  const use = (expiresAt: string) =>
    cordon.api("PATCH", policy, {
      patches: [{ patchId: "CVE-2021-44228", action: "block", expiresAt }],
    });
  const inUse = (nowMs: number) =>
    cordon.database.transaction("system", async (sql) => {
      const { policy: made } = (await sitePolicies(sql, nowMs))(siteId);
      return made?.patches.map(({ patchId }) => patchId);
    });
  const endMs = Date.parse("2040-01-01T00:00:00Z");
  for (const text of ["2040-01-01T00:00:00Z", "2039-12-31T16:00:00-08:00"]) {
    expect((await use(text)).code, text).toBe(200);
    expect(await inUse(endMs - 1), text).toEqual(["CVE-2021-44228"]);
    expect(await inUse(endMs), text).toEqual([]);
  }
  expect(await use("tomorrow")).toMatchObject({
    code: 400,
    error: { details: [{ path: "/patches/0/expiresAt" }] },
  });
});
