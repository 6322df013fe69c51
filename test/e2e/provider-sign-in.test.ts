/** A person signs in at the console by a real OpenID Connect provider, in Chromium. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CLIENT, startProvider } from "../oidc-provider.ts";
import { type Stack, startStack } from "../stack.ts";
import { hasBrowser, launchBrowser, openContext } from "./console-browser.ts";

let stack: Stack;
let provider: Awaited<ReturnType<typeof startProvider>>;
let browser: Browser;
let origin = "";

beforeAll(async () => {
  if (!hasBrowser) return;
  provider = await startProvider({ ada: { email: "ada@example.org", email_verified: true } });
  stack = await startStack({ env: { CORDON_PRIVATE_TARGETS: "127.0.0.1/32" } });
  origin = `https://localhost:${stack.consolePort}`;
  const { issuer, trustPem } = provider;
  const { result } = await stack.api("GET", "/v1/iam/policies");
  const auditor = result.policies.find((policy: { name: string }) => policy.name === "Auditor");
  const group = { name: "auditors", policyIds: [auditor.policyId] };
  const { groupId } = (await stack.api("POST", "/v1/iam/groups", group)).result;
  const groupRules = [{ claim: "email", value: "ada@example.org", groupIds: [groupId] }];
  const rules = { provisioning: "create", groupRules };
  const body = { name: "Example ID", issuer, trustPem, ...CLIENT, rules };
  const made = await stack.api("POST", "/v1/iam/oidcProviders", body);
  expect(made.error).toBeUndefined();
  provider.register(`${origin}${made.result.redirectPath}`);
  browser = await launchBrowser();
}, 120_000);

const stranger = async (): Promise<Page> =>
  (await openContext(browser, { language: "en", dark: false })).newPage();

afterAll(async () => {
  await browser?.close();
  await stack?.stop();
  await provider?.stop();
});

test.skipIf(!hasBrowser)(
  "by the provider's own pages into the console, and out of both again",
  { timeout: 60_000 },
  async () => {
    const page = await stranger();
    await page.goto(`${origin}/`);
    await page.getByLabel("Account, to sign in by your organization").fill("main");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Sign in by Example ID" }).click();
    await page.locator("input[name=login]").fill("ada");
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.locator("button[type=submit]").click();
    await page.locator("#needs").waitFor();
    // The code is in no address of this browser's history that can be seen again.
    expect(page.url()).toBe(`${origin}/`);
    await page.getByRole("button", { name: "ada@example.org", exact: true }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(`${provider.issuer}/**`);
    expect(page.url()).toContain("/session/end");
    await page.goto(`${origin}/`);
    await page.getByLabel("Account, to sign in by your organization").waitFor();
  },
);

test.skipIf(!hasBrowser)("who turns back at the provider is told so", async () => {
  const page = await stranger();
  await page.goto(`${origin}/oidc/oidc-0000000000?error=access_denied&error_description=pay+here`);
  await page.getByText("The sign-in provider did not let you in").waitFor();
  expect(await page.content()).not.toContain("pay here");
  await page.getByRole("button", { name: "Back to sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).waitFor();
});
