import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type RuleCondition,
  sitePolicyDefaults,
} from "../../../kernel/intent/site-policy-document.ts";
import type { Inspection } from "../inspect.ts";
import { routeOf, ruleOf, startGuarded, statusOf } from "./test-kit.ts";

/** Rules that want to refuse whatever has `attack` in its path. */
const inspection = (refuses: () => boolean): Inspection => {
  let isHit = false;
  return {
    wantsRequestBody: true,
    requestHead: (head) => {
      isHit = refuses() && head.target.includes("attack");
      return isHit ? 403 : 0;
    },
    requestBody: () => 0,
    responseHead: () => 0,
    wantsResponseBody: () => false,
    responseBody: () => 0,
    location: () => "",
    finish: () => ({ score: isHit ? 5 : 0, threshold: 5, matches: [] }),
  };
};

let guarded: Awaited<ReturnType<typeof startGuarded>>;
beforeAll(async () => {
  guarded = await startGuarded({
    inspectorOf: () => (site) => (site.mode === "off" ? null : inspection(() => true)),
  });
});
afterAll(() => guarded?.stop());

const when = (condition: RuleCondition) => ({ rules: [ruleOf({ when: condition })] });
const status = async (target: string, given: Parameters<typeof guarded.ask>[1] = {}) =>
  statusOf(await guarded.ask(target, given));

test("a route bypasses the rule set below its path, and no spelling reaches further", async () => {
  guarded.use({ routes: [routeOf({ path: "/static", bypass: true })] });
  expect(await status("/static/attack")).toBe(200);
  expect(guarded.events.at(-1)?.unmapped.cordon.policy?.routeId).toBe("route-1");
  for (const path of [
    "/attack",
    "/staticattack",
    "/static/../attack",
    "/static/%2e%2e/attack",
    "/static/..%2fattack",
    "/static/%252e%252e%252fattack",
    "/static/..;/attack",
    "/static\\..\\attack",
    "/static//../attack",
  ]) {
    expect(await status(path), path).toBe(403);
  }
});

test("a path that servers read differently gets the stronger of each setting of route and site", async () => {
  const route = { mode: "observe", requestBodyBytesMax: 1_000, uploadBytesMax: 10 } as const;
  guarded.use({ routes: [routeOf({ path: "/form", ...route })] });
  const post = { method: "POST", body: "0123456789a" };
  for (const path of ["/form", "//form", "/form;x", "/form%2fx", "/y/..;/form", "/%2566orm"]) {
    expect(await status(path, post), path).toBe(413);
  }
  expect(await status("/form?attack")).toBe(200);
  expect(await status("//form?attack")).toBe(403);
  guarded.use(
    {
      routes: [
        routeOf({ path: "/open", bypass: true }),
        routeOf({ routeId: "route-2", path: "/open/shut", mode: "block" }),
      ],
    },
    { mode: "observe" },
  );
  expect(await status("/open/x?attack")).toBe(200);
  expect(await status("/open/..;/open/shut?attack")).toBe(403);
});

test("a path can be observed while the rest of the site blocks, and the other way round", async () => {
  guarded.use({ routes: [routeOf({ match: "glob", path: "/api/*/report", mode: "observe" })] });
  expect(await status("/api/7/report?attack")).toBe(200);
  expect(guarded.events.at(-1)?.unmapped.cordon).toMatchObject({
    mode: "observe",
    wouldBlock: true,
  });
  expect(await status("/api/7/8/report?attack")).toBe(403);
  const block = routeOf({ match: "exact", path: "/admin", mode: "block" });
  guarded.use({ routes: [block] }, { mode: "observe" });
  expect(await status("/admin?attack")).toBe(403);
  expect(await status("/%61dmin?attack")).toBe(403);
  expect(await status("/admin/x?attack")).toBe(200);
});

