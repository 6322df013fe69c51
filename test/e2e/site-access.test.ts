/** Who used which URL: what the gateway saw, as lists of users, URLs and requests. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { vocabulary } from "../../console/src/messages/vocabulary.ts";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";
import { hasBrowser, launchBrowser, openContext, openPage, signIn } from "./console-browser.ts";

const HOST = "access.localhost";
const ATTACK = `/orders?id=${encodeURIComponent("1 union select id, password from customer")}`;
/** A name as directories of Windows write it: a backslash must stay one. */
const CAROL = "CORP\\carol";
type Sent = { user: string; path: string; method?: string; from?: string };
const SENT: readonly Sent[] = [
  ...[1, 2, 3].map(() => ({ user: "alice", path: "/orders" })),
  { user: "alice", path: "/orders", method: "POST" },
  { user: "alice", path: "/broken" },
  { user: "alice", path: "/orders", from: "127.0.1.1" },
  { user: "bob", path: "/orders" },
  { user: "bob", path: "/missing" },
  { user: "bob", path: ATTACK },
  { user: CAROL, path: "/missing" },
  { user: "", path: "/orders" },
];

let stack: Stack;
let origin: Server;
let siteId = "";
const path = (rest: string) => `/v1/appgateway/sites/${siteId}/${rest}`;
/** `name eq a b` as the query has it. */
const filters = (...given: readonly (readonly [string, string, ...string[]])[]) =>
  new URLSearchParams(
    given.flatMap(([name, operator, ...values], at): [string, string][] => [
      [`filters.${at + 1}.name`, name],
      [`filters.${at + 1}.operator`, operator],
      ...values.map((value, place): [string, string] => [
        `filters.${at + 1}.values.${place + 1}`,
        value,
      ]),
    ]),
  ).toString();
const list = async (which: string, query = "") => {
  const { result, error } = await stack.api("GET", path(`${which}?${query}`));
  expect(error).toBeUndefined();
  const items: { [field: string]: unknown }[] = result.siteUsers ?? result.userUrls;
  return { items: items ?? result.userRequests, total: result.totalCount };
};

