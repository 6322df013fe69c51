/** A site's own rules, made in the console by form: tried, switched on, ordered. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";
import { hasBrowser, launchBrowser, openContext, openPage, signIn } from "./console-browser.ts";

const HOST = "rules-shop.localhost";
const path = (operator: string, ...values: string[]) => ({ field: "path", operator, values });
const method = (...values: string[]) => ({ field: "method", operator: "equals", values });
const PERSON = { accountName: "main", userName: "admin", password: PASSWORD };

describe.skipIf(!hasBrowser)("custom rules in the console (needs Chromium)", () => {
  let stack: Stack;
  let shop: Awaited<ReturnType<typeof startShop>>;
  let browser: Browser;
  let page: Page;
  let siteId = "";
  const open = (path: string) => page.goto(`https://127.0.0.1:${stack.consolePort}${path}`);
  const choose = async (control: string, option: string) => {
    await page.getByRole("button", { name: control }).click();
    await page.getByRole("option", { name: option, exact: true }).click();
  };
  const names = async () =>
    (await stack.api("GET", `/v1/waf/customRules?siteId=${siteId}`)).result.customRules.map(
      ({ name }: { name: string }) => name,
    );

  beforeAll(async () => {
    stack = await startStack();
    shop = await startShop();
    browser = await launchBrowser();
    page = await (await openContext(browser, { language: "en", dark: false })).newPage();
    const upstreams = [`http://127.0.0.1:${shop.port}`];
    const site = { domains: [HOST], upstreams, mode: "block" };
    siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
    await until("the site answers", async () => (await stack.site(HOST, "/")).code === 200);
    for (const path of ["/", "/internal/a", "/internal/b", "/public/internal"]) {
      await stack.site(HOST, path);
    }
    await until("the lake has them", async () => {
      const when = { field: "path", operator: "startsWith", values: ["/internal"] };
      const asked = { when, action: { kind: "log" } };
      const { result } = await stack.api("POST", `/v1/waf/sites/${siteId}:dryRunRule`, asked);
      return result.hits === 2;
    });
    await signIn(page, `https://127.0.0.1:${stack.consolePort}`, PERSON);
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await shop?.stop();
    await stack?.stop();
  });

  test("a rule is built by form, its dry run counts, and switched on it refuses the next request", async () => {
    await open(`/custom-rules/create?siteId=${siteId}`);
    await page.getByLabel("Name", { exact: true }).fill("Nobody inside");
    await page.getByRole("button", { name: "Add a condition", exact: true }).click();
    await page.getByLabel("Values 1", { exact: true }).fill("/internal\n/private");
    await page.getByRole("button", { name: "Add a condition", exact: true }).click();
    await choose("What is looked at 2", "Method");
    await page.getByLabel("Values 2", { exact: true }).fill("DELETE");
    await page.getByRole("checkbox", { name: "Not 2", exact: true }).check();
    await choose("Action", "Block");
    await page.getByRole("button", { name: "Try on the last hour" }).click();
    await page.getByText("What it would do; nothing was changed").waitFor();
    await page.getByText("/internal/a").waitFor();
    expect(await page.getByText("/public/internal").count()).toBe(0);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("heading", { name: "Nobody inside" }).waitFor();
    const { result } = await stack.api("GET", `/v1/waf/customRules?siteId=${siteId}`);
    expect(result.customRules[0]).toMatchObject({
      enabled: false,
      action: { kind: "block" },
      when: {
        all: [
          { field: "path", operator: "startsWith", values: ["/internal", "/private"] },
          { not: { field: "method", operator: "equals", values: ["DELETE"] } },
        ],
      },
    });
    expect((await stack.site(HOST, "/internal/a")).code).not.toBe(403);
    await open(`/sites/${siteId}?tab=customRule`);
    await page.getByRole("button", { name: "Try on the last hour: Nobody inside" }).click();
    await page.getByText("/internal/b").waitFor();
    await page.getByRole("button", { name: "Switch on: Nobody inside" }).click();
    await page.getByRole("button", { name: "Switch off: Nobody inside" }).waitFor();
    const isRefused = async (path: string) => (await stack.site(HOST, path)).code === 403;
    await until("the gateway refuses", () => isRefused("/internal/a"));
    expect(await isRefused("/public/internal")).toBe(false);
  }, 120_000);

  test("rules are moved with the keyboard, and the order is the gateway's", async () => {
    for (const name of ["Second", "Third"]) {
      await stack.api("POST", "/v1/waf/customRules", { siteId, name, action: { kind: "log" } });
    }
    await open(`/sites/${siteId}?tab=customRule`);
    const third = page.getByRole("listitem").filter({ hasText: "Third" });
    await third.getByRole("button", { name: /drag handle/i }).focus();
    // Nobody presses the next key before hearing what the last one did.
    const steps = [
      ["Space", "Picked up item at position 3 of 3"],
      ["ArrowUp", "Moving item to position 2 of 3"],
      ["ArrowUp", "Moving item to position 1 of 3"],
      ["Space", "Item moved from position 3 to position 1 of 3"],
    ] as const;
    for (const [key, told] of steps) {
      await page.keyboard.press(key);
      await page.getByText(told).first().waitFor({ state: "attached" });
    }
    await until("the order is kept", async () => (await names())[0] === "Third");
    expect(await names()).toEqual(["Third", "Nobody inside", "Second"]);
    const order = `/v1/waf/sites/${siteId}:orderCustomRules`;
    const { error } = await stack.api("POST", order, { customRuleIds: [] });
    expect(error?.reason).toBe("waf.orderInvalid");
  }, 120_000);

  test("a rule's condition is taken away by form, and the rule is then for every request", async () => {
    const { result } = await stack.api("GET", `/v1/waf/customRules?siteId=${siteId}`);
    const { customRuleId } = result.customRules.find(
      ({ name }: { name: string }) => name === "Nobody inside",
    );
    await stack.api("PATCH", `/v1/waf/customRules/${customRuleId}`, { enabled: false });
    await open(`/custom-rules/${customRuleId}?tab=settings`);
    for (const _ of [1, 2]) await page.getByRole("button", { name: "Remove number 1" }).click();
    await page.getByText("Every request. Add a condition").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    const now = async () =>
      (await stack.api("GET", `/v1/waf/customRules/${customRuleId}`)).result.when;
    await until("it is for every request", async () => (await now()) === null);
  }, 120_000);

  const NESTED = {
    not: {
      any: [
        { all: [path("startsWith", " /admin", "/shop"), method("GET", "HEAD")] },
        { not: { field: "header", name: "x-internal", operator: "exists" } },
      ],
    },
  };

  test("a rule with nested and negated groups opens as rows, and is saved as it was", async () => {
    const limit = {
      ...{ keys: [{ by: "ip" }, { by: "header", name: "x-tenant" }], requestsMax: 1_234 },
      ...{ windowSeconds: 60, banSeconds: 60, banSecondsMax: 3_600, exceeded: "refuse" },
    };
    const action = { kind: "rateLimit", limit };
    const rule = { siteId, name: "By the API", when: NESTED, action };
    const { result } = await stack.api("POST", "/v1/waf/customRules", rule);
    await open(`/custom-rules/${result.customRuleId}?tab=settings`);
    const outline = page.getByRole("region", { name: "In words", exact: true });
    await outline.getByText("All of these").waitFor();
    const texts = await outline.getByRole("listitem").allTextContents();
    expect(texts[0]).toMatch(/^None of these/);
    expect(texts.slice(2)).toEqual([
      expect.stringMatching(/^Path starts with {2}?\/admin, \/shop$/),
      "Method equals GET, HEAD",
      "Not: Header “x-internal” is there",
    ]);
    const name = page.getByLabel("Name - optional", { exact: true });
    await name
      .or(page.getByLabel("Name", { exact: true }))
      .first()
      .fill("Renamed");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    const now = async () =>
      (await stack.api("GET", `/v1/waf/customRules/${result.customRuleId}`)).result;
    await until("it has its new name", async () => (await now()).name === "Renamed");
    expect(await now()).toMatchObject({ when: NESTED, action });
  }, 120_000);

  test("what a rule does is said in words of either language, and not as JSON", async () => {
    const { result } = await stack.api("GET", `/v1/waf/customRules?siteId=${siteId}`);
    const { customRuleId } = result.customRules.find(
      ({ name }: { name: string }) => name === "Renamed",
    );
    for (const [language, counted, ...said] of [
      ["en", "Counted by:", "Rate limit", "Requests: 1,234", "exceeded: Refuse", "None of these"],
      ["zh-CN", "计数依据：", "限速", "请求数： 1,234", "超出时： 拒绝", "均不满足"],
    ] as const) {
      await page.evaluate(`localStorage.setItem("cordon.language", "${language}")`);
      await openPage(page, `https://127.0.0.1:${stack.consolePort}/custom-rules/${customRuleId}`);
      const outlines = page.locator("main ul.outline");
      await outlines.filter({ hasText: counted }).first().waitFor();
      const text = (await page.locator("main").textContent()) ?? "";
      for (const words of said) expect(text).toContain(words);
      expect(text).not.toContain('"kind"');
      expect(await page.locator("main pre.json").count()).toBe(0);
    }
    await page.evaluate(`localStorage.setItem("cordon.language", "en")`);
  }, 120_000);

  test("groups within groups are made with keys alone, as deep as the API takes them", async () => {
    const button = (name: string) => page.getByRole("button", { name, exact: true });
    const press = async (name: string) => {
      await button(name).focus();
      await page.keyboard.press("Enter");
    };
    const box = (name: string) => page.getByRole("checkbox", { name, exact: true });
    /** The row that has the focus, by the name of its first control. */
    const focused = (number: string) =>
      page
        .locator("[data-row]")
        .filter({ has: page.getByLabel(`Values ${number}`, { exact: true }) })
        .locator("button:focus");
    await open(`/custom-rules/create?siteId=${siteId}`);
    await page.getByLabel("Name", { exact: true }).fill("With keys");
    await press("Add a group");
    await focused("1.1").waitFor();
    await page.getByLabel("Values 1.1", { exact: true }).fill("/public");
    await page.getByLabel("Values 1.2", { exact: true }).fill("/assets");
    await box("Not the group 1").focus();
    await page.keyboard.press("Space");
    await press("Add a group 1");
    await focused("1.3.1").waitFor();
    await page.getByLabel("Values 1.3.1", { exact: true }).fill("/shop");
    await page.getByLabel("Values 1.3.2", { exact: true }).fill("/shop/open");
    // One level more, by a group or by "not", would be refused.
    const full = { exact: true, disabled: true } as const;
    await page.getByRole("button", { name: "Add a group 1.3", ...full }).waitFor();
    await page.getByRole("checkbox", { name: "Not 1.3.1", ...full }).waitFor();
    await page.getByRole("button", { name: "Add a condition", ...full }).waitFor();
    await choose("Action", "Block");
    await button("Create").click();
    await page.getByRole("heading", { name: "With keys", exact: true }).waitFor();
    const { result } = await stack.api("GET", `/v1/waf/customRules?siteId=${siteId}`);
    const made = result.customRules.find(({ name }: { name: string }) => name === "With keys");
    const inner = { all: [path("startsWith", "/shop"), path("startsWith", "/shop/open")] };
    const any = [path("startsWith", "/public"), path("startsWith", "/assets"), inner];
    expect(made.when).toEqual({ not: { any } });
    const rule = `/v1/waf/customRules/${made.customRuleId}`;
    await stack.api("PATCH", rule, { enabled: true });
    const isRefused = async (target: string) => (await stack.site(HOST, target)).code === 403;
    await until("the gateway refuses", () => isRefused("/shop/closed"));
    expect(await isRefused("/shop/open")).toBe(false);
    expect(await isRefused("/public/x")).toBe(false);
    expect((await stack.api("DELETE", rule)).code).toBe(200);
  }, 120_000);

  test("a row that is removed leaves the focus at its group", async () => {
    await open(`/custom-rules/create?siteId=${siteId}`);
    const button = (name: string) => page.getByRole("button", { name, exact: true });
    await button("Add a group").click();
    await button("Remove number 1.2").focus();
    await page.keyboard.press("Enter");
    await page.locator('[aria-label="Add a condition 1"]:focus').waitFor();
    await button("Remove number 1.1").focus();
    await page.keyboard.press("Enter");
    await page.locator('[aria-label="Add a condition"]:focus').waitFor();
    await page.getByText("Every request. Add a condition").waitFor();
  }, 120_000);

  test("a refused condition is told at its row, where every control fits a narrow page", async () => {
    await page.setViewportSize({ width: 400, height: 900 });
    await openPage(
      page,
      `https://127.0.0.1:${stack.consolePort}/custom-rules/create?siteId=${siteId}`,
    );
    const button = (name: string) => page.getByRole("button", { name, exact: true });
    await page.getByLabel("Name", { exact: true }).fill("With a hole");
    await button("Add a condition").click();
    await page.getByLabel("Values 1", { exact: true }).fill("/open");
    await button("Add a group").click();
    await page.getByLabel("Values 2.1", { exact: true }).fill("/inside");
    for (const name of ["What is looked at 2.2 Path", "Remove number 2.2"]) {
      const box = await button(name).boundingBox();
      expect(box?.width, name).toBeGreaterThan(name.startsWith("What") ? 150 : 20);
      expect((box?.x ?? 0) + (box?.width ?? 400), name).toBeLessThanOrEqual(380);
    }
    await choose("Action", "Block");
    await button("Create").click();
    await page.getByText("Condition 2.2: This field is needed", { exact: true }).waitFor();
    expect(await page.locator('textarea[aria-invalid="true"]').count()).toBe(1);
  }, 120_000);

  test("what is emptied in a site's policy is gone, and what another part saved stays", async () => {
    const policy = `/v1/waf/sites/${siteId}/policy`;
    const now = async () => (await stack.api("GET", policy)).result;
    const bots = { ...(await now()).bots, honeypotPaths: ["/trap"] };
    await stack.api("PATCH", policy, {
      bots,
      blockPage: { status: 403, html: "<h1>No</h1>" },
      patches: [{ patchId: "CVE-2021-44228", action: "block", expiresAt: null }],
    });
    const save = page.getByRole("button", { name: "Save", exact: true });
    await page.setViewportSize({ width: 1440, height: 900 });
    await open(`/sites/${siteId}?tab=sitePolicy`);
    await page.getByLabel("HTML", { exact: true }).waitFor();
    // The part before is kept; what is saved meanwhile must not be written over with it.
    await page.getByRole("button", { name: "SecLang", exact: true }).click();
    await page.getByLabel("Own rules (SecLang)").fill('SecAction "id:10002,phase:1,pass,nolog"');
    await save.click();
    await until("it is kept", async () => (await now()).secLang.includes("10002"));
    await page.getByRole("button", { name: "Site policy", exact: true }).click();
    await page.getByText("id:10002").waitFor();
    await page.getByLabel("Status", { exact: true }).fill("");
    await page.getByLabel("HTML", { exact: true }).fill("");
    await page.getByLabel("Trap paths", { exact: true }).fill("");
    await page.getByRole("button", { name: "Remove number 1", exact: true }).click();
    await save.click();
    await until("the patch is gone", async () => (await now()).patches.length === 0);
    const { secLang, blockPage, bots: left } = await now();
    expect([secLang, blockPage]).toEqual(['SecAction "id:10002,phase:1,pass,nolog"', null]);
    expect(left).toEqual({ ...bots, honeypotPaths: [] });
  }, 120_000);

  test("a stored request is explained as it was sent, by its id alone", async () => {
    const tried = { when: path("equals", "/internal/b"), action: { kind: "log" } };
    const { result } = await stack.api("POST", `/v1/waf/sites/${siteId}:dryRunRule`, tried);
    const { uid } = result.samples[0];
    await open(`/explain?siteId=${siteId}`);
    await page.getByLabel("Stored request (uid or request id) (optional)").fill(uid);
    const asked = page.waitForRequest((request) => request.url().endsWith(":explain"));
    await page.getByRole("button", { name: "Explain", exact: true }).click();
    expect((await asked).postDataJSON()).toEqual({ event: uid });
    const answer = await (await (await asked).response())?.json();
    expect(answer?.result.replayed.target).toBe("/internal/b");
  }, 120_000);

  test("SecLang that does not compile is refused with its line, and what does counts", async () => {
    await open(`/sites/${siteId}?tab=secLang`);
    const text = page.getByLabel("Own rules (SecLang)");
    await text.fill("SecRule REQUEST_URI @beginsWith");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Own rules").first().waitFor();
    await page.locator(".failure").first().waitFor();
    await text.fill(
      'SecRule REQUEST_URI "@beginsWith /seclang" "id:10001,phase:1,deny,status:403"',
    );
    await page.getByRole("button", { name: "Save" }).click();
    const isRefused = async () => (await stack.site(HOST, "/seclang")).code === 403;
    await until("the gateway refuses", isRefused);
  }, 120_000);

  test("none of these pages, nor those of tuning and reports, has a serious accessibility fault", async () => {
    const tabs = ["customRule", "secLang", "proposal", "report", "complianceCheck"];
    for (const path of [
      `/custom-rules/create?siteId=${siteId}`,
      ...tabs.map((tab) => `/sites/${siteId}?tab=${tab}`),
    ]) {
      await openPage(page, `https://127.0.0.1:${stack.consolePort}${path}`);
      if (path.includes("create")) {
        await page.getByRole("button", { name: "Add a condition", exact: true }).click();
        await page.getByRole("button", { name: "Add a group", exact: true }).click();
        await page.getByRole("button", { name: "Add a group 2", exact: true }).click();
      }
      const { violations } = await new AxeBuilder({ page }).analyze();
      const serious = violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${path} ${id} ${nodes[0]?.html.slice(0, 200)}`);
      expect(serious).toEqual([]);
    }
  }, 240_000);
});
