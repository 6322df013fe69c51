/**
 * Takes pictures of every page of the console, in both languages, dark, light and narrow, to be
 * looked at by a person: `node tools/screenshots.ts FOLDER [--only WORD] [--look NAME]`. A look is
 * a name such as en-light, zh-CN-dark or en-light-narrow; part of one chooses several.
 *
 * It starts a Cordon with one thing of every kind, long names and broken things. `--keep` leaves
 * that running without a picture, and `--origin URL` takes pictures of one that runs. What is hard
 * to bring about (a pending set-up, a full disk, a server that is gone) is answered in the server's
 * place.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { vocabulary } from "../console/src/messages/vocabulary.ts";
import { callOf, fillAwkwardly } from "../test/e2e/awkward-account.ts";
import { startBusySite, writeCountries } from "../test/e2e/busy-site.ts";
import {
  detailPages,
  type Look,
  launchBrowser,
  openContext,
  openPage,
  type Person,
  plainPages,
  settled,
  signIn,
  visitPage,
} from "../test/e2e/console-browser.ts";
import { fillFromCatalog } from "../test/e2e/filled-account.ts";
import { startProvider } from "../test/oidc-provider.ts";
import { PASSWORD, type Stack, startStack } from "../test/stack.ts";

const NARROW_PIXELS = 400;
const LOOKS: readonly Look[] = [
  { language: "en", dark: false },
  { language: "zh-CN", dark: true },
  { language: "en", dark: true },
  { language: "zh-CN", dark: false },
  { language: "en", dark: false, width: NARROW_PIXELS },
];
/** A machine that builds or tests at the same time may take its time. */
const STEP_MAX_MS = 60_000;
/** Time for a chart to be drawn. */
const SETTLE_MS = 400;
/** Tabs that look alike whatever they are about: those of a site stand for all. */
const ALIKE = new Set(["history", "code", "danger"]);

const ADMIN: Person = { accountName: "main", userName: "admin", password: PASSWORD };
const WITHOUT_RIGHTS: Person = { ...ADMIN, userName: "newcomer" };
const EMPTY: Person = { ...ADMIN, accountName: "empty" };
/** Lists and pages that say something else to an account in which nothing is yet. */
const EMPTY_PAGES = plainPages.filter((path) => !path.endsWith("/create"));
const REFUSED_PAGES = ["/", "/sites", "/sites/create", "/users", "/live", "/explain", "/own"];

type Pretended = {
  readonly name: string;
  readonly path: string;
  readonly asked: string;
  /** The result; absent = no answer comes. */
  readonly result?: object;
};
const BEFORE_SIGN_IN: readonly Pretended[] = [
  { name: "setup", path: "/setup#x", asked: "**/v1/account/setup", result: { pending: true } },
  {
    name: "invitation",
    path: `/invitation#${"x".repeat(30)}`,
    asked: "**/v1/iam/invitations:open",
    result: { accountName: "main", userName: "newcomer", passwordLengthMin: 12 },
  },
];
const SIGNED_IN: readonly Pretended[] = [
  {
    name: "alarm",
    path: "/",
    asked: "**/v1/fleet/health",
    result: {
      ok: false,
      alarms: [
        { part: "disk", message: "only 3 MiB are free", fix: "free some space" },
        { part: "keyd", message: "the root key is sealed", fix: "./cordon keys unseal" },
      ],
    },
  },
  { name: "unreachable-list", path: "/sites", asked: "**/v1/waf/sites?*" },
  { name: "unreachable-home", path: "/", asked: "**/v1/*/**" },
];

type Options = { readonly origin: string; readonly folder: string; readonly only: string };
type Camera = { readonly page: Page; readonly look: Look } & Options;

const nameOf = ({ language, dark, width }: Look) =>
  `${language}-${dark ? "dark" : "light"}${width === undefined ? "" : "-narrow"}`;
const fileOf = (path: string) =>
  path === "/" ? "home" : path.slice(1).replaceAll(/[^\w.-]/g, "_");

