import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import { pageIdOf, pageOfId, withApproval, withPages } from "./domain.ts";
import { siteDeliveries } from "./intent.ts";

let cordon: Operations;
let siteId = "";
beforeAll(async () => {
  cordon = await startOperations();
  const site = { domains: ["a.localhost"], upstreams: ["http://127.0.0.1:3000"] };
  siteId = (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
});
afterAll(() => cordon?.stop());

const path = (concern: string) => `/v1/delivery/sites/${siteId}/${concern}`;
const intent = () =>
  cordon.database.transaction("system", (sql) => siteDeliveries(sql, async () => undefined));

test("a site that was never set has the defaults, and the gateways are told nothing of it", async () => {
  const { result } = await cordon.api("GET", path("tls"));
  expect(result).toMatchObject({ minimumVersion: "TLSv1.2", updateTime: null });
  expect((await cordon.api("GET", path("upstreams"))).result.clientCertificateId).toBeNull();
  expect((await intent()).has(siteId)).toBe(false);
});

test("settings are replaced as a whole: what is left out is the default again", async () => {
  const weights = ["http://127.0.0.1:3000=3"];
  await cordon.api("PUT", path("upstreams"), { weights, healthPath: "/up" });
  expect((await intent()).get(siteId)?.upstream).toMatchObject({ weights, healthPath: "/up" });
  await cordon.api("PUT", path("upstreams"), { weights });
  expect((await cordon.api("GET", path("upstreams"))).result).toMatchObject({
    weights,
    healthPath: "",
  });
});

test("what does not go together is refused by field, and changes nothing", async () => {
  const refused = async (concern: string, body: unknown) => {
    const reply = await cordon.api("PUT", path(concern), body);
    expect(reply.error?.reason).toBe("delivery.settingsInvalid");
    return reply.error?.details.map((detail) => detail.path);
  };
  expect(await refused("tls", { cipherPolicy: "modern" })).toEqual(["/cipherPolicy"]);
  expect(await refused("tls", { clientCertificates: "required" })).toEqual([
    "/clientAuthoritiesPem",
  ]);
  expect(await refused("tls", { clientAuthoritiesPem: "no pem" })).toEqual([
    "/clientAuthoritiesPem",
  ]);
  expect(await refused("tls", { minimumVersion: "TLSv1.3", maximumVersion: "TLSv1.2" })).toEqual([
    "/maximumVersion",
  ]);
  expect(await refused("upstreams", { weights: ["http://10.0.0.1=2"] })).toEqual(["/weights"]);
  expect(await refused("upstreams", { clientCertificateId: "cert-0000000000" })).toEqual([
    "/clientCertificateId",
  ]);
  expect(await refused("protocols", { httpPorts: [8081], httpsPorts: [8081] })).toEqual([
    "/httpsPorts",
  ]);
  expect((await intent()).get(siteId)?.tls).toBeUndefined();
});

test("another account can open no port of the machine, and does not see the site", async () => {
  const account = {
    name: "other",
    userName: "admin",
    password: "correct horse battery staple",
  };
  expect((await cordon.api("POST", "/v1/account/accounts", account)).code).toBe(200);
  const key = await cordon.keyOf("other", "admin");
  expect((await cordon.api("GET", path("tls"), undefined, key)).code).toBe(404);
  const site = { domains: ["b.localhost"], upstreams: ["http://127.0.0.1:3000"] };
  const made = await cordon.api("POST", "/v1/waf/sites", site, key);
  const own = `/v1/delivery/sites/${made.result.siteId}/protocols`;
  const reply = await cordon.api("PUT", own, { httpPorts: [9999] }, key);
  expect(reply.error?.reason).toBe("delivery.listenersOperatorOnly");
  const senders = { proxyProtocolFrom: ["0.0.0.0/0"] };
  expect((await cordon.api("PUT", own, senders, key)).code).toBe(403);
  expect((await cordon.api("PUT", own, { http2: false }, key)).code).toBe(200);
});

test("a page is approved by what a gateway saw of it, and by nothing else", async () => {
  const set = { pageMode: "protect", pagePaths: ["/a", "/b"] };
  expect((await cordon.api("PUT", path("pages"), set)).result).toMatchObject(set);
  expect((await cordon.api("GET", path("pages"))).result).toMatchObject(set);
  const list = await cordon.api("GET", "/v1/delivery/pages");
  expect(list.result.guardedPages).toEqual([]);
  const id = pageIdOf(siteId, "/a");
  const digest = "0".repeat(64);
  const reply = await cordon.api("POST", `/v1/delivery/pages/${id}:approve`, { digest });
  expect(reply.error?.reason).toBe("delivery.pageNotFound");
  expect((await intent()).get(siteId)?.pages).toEqual({
    mode: "protect",
    paths: ["/a", "/b"],
    approvals: [],
  });
});

test("what was approved of a page stays when the pages are set again, and goes with its page", () => {
  const approved = withApproval(
    { mode: "protect", paths: ["/a", "/b"], approvals: [{ path: "/a", digest: "1" }] },
    { path: "/b", digest: "2" },
  );
  const kept = withPages(approved, { mode: "observe", paths: ["/b", "/c"] });
  expect(kept.approvals).toEqual([{ path: "/b", digest: "2" }]);
  expect(pageOfId(pageIdOf("site-0000000000", "/ä?.x"))).toEqual({
    siteId: "site-0000000000",
    path: "/ä?.x",
  });
});
