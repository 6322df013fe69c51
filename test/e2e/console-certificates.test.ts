/** Certificates as files in the console: a PKCS #12 file goes in, files for a server come out. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PASSWORD, type Stack, startStack } from "../stack.ts";
import { hasBrowser, launchBrowser, openContext, signIn } from "./console-browser.ts";

describe.skipIf(!hasBrowser)("certificates as files (needs Chromium)", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "cordon-files-"));
  const file = (name: string) => join(folder, name);
  let stack: Stack;
  let browser: Awaited<ReturnType<typeof launchBrowser>>;

  beforeAll(async () => {
    stack = await startStack();
    browser = await launchBrowser();
    const subject = ["-subj", "/CN=shop.example", "-addext", "subjectAltName=DNS:shop.example"];
    const key = ["-newkey", "rsa:2048", "-nodes", "-keyout", file("key.pem")];
    const options = { stdio: "ignore" } as const;
    const made = ["req", "-x509", ...key, "-out", file("cert.pem"), "-days", "30", ...subject];
    execFileSync("openssl", made, options);
    const input = ["-in", file("cert.pem"), "-inkey", file("key.pem"), "-out", file("shop.p12")];
    execFileSync("openssl", ["pkcs12", "-export", ...input, "-passout", "pass:a phrase"], options);
  });
  afterAll(async () => {
    await browser?.close();
    await stack?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a .p12 file is uploaded, and the files for nginx are saved with its key", async () => {
    const context = await openContext(browser, { language: "en", dark: false });
    const page = await context.newPage();
    const origin = `https://127.0.0.1:${stack.consolePort}`;
    await signIn(page, origin, { accountName: "main", userName: "admin", password: PASSWORD });
    await page.goto(`${origin}/certificates`);
    await page.getByRole("button", { name: /pkcs/i }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("shop");
    await page.locator("input[type=file]").setInputFiles(file("shop.p12"));
    await page.getByLabel("Passphrase").fill("a phrase");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByText("shop.example").first().waitFor();
    await page.getByRole("button", { name: "Download certificate" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("input").first().fill("shop");
    await dialog.getByLabel(/Server/).click();
    await page.getByRole("option", { name: "nginx" }).click();
    await dialog.getByRole("button", { name: "Download certificate" }).click();
    await dialog.getByText("ssl_certificate").first().waitFor();
    const names = await dialog.getByRole("button", { name: /\.(?:key|pem)$/ }).allTextContents();
    const saved: string[] = [];
    for (const name of names) {
      const download = page.waitForEvent("download");
      await dialog.getByRole("button", { name }).click();
      saved.push(readFileSync(await (await download).path(), "utf8"));
    }
    const modulus = (kind: string, text: string) =>
      execFileSync("openssl", [kind, "-noout", "-modulus"], { input: text }).toString();
    const key = saved.find((text) => text.includes("PRIVATE KEY")) ?? "";
    expect(modulus("rsa", key)).toBe(modulus("x509", readFileSync(file("cert.pem"), "utf8")));
    expect(saved.some((text) => text.includes("BEGIN CERTIFICATE"))).toBe(true);
    await context.close();
  }, 60_000);
});
