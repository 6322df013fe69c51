/** Policies of sites through the whole program: control plane, lists, gateway, events, dry run. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack, until } from "./stack.ts";

let stack: Stack;
let siteId = "";
const HOST = "policy.localhost";

beforeAll(async () => {
  stack = await startStack({ env: { CORDON_GATEWAY_WORKERS: "2" } });
  const site = { domains: [HOST], upstreams: ["http://127.0.0.1:9"], mode: "block" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  await until("the site is served", async () => (await stack.site(HOST, "/")).code === 502);
});
afterAll(() => stack?.stop());

test("a rule by an address list refuses at once, its event says why, and a dry run finds it", async () => {
  const text = "127.0.0.0/8\n203.0.113.0/24\n";
  const { result: list } = await stack.api("POST", "/v1/waf/addressLists", { name: "here", text });
  const when = {
    all: [
      { field: "path", operator: "startsWith", values: ["/admin"] },
      { field: "ip", operator: "inList", values: [list.addressListId] },
    ],
  };
  const rule = { siteId, name: "no admin from here", when, action: { kind: "block" } };
  await stack.site(HOST, "/admin/before");
  await until("the event is in the lake", async () => {
    const { action } = rule;
    const run = await stack.api("POST", `/v1/waf/sites/${siteId}:dryRunRule`, { when, action });
    return run.result.hits === 1 && run.result.wouldStopPassed === 1;
  });
  const made = await stack.api("POST", "/v1/waf/customRules", { ...rule, enabled: true });
  expect(made.code).toBe(200);
  await until("the rule is enforced", async () => {
    const reply = await stack.site(HOST, "/admin/after");
    return reply.code === 403;
  });
  expect((await stack.site(HOST, "/shop")).code).toBe(502);
  await until("the refusal is explained", async () => {
    const found = await stack.api("GET", "/v1/events/events?text=%2Fadmin%2Fafter");
    const uid = found.result.events.find(
      ({ disposition }: { disposition: string }) => disposition === "Blocked",
    )?.uid;
    const explained = await stack.api("GET", `/v1/events/requests/${uid}:explain`);
    return explained.result.sentences.some((line: string) => line.includes("no admin from here"));
  });
  const isListed = (address: string) =>
    stack.api("GET", `/v1/waf/addressLists/${list.addressListId}:check?address=${address}`);
  expect((await isListed("203.0.113.9")).result.isListed).toBe(true);
  expect((await isListed("::ffff:203.0.113.9")).result.isListed).toBe(true);
  expect((await isListed("203.0.114.9")).result.isListed).toBe(false);
  // Elsewhere a zero in front makes a number octal; a block is no address.
  for (const address of ["203.0.113.010", "203.0.113.0/24"]) {
    expect((await isListed(address)).error?.reason, address).toBe("waf.cidrInvalid");
  }
  const empty = { text: "192.0.2.1", how: "replaceAll" };
  await stack.api("POST", `/v1/waf/addressLists/${list.addressListId}:import`, empty);
  await until("the changed list counts", async () => {
    return (await stack.site(HOST, "/admin/again")).code === 502;
  });
});

test("an exclusion for a variable that no rule can read is refused, with the way out", async () => {
  const exclusion = { siteId, pathPrefix: "/", ruleId: 942_100 };
  const create = (variable: string) =>
    stack.api("POST", "/v1/waf/exclusions", { ...exclusion, variable });
  const wrong = await create("ARG:q");
  expect(wrong.code).toBe(400);
  expect(wrong.error?.reason).toBe("waf.variableUnknown");
  expect(JSON.stringify(wrong.error)).toContain("ARGS:q");
  for (const variable of ["ARGS:q", "REQUEST_COOKIES", "XML:/*"]) {
    expect((await create(variable)).code, variable).toBe(200);
  }
});

test("a patch and a limit are enforced as the policy says, by all workers", async () => {
  const patches = [{ patchId: "CVE-2021-44228", action: "block", expiresAt: null }];
  await stack.api("PATCH", `/v1/waf/sites/${siteId}/policy`, { patches });
  await until("the patch is enforced", async () => {
    const reply = await stack.site(HOST, "/?x=%24%7Bjndi:ldap://x%7D");
    return reply.code === 403;
  });
  const limit = {
    keys: [{ by: "ip" }],
    requestsMax: 20,
    windowSeconds: 600,
    banSeconds: 600,
    banSecondsMax: 600,
    exceeded: "refuse",
  };
  const when = { field: "path", operator: "equals", values: ["/limited"] };
  const rule = { siteId, name: "limit", when, action: { kind: "rateLimit", limit }, enabled: true };
  await stack.api("POST", "/v1/waf/customRules", rule);
  await until(
    "the limit is enforced",
    async () => (await stack.site(HOST, "/limited")).code === 429,
  );
});

test("a large list is taken in one call, a larger body than that is not", async () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
  const made = await stack.api("POST", "/v1/waf/addressLists", {
    name: "large",
    text: lines(200_000).join("\n"),
  });
  expect(made.result).toMatchObject({ entries: 200_000 });
  const body = { domains: ["x".repeat(2_000_000)], upstreams: [] };
  expect((await stack.api("POST", "/v1/waf/sites", body)).code).toBe(413);
}, 60_000);
