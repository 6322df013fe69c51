/** Delivery settings on their whole way: API, intent, gateway, and back in its reports. */
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stack, startStack } from "../stack.ts";

let cordon: Stack;
let origin: Server;
let url = "";
let siteId = "";
let body = "good";
let isWell = true;

beforeAll(async () => {
  origin = createServer((request, response) => {
    response.statusCode = request.url === "/up" && !isWell ? 500 : 200;
    response.setHeader("content-type", "text/html");
    response.end(`${body} 13800138000`);
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  cordon = await startStack();
  const site = { domains: ["a.localhost"], upstreams: [url], mode: "off" };
  siteId = (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
});
afterAll(async () => {
  await cordon?.stop();
  origin?.closeAllConnections();
  origin?.close();
});

const put = (concern: string, settings: object) =>
  cordon.api("PUT", `/v1/delivery/sites/${siteId}/${concern}`, settings);
const poll = <Value>(read: () => Promise<Value>) =>
  expect.poll(read, { timeout: 20_000, interval: 250 });

test("an upstream's state comes back from the gateway", async () => {
  const checks = { healthIntervalSeconds: 1, healthTimeoutMs: 900, unhealthyThreshold: 1 };
  const settings = { healthPath: "/up", ...checks };
  expect((await put("upstreams", settings)).code).toBe(200);
  const state = async () =>
    (await cordon.api("GET", `/v1/delivery/upstreamStates?siteId=${siteId}`)).result
      .upstreamStates[0];
  await poll(state).toMatchObject({ upstream: url, state: "up", gateway: expect.any(String) });
  isWell = false;
  await poll(state).toMatchObject({ state: "down", stateReason: "/up gave 500" });
  isWell = true;
  await put("upstreams", {});
});

test("leaks are masked, and a page that was approved outlives its change", async () => {
  await put("leaks", { maskPhones: true });
  await put("pages", { pageMode: "protect", pagePaths: ["/page"] });
  const get = async () => (await cordon.site("a.localhost", "/page")).text;
  await poll(get).toBe("good 138****8000");
  const page = async () => {
    await get();
    return (await cordon.api("GET", "/v1/delivery/pages")).result.guardedPages[0];
  };
  await poll(page).toMatchObject({ path: "/page", state: "unapproved" });
  const { guardedPageId, digest } = await page();
  const approve = (of: string) =>
    cordon.api("POST", `/v1/delivery/pages/${guardedPageId}:approve`, { digest: of });
  expect((await approve("0".repeat(64))).error?.reason).toBe("delivery.pageNotSeen");
  expect((await approve(digest)).code).toBe(200);
  await poll(page).toMatchObject({ state: "approved", approvedDigest: digest });
  body = "defaced";
  expect(await get()).toContain("good");
  await poll(page).toMatchObject({ state: "changed" });
  const incidents = async () =>
    (await cordon.api("GET", "/v1/incident/incidents")).result.incidents;
  await poll(async () => (await incidents()).length).toBe(1);
  const [incident] = await incidents();
  expect(incident).toMatchObject({ siteId, sourceIp: "", categories: ["tamper"] });
  expect(incident).toMatchObject({ severity: "high", eventCount: 1, blockedCount: 1 });
  expect(incident.title).toBe("Page changed without approval on a.localhost");
});

test("masked leaks are one finding of the site, whoever asked, and block nobody", async () => {
  const always = { enabled: true, scoreThreshold: 1, windowSeconds: 600, blockSeconds: 600 };
  expect((await cordon.api("PUT", "/v1/incident/automaticResponse", always)).code).toBe(200);
  body = "6222020000000000000 ".repeat(3);
  await put("leaks", { maskBankCards: true });
  const ask = (localAddress: string) => cordon.site("a.localhost", "/list", { localAddress });
  await poll(async () => (await ask("127.0.0.1")).text).not.toContain("6222020000");
  await ask("127.0.0.7");
  const leak = async () =>
    (await cordon.api("GET", "/v1/incident/findings")).result.findings.find(
      ({ category }: { category: string }) => category === "leak",
    );
  await poll(async () => (await leak())?.eventCount ?? 0).toBeGreaterThanOrEqual(2);
  expect(await leak()).toMatchObject({ siteId, sourceIp: "", scoreMax: 15 });
  expect((await cordon.api("GET", "/v1/incident/responses")).result.responses).toEqual([]);
  expect((await ask("127.0.0.7")).code).toBe(200);
});
