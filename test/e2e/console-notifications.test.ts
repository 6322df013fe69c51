/** What a person sees of messages that were sent, failed or were kept back, in either language. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";
import {
  hasBrowser,
  type Look,
  launchBrowser,
  openContext,
  openPage,
  signIn,
} from "./console-browser.ts";

const PERSON = { accountName: "main", userName: "admin", password: PASSWORD };
const CHANNEL = "Night shift";

describe.skipIf(!hasBrowser)("notifications in the console (needs Chromium)", () => {
  let stack: Stack;
  let browser: Browser;
  let channelId = "";
  const address = (path: string) => `https://127.0.0.1:${stack.consolePort}${path}`;
  const pageIn = async (language: Look["language"]): Promise<Page> => {
    const page = await (await openContext(browser, { language, dark: false })).newPage();
    await signIn(page, address(""), PERSON);
    return page;
  };

  beforeAll(async () => {
    stack = await startStack();
    browser = await launchBrowser();
    const url = "https://tickets.unreachable.invalid/in";
    const made = await stack.api("POST", "/v1/notify/channels", {
      ...{ name: CHANNEL, kind: "webhook", url },
    });
    channelId = made.result.channel.channelId;
    await stack.api("POST", `/v1/notify/channels/${channelId}:test`, {});
    await until("the test has failed", async () => {
      const { result } = await stack.api("GET", `/v1/notify/channels/${channelId}`);
      return result.lastState === "failed";
    });
  }, 240_000);

  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
  });

  test("from a channel that failed one comes to its failed messages, and to why", async () => {
    const page = await pageIn("en");
    await openPage(page, address(`/channels/${channelId}`));
    await page.getByRole("link", { name: "Failed", exact: true }).click();
    await page
      .getByRole("link", { name: `Test of channel ${CHANNEL}, asked for by admin` })
      .click();
    const attempts = page.getByRole("table", { name: "Attempts", exact: true });
    await attempts.getByText("tickets.unreachable.invalid has no address").waitFor();
    // It has ended, so nothing of it comes next.
    const { result } = await stack.api("GET", "/v1/notify/deliveries");
    expect(result.deliveries[0]).toMatchObject({ state: "failed", nextTime: null });
    expect(await page.getByRole("button", { name: "Retry delivery" }).isEnabled()).toBe(true);
    await page.close();
  }, 120_000);

  test("the events of a message are told as rows in the reader's language, and not as JSON", async () => {
    const { result } = await stack.api("GET", "/v1/notify/deliveries");
    const page = await pageIn("zh-CN");
    await openPage(page, address(`/deliveries/${result.deliveries[0].deliveryId}`));
    // The type in words, with itself as the tip.
    const row = page.getByRole("row").filter({ has: page.getByTitle("notify.test") });
    await row.getByText("通知渠道测试", { exact: true }).waitFor();
    await row.getByText(`通知渠道 ${CHANNEL} 的测试，由 admin 发起`).waitFor();
    expect(await page.locator("main pre.json").count()).toBe(0);
    expect(await page.locator("main").textContent()).not.toContain("asked for by");
    await page.close();
  }, 120_000);

  test("a route's services are chosen by their names, and none has to be known", async () => {
    const page = await pageIn("en");
    await openPage(page, address("/notification-routes/create"));
    await page.getByLabel("Name", { exact: true }).fill("Attacks");
    await page.getByLabel("Channels", { exact: true }).click();
    await page.getByRole("option", { name: `${CHANNEL} ${channelId}`, exact: true }).click();
    await page.keyboard.press("Escape");
    await page.getByLabel("Services (optional)", { exact: true }).click();
    await page.getByRole("option", { name: "Web application firewall", exact: true }).click();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await until("the route is made", async () => {
      const { result } = await stack.api("GET", "/v1/notify/routes");
      return result.routes.some(({ services }: { services: string[] }) => services[0] === "waf");
    });
    await openPage(page, address("/notification-routes"));
    await page.locator("td").getByText("Web application firewall", { exact: true }).waitFor();
    // It has no page of its own, and is changed from the list.
    await page.getByRole("radio", { name: "Attacks", exact: true }).check();
    await page.getByRole("button", { name: "Update route", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: /Web application firewall/ }).click();
    await dialog.getByRole("button", { name: "Update route", exact: true }).click();
    await until("it takes all services", async () => {
      const { result } = await stack.api("GET", "/v1/notify/routes");
      return result.routes[0].services.length === 0;
    });
    await page.close();
  }, 120_000);
});
