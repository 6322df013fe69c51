/**
 * Takes pictures of every page of the console, in both languages, dark and light, to be looked
 * at by a person: `node tools/screenshots.ts FOLDER [--origin URL] [--only WORD] [--look NAME]`.
 * Without an origin it starts a Cordon with demo data; with one, CORDON_PASSWORD is the password
 * of the user admin of the account main. A look is a name such as en-light or zh-CN-dark.
 */
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Browser, Page } from "playwright-core";
import { programFolder } from "../src/kernel/config.ts";
import {
  detailPages,
  type Look,
  launchBrowser,
  openContext,
  openPage,
  type Person,
  plainPages,
  signIn,
} from "../test/e2e/console-browser.ts";
import { PASSWORD, startStack } from "../test/stack.ts";

const LOOKS: readonly Look[] = [
  { language: "en", dark: false },
  { language: "zh-CN", dark: true },
  { language: "en", dark: true },
  { language: "zh-CN", dark: false },
];
/** Time for a chart to be drawn. */
const SETTLE_MS = 400;
const LONG_NAME = "a-very-long-host-name-that-somebody-really-has.department.subsidiary";

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

/** Things with long names and things that are broken, since those are what looks bad. */
async function addAwkwardData(page: Page, origin: string): Promise<void> {
  const caller = await page.request.get(`${origin}/v1/iam/caller`);
  const { result } = (await caller.json()) as { result: { csrfToken: string } };
  const headers = { "x-cordon-csrf": result.csrfToken };
  const post = (path: string, data: object) =>
    page.request.post(`${origin}/v1/${path}`, { headers, data });
  await post("waf/sites", {
    domains: [`${LONG_NAME}.localhost`, "second.localhost", "third.localhost"],
    upstreams: ["http://127.0.0.1:1"],
    mode: "observe",
  });
  await post("iam/users", { name: LONG_NAME.slice(0, 60), password: "x".repeat(20) });
  const statement = [{ effect: "allow", action: ["events:*"], resource: ["*"] }];
  await post("iam/policies", {
    name: "Read what the gateways saw",
    document: { version: "1", statement },
  });
  const note = LONG_NAME.repeat(3);
  await post("waf/listEntries", { cidr: "203.0.113.0/24", action: "allow", note });
  await post("incident/responses:blockSource", {
    cidr: "198.51.100.7",
    ttlSeconds: 3_600,
    reason: "Seen twice this week in the logs of another site, so blocked here as well",
  });
}

async function takePage(page: Page, { url, file }: { url: string; file: string }): Promise<void> {
  await openPage(page, url);
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
  await page.locator("form").waitFor();
  await page.screenshot({ path: join(folder, "sign-in.png") });
  await signIn(page, origin, person);
  await addAwkwardData(page, origin);
  const details = await detailPages(page, origin);
  const site = details.find((path) => path.startsWith("/sites/"));
  const tabs = ["settings", "incidents", "code", "danger"].map((tab) => `${site}?tab=${tab}`);
  const pages = [...plainPages, ...details, ...(site === undefined ? [] : tabs)];
  for (const path of pages.filter((one) => one.includes(only))) {
    const name = path === "/" ? "home" : path.slice(1).replaceAll(/[/?=]/g, "_");
    await takePage(page, { url: origin + path, file: join(folder, `${name}.png`) });
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
  const stack = await startStack();
  try {
    const env = { ...stack.env, CORDON_PASSWORD: PASSWORD };
    await runCommand(["sign-in", "--account", "main", "--user", "admin"], env);
    await runCommand(["demo", "--no-wait"], env);
    const origin = `https://127.0.0.1:${stack.consolePort}`;
    await takeAll({ origin, folder, only: values.only, look: values.look }, PASSWORD);
  } finally {
    await stack.stop();
  }
}
