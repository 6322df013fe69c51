import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addressSetOf, packAddressSet } from "../../../engines/sitepolicy/address-set.ts";
import { writeMmdb } from "../../../kernel/geo/mmdb-test-kit.ts";
import { sitePolicyDefaults } from "../../../kernel/intent/site-policy-document.ts";
import { intentOf, siteFor } from "../test-kit.ts";
import { badAgentTest, knownCrawlers } from "./bots.ts";
import { createCrawlers } from "./crawlers.ts";
import { geoOpener, geoTroubles } from "./geo.ts";
import { bringLists, listOpener } from "./list-files.ts";
import { compileSitePolicy } from "./site-policy.ts";
import { policyOf, ruleOf, startGuarded, statusOf } from "./test-kit.ts";

const folder = mkdtempSync(join(tmpdir(), "policy-"));
const names = createSocket("udp4");
let nameServer = "";
let guarded: Awaited<ReturnType<typeof startGuarded>>;

/** Name of an address, and address of a name; what is not here does not exist. */
const records: Readonly<Record<string, string>> = {
  "1.2.0.192.in-addr.arpa": "crawl-1.googlebot.com",
  "crawl-1.googlebot.com": "192.0.2.1",
  "2.2.0.192.in-addr.arpa": "crawl-1.googlebot.com",
  "3.2.0.192.in-addr.arpa": "googlebot.com.attacker.test",
  "googlebot.com.attacker.test": "192.0.2.3",
};

/** Answers one question of a DNS query (RFC 1035 §4). */
function answerOf(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  while (query[at] !== 0) {
    const length = query[at] ?? 0;
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += length + 1;
  }
  const name = labels.join(".").toLowerCase();
  const isPointer = query.readUInt16BE(at + 1) === 12;
  const value = records[name];
  const data =
    value === undefined
      ? null
      : isPointer
        ? Buffer.concat(
            [...value.split("."), ""].map((label) =>
              Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1"),
            ),
          )
        : Buffer.from(value.split(".").map(Number));
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(data === null ? 0x8183 : 0x8180, 2);
  head.writeUInt16BE(data === null ? 0 : 1, 6);
  head.fill(0, 8);
  const question = query.subarray(12, at + 5);
  if (data === null) return Buffer.concat([head, question]);
  const fixed = Buffer.from([0xc0, 12, 0, isPointer ? 12 : 1, 0, 1, 0, 0, 0, 60, 0, data.length]);
  return Buffer.concat([head, question, fixed, data]);
}

beforeAll(async () => {
  names.on("message", (query, { port }) => names.send(answerOf(query), port, "127.0.0.1"));
  await new Promise<void>((resolve) => names.bind(0, "127.0.0.1", resolve));
  nameServer = `127.0.0.1:${(names.address() as AddressInfo).port}`;
  mkdirSync(join(folder, "geo"));
  writeFileSync(
    join(folder, "geo", "country.mmdb"),
    writeMmdb("Test-Country", {
      "203.0.113.0/24": { country: { iso_code: "DE" } },
      "198.51.100.0/24": { registered_country: { iso_code: "FR" } },
    }),
  );
  const lists = listOpener(folder);
  const geo = geoOpener(folder);
  guarded = await startGuarded({
    policyResourcesOf: (intent) => ({
      lists: lists(intent),
      geo: geo(intent),
      bots: {
        isBadAgent: badAgentTest(),
        crawlers: createCrawlers(knownCrawlers(), { servers: [nameServer] }),
      },
    }),
  });
});
afterAll(async () => {
  await guarded?.stop();
  names.close();
  rmSync(folder, { recursive: true, force: true });
});

const proxied = { trustedProxies: ["127.0.0.1"] };
const from = async (address: string, more = "", target = "/") =>
  statusOf(await guarded.ask(target, { fields: `X-Forwarded-For: ${address}\r\n${more}` }));
