/** Every page of the console, looked at by axe and under the content policy, in a real browser. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";
import { callOf, fillAwkwardly } from "./awkward-account.ts";
import {
  detailPages,
  hasBrowser,
  type Look,
  launchBrowser,
  openContext,
  openPage,
  plainPages,
  signIn,
  visitPage,
} from "./console-browser.ts";

const HOST = "accessible-shop.localhost";
const ATTACK = `/product?id=${encodeURIComponent("1 union select id, email, password from customer")}`;
const PERSON = { accountName: "main", userName: "admin", password: PASSWORD };
/** Pages differ in their parts, looks in their colors: every page in one, some in the others. */
const OTHER_LOOKS: readonly Look[] = [
  { language: "en", dark: true },
  { language: "zh-CN", dark: false },
  { language: "zh-CN", dark: true },
];
const IN_OTHER_LOOKS = ["/", "/sites", "/sites/create", "/incidents", "/search", "/audit", "/own"];

/** What axe calls serious or critical on the page that is shown. */
async function seriousFaults(page: Page, path: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${path} ${id} ${nodes[0]?.html.slice(0, 200)}`);
}

describe.skipIf(!hasBrowser)("every page of the console (needs Chromium)", () => {
  let stack: Stack;
  let shop: Awaited<ReturnType<typeof startShop>>;
  let browser: Browser;
  let origin: string;
  const faults: string[] = [];

  beforeAll(async () => {
    stack = await startStack();
    shop = await startShop();
    browser = await launchBrowser();
    origin = `https://127.0.0.1:${stack.consolePort}`;
    const upstreams = [`http://127.0.0.1:${shop.port}`];
    await stack.api("POST", "/v1/waf/sites", { domains: [HOST], upstreams, mode: "block" });
    await until("the site answers", async () => (await stack.site(HOST, "/")).code === 200);
    await stack.site(HOST, ATTACK);
    await fillAwkwardly(callOf(stack));
  });

  afterAll(async () => {
    await browser?.close();
    await shop?.stop();
    await stack?.stop();
  });

  async function signedIn(look: Look): Promise<Page> {
    const page = await (await openContext(browser, look)).newPage();
    page.on("pageerror", (error) => faults.push(error.message));
    page.on("console", (message) => {
      if (message.text().includes("Content Security Policy")) faults.push(message.text());
    });
    await signIn(page, origin, PERSON);
    return page;
  }

  test("no page has a serious accessibility fault or breaks the content policy", async () => {
    const page = await signedIn({ language: "en", dark: false });
    const paths = [...(await detailPages(page, origin)), ...plainPages];
    const found: string[] = [];
    for (const path of paths) {
      await visitPage(page, path);
      found.push(...(await seriousFaults(page, path)));
    }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
    expect(paths.length).toBeGreaterThan(50);
  }, 900_000);

  test("nor in the other language or in the dark", async () => {
    const found: string[] = [];
    for (const look of OTHER_LOOKS) {
      const page = await signedIn(look);
      for (const path of IN_OTHER_LOOKS) {
        await openPage(page, origin + path);
        found.push(...(await seriousFaults(page, `${look.language} ${look.dark} ${path}`)));
      }
      await page.context().close();
    }
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
  }, 300_000);
});