async function take({ page, folder }: Camera, name: string): Promise<void> {
  await settled(page);
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** The page, and each of its tabs and their parts. */
async function takePage(camera: Camera, path: string, name = fileOf(path)): Promise<void> {
  const { page, look } = camera;
  await visitPage(page, path);
  await take(camera, name);
  const tabs = page.locator('main [role="tab"]');
  for (let at = 0; at < (await tabs.count()); at += 1) {
    const tab = tabs.nth(at);
    await tab.click();
    const label = (await tab.textContent()) ?? "";
    const title = vocabulary(look.language).ui.partsOf.replace("{name}", label);
    const parts = page.locator(`main [aria-label="${title}"] button`);
    const count = look.width === undefined ? await parts.count() : 0;
    for (let part = 0; part < Math.max(1, count); part += 1) {
      if (part > 0) await parts.nth(part).click();
      const id = new URL(page.url()).searchParams.get("tab") ?? "";
      const isSame = id === "" || (ALIKE.has(id) && !path.startsWith("/sites/"));
      if (!isSame) await take(camera, `${name}_${id}`);
    }
  }
}

async function takePretended(camera: Camera, states: readonly Pretended[]): Promise<void> {
  const { page, origin } = camera;
  for (const { name, path, asked, result } of states) {
    await page.route(asked, (route) =>
      result === undefined ? route.abort() : route.fulfill({ json: { requestId: "", result } }),
    );
    if (result === undefined) await visitPage(page, path);
    else await openPage(page, origin + path);
    await take(camera, `state_${name}`);
    await page.unroute(asked);
  }
}

/** Pages before one is signed in, and what a wrong password is answered. */
async function takeEntrance(camera: Camera): Promise<void> {
  const { page, origin } = camera;
  await takePretended(camera, BEFORE_SIGN_IN);
  for (const path of [
    "/setup",
    "/invitation",
    `/invitation#${"x".repeat(30)}`,
    "/oidc/oidc-abcdefghij",
  ]) {
    // A change behind # alone would not load the page again.
    await page.goto("about:blank");
    await openPage(page, origin + path);
    await take(camera, `state_before_${fileOf(path)}`);
  }
  await openPage(page, `${origin}/`);
  await take(camera, "sign-in");
  const fields = page.locator("form input");
  for (const at of [0, 1, 2]) await fields.nth(at).fill("wrong-one-that-is-long");
  await page.locator("form button[type=submit]").first().click();
  await page.locator(".failure").first().waitFor();
  await take(camera, "state_wrong-password");
}

/** What opens over a page, and what a form says about what is missing. */
async function takeTools(camera: Camera): Promise<void> {
  const { page, origin } = camera;
  await openPage(page, `${origin}/incidents`);
  await page.keyboard.press("Control+k");
  await page.locator("dialog.palette input").fill("127.0.0");
  await take(camera, "tool_palette");
  await page.keyboard.press("Escape");
  await page.locator("main .asked").nth(2).hover();
  await page.locator("main .asked-button").nth(2).click();
  await take(camera, "tool_value-menu");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await take(camera, "tool_keys");
  await page.keyboard.press("Escape");
  for (const path of ["/sites/create", "/users/create"]) {
    await visitPage(page, path);
    await page.locator("main form button[type=submit]").last().click();
    await take(camera, `state_faults_${fileOf(path)}`);
  }
}

/** One person's pages in a context of their own. */
async function takeAs(
  browser: Browser,
  camera: Omit<Camera, "page">,
  person: Person,
  takeAll: (camera: Camera) => Promise<void>,
): Promise<void> {
  const context = await openContext(browser, camera.look);
  context.setDefaultTimeout(STEP_MAX_MS);
  try {
    const page = await context.newPage();
    if (person === ADMIN) await takeEntrance({ ...camera, page });
    await signIn(page, camera.origin, person);
    await takeAll({ ...camera, page });
  } finally {
    await context.close();
  }
}

async function takeLook(browser: Browser, look: Look, options: Options): Promise<void> {
  const folder = join(options.folder, nameOf(look));
  mkdirSync(folder, { recursive: true });
  const camera = { ...options, folder, look };
  const wanted = (paths: readonly string[]) => paths.filter((path) => path.includes(options.only));
  await takeAs(browser, camera, ADMIN, async (own) => {
    const details = await detailPages(own.page, options.origin);
    for (const path of wanted([...plainPages, ...details])) await takePage(own, path);
    if (options.only !== "") return;
    await takeTools(own);
    for (const path of ["/sites/site-0000000000", "/keys/key-0000000000"]) {
      await takePage(own, path, `state_missing_${fileOf(path)}`);
    }
    await takePretended(own, SIGNED_IN);
  });
  await takeAs(browser, camera, EMPTY, async (own) => {
    for (const path of wanted(EMPTY_PAGES)) await takePage(own, path, `empty_${fileOf(path)}`);
  });
  await takeAs(browser, camera, WITHOUT_RIGHTS, async (own) => {
    for (const path of wanted(REFUSED_PAGES)) await takePage(own, path, `refused_${fileOf(path)}`);
  });
}

/** A site with traffic and attacks, one thing of every kind, and two who see little. */
async function fill(stack: Stack, provider: Awaited<ReturnType<typeof startProvider>>) {
  const { userName, password, accountName } = EMPTY;
  const call = callOf(stack);
  for (const words of [
    ["sign-in", "--account", "main", "--user", "admin"],
    ["demo", "--no-wait"],
  ]) {
    const { code, text } = await stack.run(...words);
    if (code !== 0) throw new Error(`${words[0]} ended with ${code}:\n${text}`);
  }
  await fillAwkwardly(call, provider);
  await call("POST", "iam/users", { name: WITHOUT_RIGHTS.userName, password });
  await call("POST", "account/accounts", { name: accountName, userName, password });
  await fillFromCatalog(stack);
}

async function takeAll(options: Options, only: string): Promise<void> {
  const browser = await launchBrowser();
  try {
    for (const look of LOOKS.filter((one) => nameOf(one).includes(only))) {
      await takeLook(browser, look, options);
    }
  } finally {
    await browser.close();
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    origin: { type: "string" },
    only: { type: "string", default: "" },
    look: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("Name the folder for the pictures");
const { only, look } = values;
if (values.origin !== undefined) await takeAll({ origin: values.origin, folder, only }, look);
else {
  const env = { CORDON_PRIVATE_TARGETS: "127.0.0.1/32", CORDON_PASSWORD: PASSWORD };
  const stack = await startStack({ env });
  const provider = await startProvider({});
  let busy: Awaited<ReturnType<typeof startBusySite>> | undefined;
  try {
    writeCountries(stack.dataFolder);
    await fill(stack, provider);
    busy = await startBusySite(stack);
    const origin = `https://127.0.0.1:${stack.consolePort}`;
    console.log(origin);
    if (values.keep) await new Promise((resolve) => process.once("SIGINT", resolve));
    else await takeAll({ origin, folder, only }, look);
  } finally {
    await busy?.stop();
    await provider.stop();
    await stack.stop();
  }
}