const bots = (changes: Partial<typeof sitePolicyDefaults.bots>) => ({
  bots: { ...sitePolicyDefaults.bots, ...changes },
});

test("countries are blocked, or all others, and what no database knows as told", async () => {
  const geo = { mode: "blockThese", countries: ["DE"], asns: [], unknown: "allow" } as const;
  guarded.use({ geo: { ...geo, countries: ["DE"], asns: [] } }, proxied);
  expect(await from("203.0.113.7")).toBe(403);
  expect(guarded.events.at(-1)?.unmapped.cordon.policy?.country).toBe("DE");
  expect(guarded.decisions()).toMatchObject([{ kind: "geo", enforced: true }]);
  expect(await from("198.51.100.7")).toBe(200);
  expect(await from("192.0.2.200")).toBe(200);
  guarded.use(
    { geo: { mode: "allowOnlyThese", countries: ["FR"], asns: [], unknown: "block" } },
    proxied,
  );
  expect(await from("203.0.113.7")).toBe(403);
  expect(await from("198.51.100.7")).toBe(200);
  expect(await from("192.0.2.200")).toBe(403);
  const inGermany = { field: "country", operator: "equals", values: ["DE"] } as const;
  guarded.use({ rules: [ruleOf({ when: { ...inGermany, values: ["DE"] } })] }, proxied);
  expect(await from("203.0.113.7")).toBe(403);
  expect(await from("198.51.100.7")).toBe(200);
});

test("a policy that asks for countries without a database, or with a broken one, is trouble", async () => {
  let nowMs = 0;
  const empty = mkdtempSync(join(tmpdir(), "geo-"));
  const geo = geoOpener(empty, () => nowMs)({});
  const site = (siteId: string, geoAsked: readonly ("country" | "asn")[]) => ({
    ...{ intent: { siteId }, policy: { geo, geoAsked } },
  });
  const sites = [site("site-a", []), site("site-b", ["country"])];
  expect(geoTroubles(sites)).toEqual([
    "cannot tell countries for site-b: the database country.mmdb is missing",
  ]);
  expect(geoTroubles(sites.slice(0, 1))).toEqual([]);
  mkdirSync(join(empty, "geo"));
  const file = join(empty, "geo", "country.mmdb");
  writeFileSync(file, "no database at all");
  nowMs += 60_000;
  expect(geoTroubles(sites)[0]).toContain("country.mmdb cannot be read");
  writeFileSync(
    file,
    writeMmdb("GeoLite2-Country", { "203.0.113.0/24": { country: { iso_code: "DE" } } }),
  );
  utimesSync(file, 1, 1);
  nowMs += 60_000;
  expect(geoTroubles(sites)).toEqual([]);
  expect(geo.country("203.0.113.7")).toBe("DE");
  writeFileSync(file, "broken again");
  nowMs += 60_000;
  expect(geoTroubles(sites)).toHaveLength(1);
  expect(geo.country("203.0.113.7")).toBe("DE");
  rmSync(empty, { recursive: true });
});

test("what a policy asks the databases for comes from its settings and its rules", () => {
  const of = (changes: Parameters<typeof policyOf>[0]) =>
    compileSitePolicy(siteFor([]), policyOf(changes), {
      ...{ lists: () => undefined, geo: null, bots: null, seed: "" },
    }).geoAsked;
  const when = { field: "country", operator: "equals", values: ["DE"] } as const;
  const rule = ruleOf({ when: { not: { ...when, values: ["DE"] } } });
  expect(of({})).toEqual([]);
  expect(of({ rules: [rule] })).toEqual(["country"]);
  const geo = { mode: "blockThese", countries: [], asns: [64_496], unknown: "allow" } as const;
  expect(of({ geo: { ...geo, countries: [], asns: [64_496] } })).toEqual(["asn"]);
});