beforeAll(async () => {
  origin = createServer((request, response) => {
    response.statusCode = request.url === "/broken" ? 500 : request.url === "/missing" ? 404 : 200;
    response.end("good");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  stack = await startStack();
  const site = { domains: [HOST], upstreams: [url], mode: "block" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  const settings = { identitySource: "header", identityName: "X-User" };
  expect((await stack.api("PUT", path("userAudit"), settings)).code).toBe(200);
  await until("the gateway follows", async () => {
    const { result } = await stack.api("GET", `/v1/waf/sites/${siteId}`);
    return result.state === "applied";
  });
  for (const { user, from, path: target, ...more } of SENT) {
    const sent = {
      ...more,
      ...(from === undefined ? {} : { localAddress: from }),
      ...(user === "" ? {} : { headers: { "x-user": user } }),
    };
    await stack.site(HOST, target, sent);
  }
  const named = SENT.filter(({ user }) => user !== "").length;
  await until(
    "the lake has them",
    async () => (await list("userRequests")).total === named,
    60_000,
  );
}, 240_000);
afterAll(async () => {
  await stack?.stop();
  origin?.closeAllConnections();
  origin?.close();
}, 120_000);

test("each user has what was asked in that name, and each number is that of the list behind it", async () => {
  const { items, total } = await list("users");
  expect(total).toBe(3);
  expect(items[0]).toMatchObject({
    ...{ siteId, userName: "alice", requestCount: 6, urlCount: 3, blockedCount: 0, errorCount: 1 },
    ...{ sourceCount: 2, proof: "unverified" },
  });
  expect(items[1]).toMatchObject({ userName: "bob", requestCount: 3, blockedCount: 1 });
  for (const user of items) {
    const name = ["userName", "eq", String(user.userName)] as const;
    const of = async (which: string, ...more: readonly (readonly [string, string, string])[]) =>
      (await list(which, filters(name, ...more))).total;
    expect(await of("userUrls")).toBe(user.urlCount);
    expect(await of("userRequests")).toBe(user.requestCount);
    expect(await of("userRequests", ["disposition", "eq", "Blocked"])).toBe(user.blockedCount);
    expect(await of("userRequests", ["status", "ge", "500"])).toBe(user.errorCount);
  }
  // The input from before filters were taken here means the same.
  const asked = new URLSearchParams({ userName: CAROL }).toString();
  expect((await list("userRequests", asked)).items).toMatchObject([
    { userName: CAROL, path: "/missing", status: 404 },
  ]);
}, 120_000);

test("each URL has its users, its statuses and its latency", async () => {
  const { items, total } = await list("userUrls");
  const orders = items.find(({ url }) => url === "GET /orders");
  expect(total).toBe(4);
  expect(orders).toMatchObject({
    ...{ requestCount: 6, userCount: 2, successCount: 5, clientErrorCount: 1, blockedCount: 1 },
    ...{ errorCount: 0, userNames: expect.arrayContaining(["alice", "bob"]) },
  });
  expect(Number(orders?.latencyP95Ms)).toBeGreaterThanOrEqual(Number(orders?.latencyP50Ms));
  const of = filters(["path", "eq", "/orders"], ["method", "eq", "GET"]);
  const users = await list("users", of);
  expect(users.items).toMatchObject([
    { userName: "alice", requestCount: 4, urlCount: 1 },
    { userName: "bob", requestCount: 2, urlCount: 1 },
  ]);
}, 120_000);

test("lists are filtered by what they count, sorted, and cut into pages", async () => {
  const names = async (query: string) =>
    (await list("users", query)).items.map(({ userName }) => userName);
  expect(await names(filters(["requestCount", "ge", "3"]))).toEqual(["alice", "bob"]);
  expect(await names(filters(["userName", "startsWith", "CORP\\"]))).toEqual([CAROL]);
  expect(await names(filters(["userName", "contains", "O"], ["urlCount", "lt", "2"]))).toEqual([
    CAROL,
  ]);
  const ascending = "sorts.1.name=requestCount&sorts.1.direction=asc";
  expect(await names(ascending)).toEqual([CAROL, "bob", "alice"]);
  const second = await list("users", `${ascending}&pageSize=1&pageNumber=2`);
  expect(second).toMatchObject({ total: 3, items: [{ userName: "bob" }] });
  const newest = (await list("users", "sorts.1.name=lastTime&sorts.1.direction=desc")).items[0];
  const before = filters(["lastTime", "lt", String(newest?.lastTime)]);
  expect(await names(before)).not.toContain(newest?.userName);
  const slow = (await list("userUrls", "sorts.1.name=latencyP95Ms&sorts.1.direction=desc")).items;
  expect(slow.map(({ latencyP95Ms }) => Number(latencyP95Ms))).toEqual(
    slow.map(({ latencyP95Ms }) => Number(latencyP95Ms)).toSorted((one, other) => other - one),
  );
}, 120_000);

test("a filter or sort that a list does not know is refused and not left out", async () => {
  const refused = async (which: string, query: string) => {
    const { error } = await stack.api("GET", path(`${which}?${query}`));
    expect(error?.reason).toBe("kernel.inputInvalid");
    return error?.details[0]?.path;
  };
  expect(await refused("users", filters(["password", "eq", "x"]))).toBe("/filters/0/name");
  expect(await refused("users", filters(["constructor", "eq", "x"]))).toBe("/filters/0/name");
  expect(await refused("users", filters(["requestCount", "ge", "many"]))).toBe("/filters/0/values");
  expect(await refused("userRequests", filters(["requestCount", "ge", "1"]))).toBe(
    "/filters/0/name",
  );
  // A user has many paths: nothing can be sorted by one.
  expect(await refused("users", "sorts.1.name=path")).toBe("/sorts/0/name");
}, 120_000);

test("who may see the site and its rules does not see its users: each list is a right of its own", async () => {
  const statement = [{ effect: "allow", action: "waf:*", resource: "*" }];
  statement.push({ effect: "allow", action: "appgateway:ListUserUrls", resource: "*" });
  const policy = await stack.api("POST", "/v1/iam/policies", {
    ...{ name: "rules and URLs", document: { version: "1", statement } },
  });
  const user = { name: "keeper", password: PASSWORD, policyIds: [policy.result.policyId] };
  const { userId } = (await stack.api("POST", "/v1/iam/users", user)).result;
  const made = await stack.api("POST", "/v1/iam/bearerKeys", { userId, name: "keeper" });
  const reasonOf = async (which: string) =>
    (await stack.api("GET", path(which), undefined, made.result.secret)).error?.reason;
  expect(await reasonOf("userUrls")).toBeUndefined();
  expect(await reasonOf("users")).toBe("kernel.forbidden");
  expect(await reasonOf("userRequests")).toBe("kernel.forbidden");
}, 120_000);

describe.skipIf(!hasBrowser)("in the console (needs Chromium)", () => {
  let browser: Browser;
  let page: Page;
  const at = (rest: string) => `https://127.0.0.1:${stack.consolePort}${rest}`;
  /** What a row says in a column; the row is named by another of its values. */
  const cell = (row: readonly [field: string, value: string], column: string) =>
    page.locator(
      `main tr:has([data-field="${row[0]}"][data-value=${JSON.stringify(row[1])}]) ` +
        `[data-field="${column}"]`,
    );
  /** The list's title with how many it has. */
  const heading = (title: string, count: number) =>
    page.locator("main h1").filter({ hasText: new RegExp(`^${title}\\s*\\(${count}\\)`) });

  beforeAll(async () => {
    browser = await launchBrowser();
    const context = await openContext(browser, { language: "en", dark: false });
    page = await context.newPage();
    const person = { accountName: "main", userName: "admin", password: PASSWORD };
    await signIn(page, at(""), person);
  }, 120_000);
  afterAll(() => browser?.close());

  test("a user's number of URLs opens them, and from a URL one comes to the events, with keys alone", async () => {
    await page.goto(at(`/site-users?siteId=${siteId}`));
    await heading("Users of sites", 3).waitFor();
    await cell(["userName", "alice"], "urlCount").locator("a").focus();
    await page.keyboard.press("Enter");
    await heading("URLs by users", 3).waitFor();
    await cell(["path", "/broken"], "errorCount").locator("a").focus();
    await page.keyboard.press("Enter");
    await heading("Requests of users", 1).waitFor();
    // Still those of alice alone.
    expect(await cell(["path", "/broken"], "userName").textContent()).toContain("alice");
    await cell(["path", "/broken"], "time").locator("a").focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/search\/[\w-]+$/);
    await page.locator("main h1").first().waitFor();
  }, 180_000);

  test("a URL's number of users opens who they are, and numbers there count that URL alone", async () => {
    await page.goto(at(`/user-urls?siteId=${siteId}`));
    await heading("URLs by users", 4).waitFor();
    const orders = page
      .locator('main tr:has([data-field="path"][data-value="/orders"])')
      .filter({ has: page.locator('[data-field="method"][data-value="GET"]') });
    await orders.locator('[data-field="userCount"] a').click();
    await heading("Users of sites", 2).waitFor();
    await cell(["userName", "alice"], "requestCount").locator("a").click();
    await heading("Requests of users", 4).waitFor();
    // The filter goes along when another of the three lists is asked for.
    await page.getByRole("button", { name: "URLs by users", exact: true }).click();
    await heading("URLs by users", 1).waitFor();
  }, 180_000);

  test("the filtered list leaves as a file, with names that a spreadsheet does not run", async () => {
    const asked = JSON.stringify([["userName", "=", CAROL]]);
    await page.goto(at(`/site-users?${new URLSearchParams({ siteId, filter: asked })}`));
    await heading("Users of sites", 1).waitFor();
    await page.getByRole("button", { name: "Export", exact: true }).click();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "As CSV", exact: true }).click();
    const file = readFileSync(await (await coming).path(), "utf8");
    expect(file).toContain(CAROL);
    expect(file).not.toContain("alice");
  }, 120_000);

  test("a site that names nobody says so, with the way to its settings", async () => {
    const site = { domains: ["silent.localhost"], upstreams: ["http://127.0.0.1:9"] };
    const made = await stack.api("POST", "/v1/waf/sites", site);
    await page.goto(at(`/user-requests?siteId=${made.result.siteId}`));
    await page.getByText("No users are recorded for this site", { exact: true }).waitFor();
    await heading("Requests of users", 0).waitFor();
    await page.locator('main a[href$="?tab=userAudit"]').click();
    await page.getByRole("button", { name: "Save", exact: true }).waitFor();
  }, 120_000);

  test("a report draws requests and latency, and its lists say what they count, in both languages", async () => {
    for (const [language, ...said] of [
      ["en", "Requests over time", "Latency over time", "One bar: ", "One point: "],
      ["zh-CN", "请求趋势", "延迟趋势", "每柱：", "每点："],
    ] as const) {
      await page.evaluate(`localStorage.setItem("cordon.language", "${language}")`);
      await openPage(page, at(`/sites/${siteId}?tab=report`));
      const [requests, latency, ...spans] = said;
      for (const title of [requests, latency]) {
        await page.getByRole("img", { name: title, exact: true }).waitFor();
      }
      const text = (await page.locator("main").textContent()) ?? "";
      for (const span of spans) expect(text).toContain(span);
      const columns = await page.locator("main th").allTextContents();
      const words = ["path", "status", "category", "sourceIp", "country", "ruleId", "userName"];
      const { field, own } = vocabulary(language);
      const labels = words.map((word) => own.appgateway?.field[word] ?? field[word]);
      expect(columns.filter((column) => labels.includes(column))).toHaveLength(words.length);
      const alice = page.getByRole("row").filter({ hasText: "alice" }).locator("meter");
      expect(await alice.getAttribute("value")).toBe(await alice.getAttribute("max"));
    }
    await page.evaluate(`localStorage.setItem("cordon.language", "en")`);
  }, 120_000);

  test("none of the lists has a serious accessibility fault, in both languages", async () => {
    for (const language of ["en", "zh-CN"]) {
      // As the person's own choice of language is kept; a script as text, since this file is
      // checked without the browser's types.
      await page.evaluate(`localStorage.setItem("cordon.language", "${language}")`);
      for (const name of ["site-users", "user-urls", "user-requests"]) {
        await openPage(page, at(`/${name}?siteId=${siteId}`));
        await page.locator("main tbody [data-value]").first().waitFor();
        const { violations } = await new AxeBuilder({ page }).analyze();
        const serious = violations
          .filter(({ impact }) => impact === "serious" || impact === "critical")
          .map(({ id, nodes }) => `${name} ${id} ${nodes[0]?.html.slice(0, 200)}`);
        expect(serious).toEqual([]);
      }
    }
  }, 180_000);
});
