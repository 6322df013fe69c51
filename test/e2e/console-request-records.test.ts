/** A flagged request as it came, in the console: switched on, read on demand, secrets marked. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hasRules } from "../protected-site.ts";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";
import {
  hasBrowser,
  type Look,
  launchBrowser,
  openContext,
  openPage,
  signIn,
} from "./console-browser.ts";

const canRun = hasBrowser && hasRules;
const HOST = "records.localhost";
const person = { accountName: "main", userName: "admin", password: PASSWORD };

let origin: Server;
let stack: Stack;
let browser: Browser;
let siteId = "";
const address = (path: string) => `https://127.0.0.1:${stack.consolePort}${path}`;

async function pageIn(language: Look["language"]): Promise<Page> {
  const page = await (await openContext(browser, { language, dark: false })).newPage();
  await signIn(page, address(""), person);
  return page;
}

beforeAll(async () => {
  if (!canRun) return;
  origin = createServer((request, response) => request.resume().on("end", () => response.end()));
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const upstreams = [`http://127.0.0.1:${(origin.address() as AddressInfo).port}`];
  stack = await startStack();
  const site = { domains: [HOST], upstreams, mode: "observe" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  browser = await launchBrowser();
}, 240_000);

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  origin?.close();
});

/** Posts a form that rules take for an attack; @returns the event's uid. */
async function posted(): Promise<string> {
  await stack.site(HOST, "/comment", {
    method: "POST",
    body: new URLSearchParams({ text: "1' or '1'='1", password: "hunter2" }).toString(),
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  let uid = "";
  await until("the event is in the lake", async () => {
    const { result } = await stack.api("GET", "/v1/events/events?text=%2Fcomment");
    uid = result.events[0]?.uid ?? "";
    return uid !== "";
  });
  return uid;
}

test.skipIf(!canRun)(
  "switched on with a warning, and shown when asked for (needs Chromium, modsecurity-crs)",
  async () => {
    const page = await pageIn("en");
    await openPage(page, address(`/sites/${siteId}?tab=requestRecords`));
    await page.getByText("Records hold what people sent", { exact: false }).waitFor();
    await page.close();
    const policy = {
      requestRecords: {
        ...{ recordedRequests: "flagged", bodyBytesMax: 16_384, hiddenNames: [], daysKept: 7 },
      },
    };
    await stack.api("PATCH", `/v1/waf/sites/${siteId}/policy`, policy);
    await until("the gateway follows", async () => {
      return (await stack.api("GET", `/v1/waf/sites/${siteId}`)).result.state === "applied";
    });
    const uid = await posted();
    await until("its record is in the lake", async () => {
      return (await stack.api("GET", `/v1/waf/sites/${siteId}/requestRecords/${uid}`)).code === 200;
    });
    const other = await pageIn("zh-CN");
    await openPage(other, address(`/search/${uid}`));
    const main = other.locator("main");
    expect(await main.textContent()).not.toContain("password=");
    await other.getByRole("button", { name: "显示", exact: true }).click();
    await other.getByText("POST /comment HTTP/1.1").waitFor();
    expect(await main.textContent()).toContain("password=*******");
    expect(await main.locator("mark").allTextContents()).toContain("*******");
    expect(await main.textContent()).not.toContain("hunter2");
    await other.close();
  },
  120_000,
);
