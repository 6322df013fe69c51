import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import { composedTexts } from "../../catalog.ts";
import { dryRun } from "./dry-run.ts";
import { readListApart } from "./list-thread.ts";

let cordon: Operations;
let siteId = "";
beforeAll(async () => {
  cordon = await startOperations();
  const site = { domains: ["shop.localhost"], upstreams: ["http://127.0.0.1:3000"] };
  siteId = (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
});
afterAll(() => cordon?.stop());

const path = "/v1/waf/addressLists";

test("a list is read from text, added to, and taken from; each entry may end", async () => {
  const text =
    "# scanners\n203.0.113.0/24\n2001:db8::/32, 2099-01-01T00:00:00Z\n\n192.0.2.7 # one\n";
  const { result: made } = await cordon.api("POST", path, { name: "scanners", text });
  expect(made).toMatchObject({ entries: 3, ranges: 3 });
  const list = `${path}/${made.addressListId}`;
  const isListed = async (address: string) =>
    (await cordon.api("GET", `${list}:check?address=${address}`)).result.isListed;
  expect(await isListed("203.0.113.200")).toBe(true);
  expect(await isListed("203.0.114.1")).toBe(false);
  await cordon.api("POST", `${list}:import`, { text: "198.51.100.1", how: "addTo" });
  expect(await isListed("198.51.100.1")).toBe(true);
  const cidrs = ["203.0.113.0/24"];
  expect((await cordon.api("POST", `${list}:removeAddresses`, { cidrs })).result.entries).toBe(3);
  expect(await isListed("203.0.113.200")).toBe(false);
  await cordon.api("POST", `${list}:import`, { text: "198.51.100.2", how: "replaceAll" });
  expect(await isListed("198.51.100.1")).toBe(false);
  expect((await cordon.api("POST", path, { name: "scanners" })).error?.reason).toBe(
    "waf.addressListExists",
  );
});

test("a line that is no address is told by its number, and nothing is changed", async () => {
  const text = "192.0.2.1\nnot an address\n192.0.2.2 tomorrow\n";
  const { code, error } = await cordon.api("POST", path, { name: "odd", text });
  expect(code).toBe(400);
  expect(error?.details.map((one: { path: string }) => one.path)).toEqual(["/text/2", "/text/3"]);
  expect((await cordon.api("GET", path)).result.totalCount).toBe(1);
});

test("a list that a rule or a site uses cannot be deleted", async () => {
  const { result: made } = await cordon.api("POST", path, { name: "used", text: "192.0.2.1" });
  const when = { field: "ip", operator: "inList", values: [made.addressListId] };
  const rule = { siteId, name: "by list", when, action: { kind: "block" } };
  const { result: kept } = await cordon.api("POST", "/v1/waf/customRules", rule);
  const list = `${path}/${made.addressListId}`;
  expect((await cordon.api("DELETE", list)).error?.reason).toBe("waf.addressListInUse");
  await cordon.api("DELETE", `/v1/waf/customRules/${kept.customRuleId}`);
  const policy = `/v1/waf/sites/${siteId}/policy`;
  const lists = [{ addressListId: made.addressListId, action: "block" }];
  expect((await cordon.api("PATCH", policy, { lists })).code).toBe(200);
  expect((await cordon.api("DELETE", list)).error?.reason).toBe("waf.addressListInUse");
  await cordon.api("PATCH", policy, { lists: [] });
  expect((await cordon.api("DELETE", list)).code).toBe(200);
});

test("patches are listed, switched on with an end, and an unknown one is refused", async () => {
  const { result } = await cordon.api("GET", "/v1/waf/virtualPatches");
  expect(result.totalCount).toBeGreaterThan(4);
  for (const patch of result.virtualPatches) {
    for (const field of ["title", "description"]) {
      const { code } = patch[`${field}Coded`];
      expect(composedTexts[code]?.[0], code).toBe(patch[field]);
    }
  }
  const policy = `/v1/waf/sites/${siteId}/policy`;
  const use = (patchId: string) =>
    cordon.api("PATCH", policy, { patches: [{ patchId, action: "block", expiresAt: null }] });
  expect((await use("CVE-2021-44228")).code).toBe(200);
  expect((await use("CVE-1999-0001")).error?.reason).toBe("waf.patchUnknown");
});

test("a hundred thousand lines are read apart, and the same entries give the same digest", async () => {
  const lines = Array.from(
    { length: 100_000 },
    (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`,
  );
  const change = { without: [], expiresAtMs: null, nowMs: 0 };
  const read = await readListApart({ ...change, texts: [lines.join("\n")] });
  expect(read).toMatchObject({ entries: 100_000, ranges: 1 });
  const again = await readListApart({ ...change, texts: [lines.toReversed().join("\n")] });
  expect("sha256" in again && "sha256" in read && again.sha256 === read.sha256).toBe(true);
});

const eventOf = (path: string, ip: string, time: number, blocked = false) => ({
  time,
  disposition_id: blocked ? 2 : 1,
  metadata: { uid: `u${time}` },
  src_endpoint: { ip },
  http_request: {
    http_method: "GET",
    user_agent: "x",
    url: { path, query_string: "a=1", hostname: "h" },
  },
  http_response: { code: blocked ? 403 : 200 },
});

test("a dry run counts what a rule meets, what it would stop anew, and what cannot be told", () => {
  const events = [
    eventOf("/admin", "192.0.2.1", 4),
    eventOf("/admin/x", "192.0.2.2", 3, true),
    eventOf("/shop", "192.0.2.2", 2),
  ];
  const isAdmin = { field: "path", operator: "startsWith", values: ["/admin"] } as const;
  const when = { ...isAdmin, values: ["/admin"] };
  const block = { kind: "block" } as const;
  expect(dryRun(events, { when, action: block }, () => undefined)).toMatchObject({
    events: 3,
    hits: 2,
    undecided: 0,
    wouldStop: 2,
    wouldStopPassed: 1,
    sources: 2,
  });
  const token = { field: "header", name: "x-token", operator: "exists" } as const;
  const both = { all: [when, { not: token }] };
  expect(dryRun(events, { when: both, action: block }, () => undefined)).toMatchObject({
    hits: 0,
    undecided: 2,
  });
  const agent = { field: "header", name: "User-Agent", operator: "equals", values: ["x"] } as const;
  expect(
    dryRun(events, { when: { ...agent, values: ["x"] }, action: block }, () => undefined),
  ).toMatchObject({ hits: 3, undecided: 0 });
});

test("a dry run asks events for JA4; one of TLS that did not keep it is undecided", () => {
  const over = (scheme: string, ja4 = "") => {
    const event = eventOf("/", "192.0.2.1", 4);
    const url = { ...event.http_request.url, scheme };
    const list = ja4 === "" ? {} : { ja4_fingerprint_list: [{ type_id: 1, value: ja4 }] };
    return { ...event, http_request: { ...event.http_request, url }, ...list };
  };
  const ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
  const events = [
    over("https", ja4),
    over("https", ja4.replace("h2", "h1")),
    over("https"),
    over("http"),
  ];
  const when = { field: "ja4" as const, operator: "equals" as const, values: [ja4] };
  const run = dryRun(events, { when, action: { kind: "block" } }, () => undefined);
  expect(run).toMatchObject({ hits: 1, undecided: 1, wouldStop: 1 });
});

test("a dry run of a limit counts as the gateway would", () => {
  const events = Array.from({ length: 30 }, (_, at) =>
    eventOf("/", "192.0.2.1", 30_000 - at * 1_000),
  );
  const limit = {
    keys: [{ by: "ip" as const }],
    requestsMax: 10,
    windowSeconds: 600,
    banSeconds: 0,
    banSecondsMax: 0,
    exceeded: "refuse" as const,
  };
  const run = dryRun(events, { when: null, action: { kind: "rateLimit", limit } }, () => undefined);
  expect(run).toMatchObject({ hits: 30, wouldStop: 20 });
  expect(run.samples).toHaveLength(20);
});

test("a dry run says that the lake does not answer, and refuses what the gateway would", async () => {
  const run = (body: object) => cordon.api("POST", `/v1/waf/sites/${siteId}:dryRunRule`, body);
  expect((await run({ action: { kind: "block" } })).error?.reason).toBe("waf.eventsUnavailable");
  const when = { field: "path", operator: "regex", values: ["("] };
  expect((await run({ when, action: { kind: "block" } })).error?.reason).toBe(
    "waf.conditionInvalid",
  );
});