test("a route bounds its uploads, told by length or not", async () => {
  guarded.use({ routes: [routeOf({ path: "/form", uploadBytesMax: 10 })] });
  const post = { method: "POST" };
  expect(await status("/form", { ...post, body: "0123456789" })).toBe(200);
  expect(await status("/form", { ...post, body: "0123456789a" })).toBe(413);
  expect(guarded.decisions()).toMatchObject([{ kind: "upload", enforced: true }]);
  expect(await status("/form", { ...post, body: "0123456789a", chunked: true })).toBe(413);
});

test("conditions see each part of a request as the back end would read it", async () => {
  const cases: [RuleCondition, string, Parameters<typeof guarded.ask>[1]][] = [
    [{ field: "path", operator: "startsWith", values: ["/wp-admin"] }, "/%77p-admin/x", {}],
    [{ field: "method", operator: "equals", values: ["DELETE"] }, "/", { method: "DELETE" }],
    [{ field: "query", name: "q", operator: "contains", values: ["a b"] }, "/?x=1&q=a%20b", {}],
    [{ field: "ip", operator: "inCidr", values: ["10.0.0.0/8", "127.0.0.0/8"] }, "/", {}],
    [
      { field: "header", name: "X-Token", operator: "regex", values: ["^[0-9]{4}$"] },
      "/",
      { fields: "x-token: 0042\r\n" },
    ],
    [
      { field: "cookie", name: "role", operator: "equals", values: ["admin"] },
      "/",
      { fields: "Cookie: a=b; role=admin\r\n" },
    ],
    [{ not: { field: "userAgent", operator: "exists" } }, "/", {}],
    [
      {
        field: "bodyField",
        name: "user.name",
        operator: "endsWith",
        values: ["OT"],
        ignoreCase: true,
      },
      "/",
      {
        method: "POST",
        fields: "Content-Type: application/json\r\n",
        body: '{"user":{"name":"root"}}',
      },
    ],
    [
      {
        all: [
          { field: "query", name: "q", operator: "longerThan", values: ["3"] },
          { not: { field: "query", name: "q", operator: "longerThan", values: ["4"] } },
        ],
      },
      "/?q=1234",
      {},
    ],
  ];
  for (const [condition, target, given] of cases) {
    guarded.use(when(condition));
    expect(await status(target, given), JSON.stringify(condition)).toBe(403);
    expect(guarded.decisions()).toMatchObject([{ kind: "rule", id: "crule-1", enforced: true }]);
    const other = {
      method: "POST",
      fields: "User-Agent: x\r\nContent-Type: text/plain\r\n",
      body: "x",
    };
    if (JSON.stringify(condition).includes("inCidr")) continue;
    expect(await status("/other", other), JSON.stringify(condition)).toBe(200);
  }
});

test("a rule that allows holds for no path that a server could take for another", async () => {
  const assets: RuleCondition = { field: "path", operator: "startsWith", values: ["/assets/"] };
  guarded.use({ rules: [ruleOf({ when: assets, action: { kind: "allow", skipsRules: true } })] });
  expect(await status("/assets/%61?attack")).toBe(200);
  for (const path of [
    "/assets/..;/attack",
    "/assets/..%5cattack",
    "/assets/%252e%252e/attack",
    "/x/..%2fassets/attack",
    "//assets/attack",
  ]) {
    expect(await status(path), path).toBe(403);
  }
});

test("a rule that stops holds for every spelling that a server could take for its path", async () => {
  const equals = (path: string) => ({
    field: "path" as const,
    operator: "equals" as const,
    values: [path],
  });
  guarded.use(when(equals("/secret")));
  for (const path of ["/secret;x", "/;/secret", "/a/..;/secret", "/%2573ecret", "/a\\..\\secret"]) {
    expect(await status(path), path).toBe(403);
  }
  guarded.use(when({ not: equals("/open") }));
  expect(await status("/open")).toBe(200);
  expect(await status("/x/..%2fopen")).toBe(403);
  guarded.use({ bots: { ...sitePolicyDefaults.bots, honeypotPaths: ["/trap"] } });
  expect(await status("/trap;x")).toBe(403);
});

