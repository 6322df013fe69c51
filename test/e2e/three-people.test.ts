/**
 * The day of three people in Chromium: an administrator invites a site owner and an auditor, each
 * signs in with a factor of his own, does what he may, is refused what he may not with the reason
 * and the way out, and all of it stands in the account's audit log.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { totpCode } from "../../src/kernel/identity/totp.ts";
import { PASSWORD, type Stack, startStack, until } from "../stack.ts";
import { hasBrowser, launchBrowser, openContext, signIn } from "./console-browser.ts";

const OWNER = "olive@example.org";
const AUDITOR = "audrey@example.org";
const OWN_PASSWORD = "a password that only I know";

let stack: Stack;
let browser: Browser;
let origin = "";
const pages: Record<string, Page> = {};

beforeAll(async () => {
  if (!hasBrowser) return;
  stack = await startStack();
  origin = `https://localhost:${stack.consolePort}`;
  browser = await launchBrowser();
  for (const name of ["administrator", "owner", "auditor"]) {
    const context = await openContext(browser, { language: "en", dark: false });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    pages[name] = page;
    const devtools = await context.newCDPSession(page);
    await devtools.send("WebAuthn.enable");
    await devtools.send("WebAuthn.addVirtualAuthenticator", {
      options: {
        ...{ protocol: "ctap2", transport: "internal", hasResidentKey: true },
        ...{ hasUserVerification: true, isUserVerified: true },
        automaticPresenceSimulation: true,
      },
    });
  }
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await stack?.stop();
});

function pageOf(name: string): Page {
  const page = pages[name];
  if (page === undefined) throw new Error(`There is no browser for "${name}"`);
  return page;
}

/** Fills the form of an invitation; @returns the link that is shown once. */
async function invite(page: Page, name: string, policy: string): Promise<string> {
  await page.goto(`${origin}/invitations/create`);
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Policies").first().click();
  await page.getByRole("option", { name: policy }).first().click();
  await page.keyboard.press("Escape");
  const sent = page.waitForResponse((response) => response.url().endsWith("/v1/iam/invitations"));
  await page.getByRole("button", { name: "Create" }).last().click();
  const answer = await (await sent).json();
  expect(answer.error).toBeUndefined();
  return answer.result.link;
}

/** Opens the link, chooses a password, and stands before the page of his own security. */
async function accept(page: Page, link: string): Promise<void> {
  await page.goto(link);
  await page.getByText("You are invited to the account").waitFor();
  await page.getByLabel("Password").fill(OWN_PASSWORD);
  await page.getByRole("button", { name: "Accept and sign in" }).click();
  await page.getByRole("heading", { name: "Your security" }).waitFor();
}

const secretBytes = (text: string): Buffer => {
  const bits = [...text]
    .map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0"))
    .join("");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
};

async function signOut(page: Page, name: string): Promise<void> {
  await page.goto(`${origin}/`);
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with a passkey" }).waitFor();
}

/** Creates a site by the console's form. */
async function createSite(page: Page, domain: string): Promise<void> {
  await page.goto(`${origin}/sites/create`);
  await page.getByLabel("Domains").first().fill(domain);
  await page.getByLabel("Upstreams").first().fill("http://127.0.0.1:9");
  await page.getByRole("button", { name: "Create" }).last().click();
}

async function isRecorded(operation: string, principal: string, code: number): Promise<boolean> {
  const filters = [
    ...["filters.1.name=operation", `filters.1.values.1=${operation}`],
    ...["filters.2.name=principalName", `filters.2.values.1=${encodeURIComponent(principal)}`],
    ...["filters.3.name=code", `filters.3.values.1=${code}`],
  ].join("&");
  const { result } = await stack.api("GET", `/v1/audit/entries?${filters}`);
  return result.totalCount > 0;
}

