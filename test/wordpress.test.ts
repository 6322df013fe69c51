/**
 * The back office of a WordPress (Debian's, on MariaDB and PHP's own server) behind the Core Rule
 * Set at paranoia level 1, used in Chromium over HTTP/1.1 and over HTTP/2: nothing that an editor
 * does is refused.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sitePolicyDefaults } from "../src/kernel/intent/site-policy-document.ts";
import { hasBrowser, launchBrowser } from "./e2e/console-browser.ts";
import { postForm } from "./post-form.ts";
import {
  hasRules,
  issueFor,
  type ProtectedSite,
  protectSite,
  trustFlag,
  versionsOf,
} from "./protected-site.ts";
import { freePorts, until } from "./stack.ts";

const SOURCE = "/usr/share/wordpress";
const programs = [SOURCE, "/usr/bin/php", "/usr/sbin/mariadbd", "/usr/bin/mariadb-install-db"];
const canRun = hasRules && hasBrowser && programs.every((path) => existsSync(path));
const PASSWORD = "correct-horse-battery";
const HOST = "blog.localhost";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const POST = `<!-- wp:paragraph {"style":{"color":{"text":"#333"}}} -->
<p>We <strong>select</strong> tea from five gardens <em>and</em> drop the rest.
<a href="https://tea.example/list?sort=price&amp;order=desc" target="_blank">The list</a></p>
<!-- /wp:paragraph --><!-- wp:code --><pre class="wp-block-code"><code>
SELECT name, price FROM tea WHERE price &lt; 10 ORDER BY price;
curl -sS https://tea.example/ | tee list.txt</code></pre><!-- /wp:code -->
<!-- wp:html --><figure style="width:50%"><img src="/cup.png" alt="A cup" onload=""/></figure>
<iframe src="https://video.example/embed/1"></iframe><!-- /wp:html -->
<!-- wp:paragraph --><p>我们从五个茶园选茶。</p><!-- /wp:paragraph -->`;

const CONFIG = (socket: string): string => `<?php
define('DB_NAME', 'wp'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:${socket}'); define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', ''); define('DISABLE_WP_CRON', true); define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $name) {
  define($name.'_KEY', $name.'key'); define($name.'_SALT', $name.'salt');
}
// As WordPress's manual says for a proxy that ends TLS.
$scheme = $_SERVER['HTTP_X_FORWARDED_PROTO'] ?? 'http';
if ($scheme === 'https') $_SERVER['HTTPS'] = 'on';
define('WP_HOME', $scheme.'://'.$_SERVER['HTTP_HOST']); define('WP_SITEURL', WP_HOME);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) define('ABSPATH', __DIR__.'/');
require_once ABSPATH.'wp-settings.php';
`;

let folder = "";
let browser: Browser;
let page: Page;
let site: ProtectedSite;
const children: ChildProcess[] = [];

const child = (
  program: string,
  args: readonly string[],
  more: Record<string, string> = {},
): void => {
  const env = { ...process.env, ...more };
  // A group of its own: PHP's workers outlive their parent.
  children.push(spawn(program, args, { cwd: folder, env, stdio: "ignore", detached: true }));
};

/** A database and a server of its own for this test, in a folder that goes away. */
async function startWordPress(): Promise<number> {
  folder = mkdtempSync(join(tmpdir(), "wordpress-"));
  const root = join(folder, "site");
  cpSync(SOURCE, root, { recursive: true, dereference: true });
  mkdirSync(join(root, "wp-content", "uploads"), { recursive: true });
  const socket = join(folder, "db.sock");
  writeFileSync(join(root, "wp-config.php"), CONFIG(socket));
  const data = ["--no-defaults", `--datadir=${join(folder, "db")}`, "--user=root"];
  const install = [...data, "--auth-root-authentication-method=normal", "--skip-test-db"];
  execFileSync("/usr/bin/mariadb-install-db", install, { stdio: "ignore" });
  child("/usr/sbin/mariadbd", [...data, `--socket=${socket}`, "--skip-networking"]);
  const client = ["--no-defaults", "-S", socket, "-u", "root", "-e"];
  await until("the database answers", async () => {
    execFileSync("/usr/bin/mariadb", [...client, "create database if not exists wp"], {
      stdio: "ignore",
    });
    return true;
  });
  const [port = 0] = await freePorts(1);
  const listen = ["-S", `127.0.0.1:${port}`, "-t", root];
  child("/usr/bin/php", ["-d", "upload_max_filesize=8M", ...listen], {
    PHP_CLI_SERVER_WORKERS: "3",
  });
  await until("PHP answers", async () => (await fetch(`http://127.0.0.1:${port}/`)).status < 500);
  return port;
}

/** Where the editor works; over TLS Chromium chooses HTTP/2. */
let origin = "";
const visit = (path: string) => page.goto(origin + path, { waitUntil: "domcontentloaded" });

/** Saves the form of a page of settings; what is refused shows in the events. */
async function save(path: string, button: string, fields: Record<string, string>): Promise<void> {
  await visit(path);
  // Its scripts ask for what the form needs, a password for a new user among it.
  await page.waitForLoadState("networkidle");
  for (const [selector, value] of Object.entries(fields)) await page.fill(selector, value);
  await Promise.all([page.waitForEvent("domcontentloaded"), page.click(button)]);
}