test("rules decide in their order: one that allows ends it, also for one that reads the body", async () => {
  const form = {
    method: "POST",
    fields: "Content-Type: application/x-www-form-urlencoded\r\n",
    body: "kind=good",
  };
  const good: RuleCondition = {
    field: "bodyField",
    name: "kind",
    operator: "equals",
    values: ["good"],
  };
  guarded.use({
    rules: [
      ruleOf({ customRuleId: "allow", when: good, action: { kind: "allow" } }),
      ruleOf({ customRuleId: "block" }),
    ],
  });
  expect(await status("/", form)).toBe(200);
  expect(await status("/", { ...form, body: "kind=bad" })).toBe(403);
  expect(await status("/")).toBe(403);
});

test("in mode observe a rule refuses nothing, and the event says that it would have", async () => {
  guarded.use({ rules: [ruleOf()] }, { mode: "observe" });
  expect(await status("/")).toBe(200);
  expect(guarded.events.at(-1)?.unmapped.cordon.wouldBlock).toBe(true);
  expect(guarded.decisions()).toMatchObject([{ action: "block", enforced: false }]);
});

test("a rule ends at its time", async () => {
  guarded.use({ rules: [ruleOf({ expiresAt: "2020-01-01T00:00:00Z" })] });
  expect(await status("/")).toBe(200);
});

test("a rule sets and removes request headers for the back end only", async () => {
  const change = (name: string, value: string | null) =>
    ruleOf({ action: { kind: "rewriteHeader", name, value } });
  guarded.use({ rules: [change("X-Team", "blue"), change("X-Secret", null)] });
  const answer = await guarded.ask("/", {
    fields: "X-Secret: 1\r\nx-team: red\r\nX_Team: red\r\nX_Secret: 1\r\n",
  });
  const { headers } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
  expect(headers["x-team"]).toBe("blue");
  for (const name of ["x-secret", "x_secret", "x_team"]) expect(headers).not.toHaveProperty(name);
});

test("a page of the operator's own is filled in, and what is filled in is never markup", async () => {
  const html = "<p id='{{clientAddress}}'>Refused ✓ {{requestId}} {{status}}</p>";
  guarded.use(
    { rules: [ruleOf()], blockPage: { status: 418, html } },
    { trustedProxies: ["127.0.0.1"] },
  );
  const answer = await guarded.ask("/", { fields: "X-Forwarded-For: 203.0.113.9\r\n" });
  expect(statusOf(answer)).toBe(418);
  const text = Buffer.from(answer, "latin1").toString("utf8");
  expect(text).toMatch(/<p id='203\.0\.113\.9'>Refused ✓ [0-9a-f-]{36} 418<\/p>$/);
});

test("a client is known by how it writes its requests, whatever address and cookie it has", async () => {
  guarded.use({ rules: [ruleOf({ action: { kind: "log" } })] });
  const of = async (fields: string) => {
    await guarded.ask("/", { fields });
    return guarded.events.at(-1)?.unmapped.cordon.policy?.fingerprint ?? "";
  };
  const known = await of("User-Agent: a\r\nAccept: */*\r\nAccept-Language: en-US\r\n");
  expect(known).toMatch(/^r1_11\d\d_enus_[0-9a-f]{12}$/);
  const same = "User-Agent: b\r\nCookie: x=y\r\nAccept: */*\r\nAccept-Language: en-US\r\n";
  expect(await of(same)).toBe(known);
  expect(await of("user-agent: a\r\naccept: */*\r\naccept-language: en-US\r\n")).not.toBe(known);
  const when: RuleCondition = { field: "fingerprint", operator: "equals", values: [known] };
  guarded.use({ rules: [ruleOf({ when })] });
  expect(await status("/", { fields: same })).toBe(403);
  expect(await status("/")).toBe(200);
});