describe.skipIf(!hasBrowser)("three people (needs Chromium)", () => {
  let links: Record<string, string> = {};

  test("the administrator invites the two others", { timeout: 120_000 }, async () => {
    const page = pageOf("administrator");
    const me = { accountName: "main", userName: "admin", password: PASSWORD };
    await signIn(page, origin, me);
    links = {
      owner: await invite(page, OWNER, "SiteOperator"),
      auditor: await invite(page, AUDITOR, "Auditor"),
    };
    expect(links.owner).toMatch(/^https:\/\/localhost:\d+\/invitation#/);
    await page.goto(`${origin}/invitations`);
    await page.getByText(OWNER).first().waitFor();
    await page.getByText(AUDITOR).first().waitFor();
  });

  test("the site owner accepts, adds a passkey and comes back by it", {
    timeout: 120_000,
  }, async () => {
    const page = pageOf("owner");
    await accept(page, links.owner ?? "");
    await page.getByLabel("Name of the new passkey").fill("laptop");
    await page.getByRole("button", { name: "Add a passkey" }).click();
    await page.getByText("Keep these back-up codes").waitFor();
    await signOut(page, OWNER);
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.locator("#needs").waitFor();
    // The link works once.
    await page.context().clearCookies();
    await page.goto("about:blank");
    await page.goto(links.owner ?? "");
    await page.getByText("This invitation was accepted already").waitFor();
    await page.getByRole("button", { name: "Back to sign-in" }).click();
    await page.getByRole("button", { name: "Sign in with a passkey" }).click();
    await page.locator("#needs").waitFor();
  });

  test("the site owner makes a site and is refused the users, with the right that it takes", {
    timeout: 120_000,
  }, async () => {
    const page = pageOf("owner");
    await createSite(page, "olive.example.org");
    await page.getByText("olive.example.org").first().waitFor();
    await page.goto(`${origin}/users`);
    await page.getByText("iam:ListUsers").first().waitFor();
    await page.getByText("Why was this denied?").first().waitFor();
  });

  test("the auditor accepts, adds an authenticator app and comes back with its code", {
    timeout: 120_000,
  }, async () => {
    const page = pageOf("auditor");
    await accept(page, links.auditor ?? "");
    const begun = page.waitForResponse((response) => response.url().endsWith("totp:begin"));
    await page.getByRole("button", { name: "Add an authenticator app" }).click();
    const secret = secretBytes((await (await begun).json()).result.secret);
    const step = () => Math.floor(Date.now() / 30_000);
    // Codes are good once: the one before now is used up here, the one of now at sign-in.
    await page.getByLabel("Code").fill(totpCode(secret, step() - 1));
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.getByText("Keep these back-up codes").waitFor();
    await signOut(page, AUDITOR);
    await page.getByLabel("Account name").fill("main");
    await page.getByLabel("User name").fill(AUDITOR);
    await page.getByLabel("Password").fill(OWN_PASSWORD);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByLabel("Code").fill(totpCode(secret, step()));
    await page.getByRole("button", { name: "Confirm" }).click();
    await page.locator("#needs").waitFor();
  });

  test("the auditor reads what the others did and is refused every change, and is told why", {
    timeout: 120_000,
  }, async () => {
    const page = pageOf("auditor");
    await page.goto(`${origin}/audit`);
    await page.getByText(OWNER).first().waitFor();
    await createSite(page, "audrey.example.org");
    await page.getByText("waf:CreateSite").first().waitFor();
    const { result } = await stack.api("GET", "/v1/waf/sites");
    expect(JSON.stringify(result)).not.toContain("audrey.example.org");
  });

  test("who may see no events is told so by the live view, and which right it takes", {
    timeout: 120_000,
  }, async () => {
    const user = { name: "newcomer", password: OWN_PASSWORD };
    expect((await stack.api("POST", "/v1/iam/users", user)).code).toBe(200);
    const context = await openContext(browser, { language: "en", dark: false });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const me = { accountName: "main", userName: user.name, password: user.password };
    await signIn(page, origin, me);
    await page.goto(`${origin}/live`);
    await page.getByText("events:SearchEvents").first().waitFor();
    expect(await page.getByText("Connecting").count()).toBe(0);
    await page.goto(`${origin}/`);
    await page.getByText("events:SearchEvents").first().waitFor();
    // A list that may not be read says so in its place, and never that there is nothing in it.
    const incidents = page.getByRole("grid", { name: "Open incidents", exact: true });
    await incidents.getByText("incident:ListIncidents", { exact: true }).waitFor();
    expect(await page.getByText("No open incidents").count()).toBe(0);
    await until("nothing loads that never comes", async () => {
      return (await page.locator("main").getByText("Loading").count()) === 0;
    });
    await context.close();
  });

  test("all of it stands in the account's audit log, with who did it and how it was decided", {
    timeout: 60_000,
  }, async () => {
    const wanted: [string, string, number][] = [
      ["iam.createInvitation", "admin", 200],
      ["iam.acceptInvitation", OWNER, 200],
      ["iam.acceptInvitation", AUDITOR, 200],
      ["iam.completeOwnPasskey", OWNER, 200],
      ["iam.completeSignIn", OWNER, 200],
      ["waf.createSite", OWNER, 200],
      ["iam.listUsers", OWNER, 403],
      ["iam.confirmOwnTotp", AUDITOR, 200],
      ["iam.signIn", AUDITOR, 200],
      ["iam.completeSignIn", AUDITOR, 200],
      ["waf.createSite", AUDITOR, 403],
    ];
    let missing: typeof wanted = [];
    await until("the audit log has every step", async () => {
      const found = await Promise.all(wanted.map((step) => isRecorded(...step)));
      missing = wanted.filter((_, at) => found[at] === false);
      return missing.length === 0;
    }).catch(() => undefined);
    expect(missing).toEqual([]);
    const { result } = await stack.api("GET", "/v1/audit/entries?pageSize=100");
    const text = JSON.stringify(result);
    for (const secret of [OWN_PASSWORD, links.owner?.split("#")[1] ?? "", PASSWORD]) {
      expect(text).not.toContain(secret);
    }
  });
});