test("tools that probe are known by their name; browsers are not taken for them", async () => {
  guarded.use(bots({ badAgents: "block" }));
  for (const agent of ["sqlmap/1.7#stable", "Mozilla/5.0 (compatible; Nmap Scripting Engine)"]) {
    const fields = `User-Agent: ${agent}\r\n`;
    expect(statusOf(await guarded.ask("/", { fields })), agent).toBe(403);
  }
  const browser = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101\r\n";
  expect(statusOf(await guarded.ask("/", { fields: browser }))).toBe(200);
});

test("who asks for a honeypot path is refused on the whole site, others are not", async () => {
  guarded.use(bots({ honeypotPaths: ["/wp-login.php"] }), proxied);
  expect(await from("203.0.113.20")).toBe(200);
  expect(await from("203.0.113.20", "", "/%77p-login.php?x=1")).toBe(403);
  expect(await from("203.0.113.20")).toBe(403);
  expect(guarded.decisions()).toMatchObject([{ kind: "honeypot" }]);
  expect(await from("203.0.113.21")).toBe(200);
});

test("a crawler is what its name servers say, and no request waits for them", async () => {
  const agent = "User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)\r\n";
  const rules = [ruleOf({ action: { kind: "challenge" } })];
  guarded.use({ ...bots({ fakeCrawlers: "block" }), rules }, proxied);
  const settled = async (address: string) => {
    await from(address, agent);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const status = await from(address, agent);
    return [status, guarded.decisions().map(({ kind, id }) => `${kind} ${id}`)];
  };
  expect(await settled("192.0.2.1")).toEqual([200, []]);
  expect(await settled("192.0.2.2")).toEqual([403, ["bot fakeCrawler"]]);
  expect(await settled("192.0.2.3")).toEqual([403, ["bot fakeCrawler"]]);
  expect(await settled("192.0.2.4")).toEqual([403, ["bot fakeCrawler"]]);
  expect(await from("192.0.2.1")).toBe(403);
});

test("lists come to the disk by their digest, allow and block, and end by entry", async () => {
  const listOf = (entries: { cidr: string; expiresAtMs: number | null }[]) => {
    const packed = packAddressSet(addressSetOf(entries).set);
    return { packed, sha256: createHash("sha256").update(packed).digest("hex") };
  };
  const bad = listOf([
    { cidr: "203.0.113.0/24", expiresAtMs: null },
    { cidr: "198.51.100.1/32", expiresAtMs: 1_000 },
  ]);
  const good = listOf([{ cidr: "203.0.113.9/32", expiresAtMs: null }]);
  const named = [
    { addressListId: "alist-bad", accountId: "acct-a", sha256: bad.sha256, ranges: 2 },
    { addressListId: "alist-good", accountId: "acct-a", sha256: good.sha256, ranges: 1 },
  ];
  const policy = policyOf({
    lists: [
      { addressListId: "alist-bad", action: "block" },
      { addressListId: "alist-good", action: "allow" },
    ],
    rules: [ruleOf({ when: { field: "path", operator: "equals", values: ["/no"] } })],
  });
  const intent = intentOf([siteFor([guarded.originUrl], { mode: "block", policy, ...proxied })], {
    version: 1_000,
    addressLists: named,
  });
  await expect(bringLists(folder, intent, async () => Buffer.from("x"))).rejects.toThrow("bytes");
  const content = new Map([bad, good].map(({ sha256, packed }) => [sha256, packed]));
  expect(await bringLists(folder, intent, async () => undefined)).toBe(false);
  expect(await bringLists(folder, intent, async (sha256) => content.get(sha256))).toBe(true);
  guarded.worker.apply(intent);
  expect(await from("203.0.113.7")).toBe(403);
  expect(guarded.decisions()).toMatchObject([{ kind: "list", id: "alist-bad" }]);
  expect(await from("203.0.113.9", "", "/no")).toBe(200);
  expect(await from("198.51.100.1")).toBe(200);
  expect(await from("192.0.2.77", "", "/no")).toBe(403);
});
