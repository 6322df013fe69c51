import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Facts } from "../../../engines/sitepolicy/facts.ts";
import { sitePolicyDefaults } from "../../../kernel/intent/site-policy-document.ts";
import { challengeKeyOf, hasPass, issueToken, PASS_COOKIE } from "./challenge.ts";
import { ruleOf, startGuarded, statusOf } from "./test-kit.ts";

const CHROMIUM = "/usr/bin/chromium";

let guarded: Awaited<ReturnType<typeof startGuarded>>;
beforeAll(async () => {
  guarded = await startGuarded();
});
afterAll(() => guarded?.stop());

const rules = [ruleOf({ action: { kind: "challenge" } })];
const use = (site: Parameters<typeof guarded.use>[1] = {}) =>
  guarded.use({ rules }, { trustedProxies: ["127.0.0.1"], ...site });
const client = (address: string, agent: string, cookie = "") =>
  `X-Forwarded-For: ${address}\r\nUser-Agent: ${agent}\r\n${cookie}`;
const tokenIn = (page: string) => /data-token="([^"]+)"/.exec(page)?.[1] ?? "";

function solve(token: string, bits: number): string {
  for (let n = 0; ; n++) {
    const pass = `${token}.${n.toString(36)}`;
    if (Math.clz32(hash("sha256", pass, "buffer").readUInt32BE(0)) >= bits) return pass;
  }
}
const cookieOf = (pass: string) => `Cookie: ${PASS_COOKIE}=${pass}\r\n`;

test("a solved challenge is a pass for its client and site, and for nobody else", async () => {
  use();
  const page = await guarded.ask("/", { fields: client("203.0.113.1", "one") });
  expect(statusOf(page)).toBe(403);
  const pass = solve(tokenIn(page), 16);
  const status = async (fields: string) => statusOf(await guarded.ask("/", { fields }));
  expect(await status(client("203.0.113.1", "one", cookieOf(pass)))).toBe(200);
  expect(await status(client("203.0.113.2", "one", cookieOf(pass)))).toBe(403);
  expect(await status(client("203.0.113.1", "other", cookieOf(pass)))).toBe(403);
  use({ siteId: "site-b" });
  expect(await status(client("203.0.113.1", "one", cookieOf(pass)))).toBe(403);
});

test("a pass that was not worked for, was changed or is too old is none", async () => {
  use();
  const page = await guarded.ask("/", { fields: client("203.0.113.1", "one") });
  const token = tokenIn(page);
  const pass = solve(token, 16);
  const [version, expiry, , nonce, mac, n] = pass.split(".");
  const passes = {
    unworked: `${token}.${"0".repeat(9)}zz`,
    later: [version, `${expiry}z`, "16", nonce, mac, n].join("."),
    lighter: [version, expiry, "0", nonce, mac, n].join("."),
    empty: "",
    short: `v1.${expiry}.0.${nonce}..0`,
    endless: pass.padEnd(5_000, "x"),
  };
  for (const [name, value] of Object.entries(passes)) {
    const answer = await guarded.ask("/", {
      fields: client("203.0.113.1", "one", cookieOf(value)),
    });
    expect(statusOf(answer), name).toBe(403);
  }
});

test("a pass ends at its time", () => {
  const key = challengeKeyOf({ siteId: "site-a", privateKeyPem: "" }, "seed");
  const facts = (nowMs: number, cookie: string): Facts => ({
    nowMs,
    address: "203.0.113.1",
    method: "GET",
    host: "a.test",
    scheme: "http",
    path: "/",
    rawPath: "/",
    query: "",
    userAgent: "one",
    fields: { names: ["Cookie"], lower: ["cookie"], values: [cookie] },
    country: undefined,
    asn: undefined,
    fingerprint: () => undefined,
    ja4: "",
    crawler: () => "",
    crawlerState: () => "unknown",
    body: undefined,
  });
  const token = issueToken(facts(0, ""), { key, bits: 8, passSeconds: 60 });
  const cookie = `${PASS_COOKIE}=${solve(token, 8)}`;
  expect(hasPass(facts(59_000, cookie), key)).toBe(true);
  expect(hasPass(facts(60_000, cookie), key)).toBe(false);
});

/** An answer as its reader sees it. */
const readIn = async (language: string, path = "/") =>
  Buffer.from(
    await guarded.ask(path, { fields: `Accept-Language: ${language}\r\n` }),
    "latin1",
  ).toString("utf8");

test("the challenge says what to do without script, in the language that was asked for", async () => {
  use();
  const english = await readIn("en-US,zh;q=0.5");
  expect(english).toMatch(/<html lang="en">[\s\S]*<noscript>[\s\S]*Turn JavaScript on/);
  expect(english).not.toMatch(/\p{Script=Han}/u);
  expect(english).toContain("default-src 'none'");
  const chinese = await readIn("zh-TW,en;q=0.5");
  expect(chinese).toMatch(/<html lang="zh-CN">[\s\S]*<noscript>[\s\S]*启用 JavaScript/);
  const json = await guarded.ask("/", { fields: "Accept: application/json\r\n" });
  expect(json).toMatch(/^HTTP\/1\.1 403[\s\S]*"code":403/);
});

test("who is refused reads so in their language, and which request it was", async () => {
  guarded.use({ rules: [ruleOf({ action: { kind: "block" } })] });
  const chinese = await readIn("zh-CN");
  const length = Number(/content-length: (\d+)/i.exec(chinese)?.[1]);
  expect(Buffer.byteLength(chinese.slice(chinese.indexOf("\r\n\r\n") + 4))).toBe(length);
  const id = /x-request-id: (\S+)/i.exec(chinese)?.[1] ?? "none";
  expect(chinese).toContain("403 禁止访问");
  expect(chinese).toContain(`<code>${id}</code>`);
  expect(await readIn("fr")).toContain("The request was blocked");
});

test.skipIf(!existsSync(CHROMIUM))("Chromium solves it by itself and sees the site", async () => {
  guarded.use({ rules, bots: { ...sitePolicyDefaults.bots, challengeBits: 14 } });
  const args = ["--no-sandbox", "--host-resolver-rules=MAP a.test 127.0.0.1"];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("console", (message) => {
      if (message.text().includes("Security Policy")) faults.push(message.text());
    });
    await page.goto(`http://a.test:${guarded.worker.httpPort}/shop`);
    await page.getByText('"url":"/shop"').waitFor();
    expect(faults).toEqual([]);
    await page.goto(`http://a.test:${guarded.worker.httpPort}/more`);
    expect(await page.textContent("body")).toContain('"url":"/more"');
    const plain = await browser.newPage({ javaScriptEnabled: false, locale: "en-US" });
    await plain.goto(`http://a.test:${guarded.worker.httpPort}/shop`);
    const seen = await plain.locator("h1:visible").allInnerTexts();
    expect(seen).toEqual(["JavaScript is needed"]);
  } finally {
    await browser.close();
  }
});
