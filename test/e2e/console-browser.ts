/** Chromium in front of a Cordon: how it is started, how one signs in, and every page there is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { vocabulary } from "../../console/src/messages/vocabulary.ts";
import { allShown, isPart } from "../../console/src/resource/resources.ts";
import { programFolder } from "../../src/kernel/config.ts";

const CHROMIUM = "/usr/bin/chromium";
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
const STEP_MAX_MS = 30_000;

export const hasBrowser =
  existsSync(CHROMIUM) && existsSync(join(programFolder, "console/package.json"));

/** @param more arguments beside the usual ones, such as whose certificates are trusted. */
export const launchBrowser = (...more: readonly string[]): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: [...ARGUMENTS, ...more] });

export type Look = {
  readonly language: "en" | "zh-CN";
  readonly dark: boolean;
  /** In pixels; absent = that of a desktop. */
  readonly width?: number;
};

/** A context that trusts Cordon's own authority and has chosen how the console looks. */
export async function openContext(browser: Browser, look: Look): Promise<BrowserContext> {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    locale: look.language,
    viewport: { width: look.width ?? 1440, height: 900 },
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(STEP_MAX_MS);
  await context.addInitScript(({ language, dark }) => {
    if (localStorage.getItem("cordon.language") !== null) return;
    localStorage.setItem("cordon.language", language);
    localStorage.setItem("cordon.dark", String(dark));
  }, look);
  return context;
}

export type Person = {
  readonly accountName: string;
  readonly userName: string;
  readonly password: string;
};

/** Signs in by the form; the words are those of the language that the page is in. */
export async function signIn(page: Page, origin: string, person: Person): Promise<void> {
  await page.goto(`${origin}/`);
  const fields = page.locator("form input");
  await fields.nth(0).fill(person.accountName);
  await fields.nth(1).fill(person.userName);
  await fields.nth(2).fill(person.password);
  await page.locator("form button[type=submit]").first().click();
  await page.locator("#needs").waitFor();
}

/** Pages whose address needs nothing that has to exist. */
export const plainPages: readonly string[] = [
  "/",
  "/own",
  "/live",
  "/explain",
  "/why",
  "/reach",
  "/automatic-response",
  "/join-token",
  "/certificate-file",
  "/security-settings",
  "/backup",
  "/site-users",
  "/user-urls",
  "/user-requests",
  "/there-is-no-such-page",
  ...allShown.filter((shown) => !isPart(shown)).map(({ path }) => `/${path}`),
  ...allShown
    .filter(({ resource }) => resource.create !== undefined)
    .map(({ path }) => `/${path}/create`),
];

/** Lists whose items have a page of their own. */
/** What an empty list says, in either language. */
const NOTHING = new RegExp(`^(${vocabulary("en").ui.empty}|${vocabulary("zh-CN").ui.empty})$`);
const detailLists = allShown
  .filter(({ resource }) => resource.get !== undefined)
  .map(({ path }) => path);

/** The page of the first item of each list, where there is one. */
export async function detailPages(page: Page, origin: string): Promise<string[]> {
  const found: string[] = [];
  await openPage(page, `${origin}/`);
  for (const path of detailLists) {
    await visitPage(page, `/${path}`);
    const links = page.locator(`main table a[href^="/${path}/"]`);
    // Rows come after the page, or the words that there are none.
    await links.or(page.getByText(NOTHING)).first().waitFor();
    const href = (await links.count()) > 0 ? await links.first().getAttribute("href") : null;
    if (href !== null) found.push(href);
  }
  return found;
}

/** Opens a page and waits until it has a heading and nothing in it loads any more. */
export async function openPage(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await settled(page);
}

/** Goes to another page of the console that is open, as a link does: nothing is loaded again. */
export async function visitPage(page: Page, path: string): Promise<void> {
  // A script as text: this file is checked without the browser's types. The page before is still
  // drawn until the next frames.
  const to = JSON.stringify(path);
  await page.evaluate(
    `history.pushState(null, "", ${to}); dispatchEvent(new PopStateEvent("popstate"));
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));`,
  );
  await settled(page);
}

/** Waits until the page has a heading and nothing in it loads any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  // The overview draws what lies below after what is seen first; a stranger sees the sign-in there.
  const isHome = new URL(page.url()).pathname === "/";
  if (isHome) await page.locator("#covered, form").first().waitFor();
  await page
    .locator('[class*="spinner"]')
    .first()
    .waitFor({ state: "detached" })
    .catch(() => {});
}
