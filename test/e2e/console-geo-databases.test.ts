/** A database of countries in the console: what to do while there is none; an upload in parts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeMmdb } from "../../src/kernel/geo/mmdb-test-kit.ts";
import { PASSWORD, type Stack, startStack } from "../stack.ts";
import { hasBrowser, launchBrowser, openContext, signIn } from "./console-browser.ts";

describe.skipIf(!hasBrowser)(
  "a database of countries (needs Chromium)",
  { timeout: 180_000 },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "cordon-countries-"));
    let stack: Stack;
    let browser: Awaited<ReturnType<typeof launchBrowser>>;

    beforeAll(async () => {
      stack = await startStack();
      browser = await launchBrowser();
    });
    afterAll(async () => {
      await browser?.close();
      await stack?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("a file larger than one call carries is uploaded, and its page says where it is in force", async () => {
      const file = join(folder, "countries.mmdb");
      const small = writeMmdb("Test-Country", { "127.0.0.0/8": { country: { iso_code: "DE" } } });
      // Bytes between data and metadata that nothing leads to.
      const end = small.lastIndexOf(Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"));
      const parts = [small.subarray(0, end), Buffer.alloc(17 * 1_048_576), small.subarray(end)];
      writeFileSync(file, Buffer.concat(parts));
      const context = await openContext(browser, { language: "en", dark: false });
      const page = await context.newPage();
      const origin = `https://127.0.0.1:${stack.consolePort}`;
      await signIn(page, origin, { accountName: "main", userName: "admin", password: PASSWORD });
      await page.goto(`${origin}/geo-databases`);
      await page.getByText("DB-IP Lite").first().waitFor();
      const importButton = page.getByRole("button", { name: "Import geo database" });
      await importButton.first().click();
      await page.locator("input[type=file]").setInputFiles(file);
      await page.getByText("countries.mmdb").first().waitFor();
      await page.locator("form").getByRole("button", { name: "Import geo database" }).click();
      await page.waitForURL(/\/geo-databases\/geodb-/, { timeout: 90_000 });
      await page.getByText("Test-Country").first().waitFor();
      const { result } = await stack.api("GET", "/v1/waf/geoDatabases");
      expect(result.geoDatabases).toMatchObject([{ inForce: true, kind: "country" }]);
      expect(result.geoDatabases[0].sizeBytes).toBeGreaterThan(17 * 1_048_576);
      // A site's policy leads there, in a tab of its own.
      const site = { domains: ["x.localhost"], upstreams: ["http://127.0.0.1:3000"] };
      const { siteId } = (await stack.api("POST", "/v1/waf/sites", site)).result;
      await page.goto(`${origin}/sites/${siteId}?tab=sitePolicy`);
      await page.locator('main a[href="/geo-databases"][target="_blank"]').waitFor();
      await context.close();
    });
  },
);
