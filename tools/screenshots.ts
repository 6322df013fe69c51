/**
 * Takes pictures of every page of the console, in both languages, dark and light, to be looked
 * at by a person: `node tools/screenshots.ts FOLDER [--origin URL] [--only WORD] [--look NAME]`.
 * Without an origin it starts a Cordon with demo data and awkward data; with one, CORDON_PASSWORD
 * is the password of the user admin of the account main. A look is a name such as en-light or
 * zh-CN-dark.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { programFolder } from "../src/kernel/config.ts";
import { callOf, fillAwkwardly } from "../test/e2e/awkward-account.ts";
import {
  detailPages,
  type Look,
  launchBrowser,
  openContext,
  openPage,
  type Person,
  plainPages,
  signIn,
  visitPage,
} from "../test/e2e/console-browser.ts";
import { startProvider } from "../test/oidc-provider.ts";
import { PASSWORD, startStack } from "../test/stack.ts";

const LOOKS: readonly Look[] = [
  { language: "en", dark: false },
  { language: "zh-CN", dark: true },
  { language: "en", dark: true },
  { language: "zh-CN", dark: false },
];
/** Time for a chart to be drawn. */
const SETTLE_MS = 400;
/** Tabs that are pages of their own; the others are lists that have a page too. */
const SITE_TABS = (
  "settings incidents custom-rules sitePolicy upstream-states upstreams tls protocols content " +
  "leaks pages history code danger"
).split(" ");

type Options = {
  readonly origin: string;
  readonly folder: string;
  readonly only: string;
  readonly look: string;
};

function runCommand(args: readonly string[], env: Readonly<Record<string, string>>) {
  const main = join(programFolder, "src", "cli", "main.ts");
  return new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { env, stdio: "inherit" });
    child.once("exit", (code) =>
      code === 0 ? resolve() : reject(new Error(`${args} ended ${code}`)),
    );
  });
}

async function takePage(page: Page, { url, file }: { url: string; file: string }): Promise<void> {
  await visitPage(page, url);
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: file, fullPage: true });
}

const nameOf = ({ language, dark }: Look) => `${language}-${dark ? "dark" : "light"}`;

async function takeLook(browser: Browser, look: Look, options: Options, person: Person) {
  const { origin, only } = options;
  const folder = join(options.folder, nameOf(look));
  mkdirSync(folder, { recursive: true });
  const context = await openContext(browser, look);
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  await page.locator("form").first().waitFor();
  await page.screenshot({ path: join(folder, "sign-in.png") });
  await signIn(page, origin, person);
  const details = await detailPages(page, origin);
  const site = details.find((path) => path.startsWith("/sites/"));
  const tabs = SITE_TABS.map((tab) => `${site}?tab=${tab}`);
  const pages = [...plainPages, ...details, ...(site === undefined ? [] : tabs)];
  for (const path of pages.filter((one) => one.includes(only))) {
    const name = path === "/" ? "home" : path.slice(1).replaceAll(/[/?=]/g, "_");
    await takePage(page, { url: path, file: join(folder, `${name}.png`) });
  }
  await takeTools(page, origin, folder);
  await context.close();
}

/** What opens over a page. */
async function takeTools(page: Page, origin: string, folder: string): Promise<void> {
  await openPage(page, `${origin}/incidents`);
  await page.keyboard.press("Control+k");
  await page.locator("dialog.palette input").fill("127.0.0");
  await page.waitForTimeout(SETTLE_MS * 2);
  await page.screenshot({ path: join(folder, "palette.png") });
  await page.keyboard.press("Escape");
  await page.locator("main .asked").nth(2).hover();
  await page.locator("main .asked-button").nth(2).click();
  await page.screenshot({ path: join(folder, "value-menu.png") });
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.waitForTimeout(SETTLE_MS);
  await page.screenshot({ path: join(folder, "keys.png") });
}

async function takeAll(options: Options, password: string): Promise<void> {
  const browser = await launchBrowser();
  const person = { accountName: "main", userName: "admin", password };
  try {
    for (const look of LOOKS.filter((one) => nameOf(one).includes(options.look))) {
      await takeLook(browser, look, options, person);
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
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("Name the folder for the pictures");
if (values.origin !== undefined) {
  const { origin, only, look } = values;
  await takeAll({ origin, folder, only, look }, process.env.CORDON_PASSWORD ?? "");
} else {
  const stack = await startStack({ env: { CORDON_PRIVATE_TARGETS: "127.0.0.1/32" } });
  const provider = await startProvider({});
  try {
    const env = { ...stack.env, CORDON_PASSWORD: PASSWORD };
    await runCommand(["sign-in", "--account", "main", "--user", "admin"], env);
    await runCommand(["demo", "--no-wait"], env);
    await fillAwkwardly(callOf(stack), provider);
    const origin = `https://127.0.0.1:${stack.consolePort}`;
    await takeAll({ origin, folder, only: values.only, look: values.look }, PASSWORD);
  } finally {
    await provider.stop();
    await stack.stop();
  }
}
