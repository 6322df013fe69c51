/** The console in a real browser, in front of a real Cordon. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";

const CHROMIUM = "/usr/bin/chromium";
const HOST = "browser-shop.localhost";
const ATTACK = `/product?id=${encodeURIComponent("1 union select id, email, password from customer")}`;
const hasBrowser = existsSync(CHROMIUM) && existsSync(join(programFolder, "console/package.json"));
const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const STEP_MAX_MS = 8_000;
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const PAGES = [
  "/",
  "/live",
  "/search",
  "/sites",
  "/sites/create",
  "/exclusions",
  "/list-entries",
  "/rules",
  "/incidents",
  "/responses",
  "/users",
  "/policies",
  "/policies/create",
  "/bearer-keys",
  "/sessions",
  "/audit",
  "/nodes",
  "/accounts",
];

describe.skipIf(!hasBrowser)("the console (needs Chromium)", () => {
  let stack: Stack;
  let shop: Awaited<ReturnType<typeof startShop>>;
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  const open = (path: string) => page.goto(`https://127.0.0.1:${stack.consolePort}${path}`);

  beforeAll(async () => {
    stack = await startStack();
    shop = await startShop();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "en" });
    page = await context.newPage();
    page.setDefaultTimeout(STEP_MAX_MS);
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) faults.push(message.text());
    });
  });

  afterAll(async () => {
    await browser?.close();
    await shop?.stop();
    await stack?.stop();
  });

  test("a person signs in and protects a site", async () => {
    await open("/");
    await page.getByLabel("Account name").fill("main");
    await page.getByLabel("User name").fill("admin");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "What needs me now" }).waitFor();
    await page.getByRole("button", { name: "Protect a site" }).click();
    await page.getByLabel("Domains").fill(HOST);
    await page.getByLabel("Upstreams").fill(`http://127.0.0.1:${shop.port}`);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: HOST }).waitFor();
    await until("the site answers", async () => (await stack.site(HOST, "/")).code === 200);
  });

  test.skipIf(!hasRules)(
    "an attack shows live with its reason, and a blocked source is refused (needs modsecurity-crs)",
    async () => {
      await open("/live");
      await page.getByText("Connected").waitFor();
      expect((await stack.site(HOST, ATTACK)).code).toBe(403);
      await page.locator("button.live-row").filter({ hasText: "/product" }).first().click();
      await page.locator("mark").first().waitFor();
      await page.getByRole("button", { name: "Exclude this rule" }).first().waitFor();
      await open("/incidents");
      await page.locator("a[href^='/incidents/inc-']").first().click();
      await page.getByRole("button", { name: "Block source" }).click();
      await page.getByText("is blocked until").waitFor();
      await until("the gateway refuses", async () => (await stack.site(HOST, "/")).code === 403);
    },
  );

  test("an audit entry's proof is verified in the browser", async () => {
    await open("/audit");
    await page.locator("a[href^='/audit/']").first().click();
    await page.getByRole("button", { name: "Verify in this browser" }).click();
    await page.getByText("The entry is in the log, unchanged").waitFor();
  });

  test("no page has a serious accessibility fault or breaks the content policy", async () => {
    const found: string[] = [];
    for (const path of PAGES) {
      await open(path);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      const { violations } = await new AxeBuilder({ page }).analyze();
      for (const { id, impact, nodes } of violations) {
        if (impact !== "serious" && impact !== "critical") continue;
        found.push(`${path} ${id} ${nodes[0]?.html.slice(0, 200)}`);
      }
    }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
  }, 240_000);
});