beforeAll(async () => {
  if (!canRun) return;
  const port = await startWordPress();
  const policy = { ...sitePolicyDefaults, patches: [], routes: [], rules: [] };
  const issued = await issueFor([HOST]);
  const of = { domains: [HOST], policy: { ...policy, applications: ["wordpress" as const] } };
  site = await protectSite(`http://127.0.0.1:${port}`, { ...of, ...issued.served });
  origin = `http://${HOST}:${site.httpPort}`;
  browser = await launchBrowser(trustFlag(issued));
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
});

/** What they kept is thrown away, so that they need not end in order. */
async function endGroup(child: ChildProcess): Promise<void> {
  const isOver = child.exitCode !== null || child.signalCode !== null;
  if (child.pid === undefined || isOver) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-child.pid, "SIGKILL");
  await ended;
}

afterAll(async () => {
  await browser?.close();
  await site?.close();
  for (const one of children.toReversed()) await endGroup(one);
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

/** What an editor does most days: signs in, changes texts, adds a writer, an image, a comment. */
async function useBackOffice(writer: string): Promise<void> {
  await save("/wp-login.php", "#wp-submit", { "#user_login": "editor", "#user_pass": PASSWORD });
  expect(page.url()).toContain("/wp-admin/");
  const tagline = `Tea, code & other things — select the best from our list (${writer})`;
  await save("/wp-admin/options-general.php", "#submit", { "#blogdescription": tagline });
  const about = { "#description": `I write <em>about</em> tea; it's "fun", ${writer}.` };
  await save("/wp-admin/profile.php", "#submit", about);
  const account = { "#user_login": writer, "#email": `${writer}@blog.example` };
  await save("/wp-admin/user-new.php", "#createusersub", account);
  await visit("/wp-admin/media-new.php?browser-uploader");
  const image = { name: "a cup (2).png", mimeType: "image/png", buffer: PNG };
  await page.setInputFiles("#async-upload", image);
  await Promise.all([page.waitForEvent("domcontentloaded"), page.click("#html-upload")]);
  expect(page.url()).toContain("/wp-admin/upload.php");
  const comment = `Does it work with <code>npm install tea</code>? See https://tea.example/?a=b&c=d by ${writer}`;
  await save("/?p=1", "#submit", { "#comment": comment });
}

test.skipIf(!canRun)(
  "installing, signing in, settings, media, users and comments pass (needs wordpress, php, mariadb)",
  { timeout: 240_000 },
  async () => {
    const form = {
      ...{ weblog_title: "Notes on tea & code", user_name: "editor", language: "" },
      ...{ admin_password: PASSWORD, admin_password2: PASSWORD, pw_weak: "on" },
      ...{ admin_email: "editor@blog.example", Submit: "Install WordPress" },
    };
    await visit("/wp-admin/install.php");
    await postForm(page, "/wp-admin/install.php?step=2", form);
    await useBackOffice("writer");
    for (const part of ["reading", "discussion", "permalink"]) {
      await save(`/wp-admin/options-${part}.php`, "#submit", {});
    }
    expect(site.refusals()).toEqual([]);
    expect(versionsOf(site.events)).toEqual(["HTTP/1.1"]);
  },
);

/** Publishes a post as the editor does, by the interface that its script uses. */
const publish = (content: string) =>
  page.evaluate(async (html) => {
    // In the page: the editor's own client.
    const { wp } = globalThis as unknown as {
      wp: { apiFetch(request: object): Promise<{ id: number }> };
    };
    const data = { title: "How we select tea", content: html, status: "publish" };
    const sent = wp.apiFetch({ path: "/wp/v2/posts", method: "POST", data });
    return sent.then(
      ({ id }) => id > 0,
      () => false,
    );
  }, content);

const openEditor = async () => {
  await visit("/wp-admin/post-new.php");
  await page.waitForSelector('iframe[name="editor-canvas"], .editor-post-title__input');
};
const INJECTION = "/?s=1%27%20union%20select%20user_pass%20from%20wp_users--%20";

test.skipIf(!canRun)(
  "a post with HTML and code passes with the exclusions for WordPress and not without",
  { timeout: 120_000 },
  async () => {
    await openEditor();
    expect(await publish(POST)).toBe(true);
    expect(site.refusals()).toEqual([]);
    expect((await visit(INJECTION))?.status()).toBe(403);
    await visit("/wp-admin/post-new.php");
    site.change({ policy: { ...sitePolicyDefaults, patches: [], routes: [], rules: [] } });
    expect(await publish(POST)).toBe(false);
    site.change({});
  },
);

test.skipIf(!canRun)(
  "the same work passes over HTTP/2, where an attack is refused as well",
  { timeout: 240_000 },
  async () => {
    const refusals = site.refusals().length;
    origin = `https://${HOST}:${site.httpsPort}`;
    await useBackOffice("translator");
    await openEditor();
    expect(await publish(POST)).toBe(true);
    expect(site.refusals().slice(refusals)).toEqual([]);
    expect((await visit(INJECTION))?.status()).toBe(403);
    const secure = site.events.filter(({ http_request }) => http_request.url.scheme === "https");
    expect(versionsOf(secure)).toEqual(["HTTP/2.0"]);
  },
);
