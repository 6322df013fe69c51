/**
 * sqlmap and wapiti against the vulnerable shop: what they find of it, and that through the gateway
 * they find none of it. They call themselves a browser, so that their names give nothing away.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startShop } from "../examples/shop/main.ts";
import { hasRules, type ProtectedSite, protectSite } from "./protected-site.ts";

/** 5 asks sqlmap for all it has (`CORDON_SQLMAP_LEVEL`); 2 in the ordinary run. */
const LEVEL = Number(process.env.CORDON_SQLMAP_LEVEL ?? 2);
/** Each module of wapiti attacks for at most so long. */
const MODULE_SECONDS = Number(process.env.CORDON_WAPITI_SECONDS ?? 15);
const SCAN_MS_MAX = (LEVEL > 2 ? 1_800 : 60) * 1_000;
const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const SQLMAP = "/usr/bin/sqlmap";
const WAPITI = "/usr/bin/wapiti";
const pages = ["/product?id=1", "/search?q=tea", "/manual?file=README.md"];
const tampers = ["", "space2comment,between,randomcase", "charencode,symboliclogical"];

const folder = mkdtempSync(join(tmpdir(), "scanners-"));
let shop: Awaited<ReturnType<typeof startShop>>;
let site: ProtectedSite;

beforeAll(async () => {
  if (!hasRules) return;
  shop = await startShop();
  site = await protectSite(`http://127.0.0.1:${shop.port}`, { domains: ["localhost"] });
});
afterAll(async () => {
  await site?.close();
  await shop?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a scanner to its end; whatever it asks of the world beyond this machine goes nowhere. */
async function scan(program: string, args: readonly string[]): Promise<string> {
  const nowhere = "http://127.0.0.1:9";
  const proxies = { http_proxy: nowhere, https_proxy: nowhere, no_proxy: "localhost" };
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH ?? "", HOME: folder, ...proxies },
    timeout: SCAN_MS_MAX,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += String(chunk);
    });
  }
  await new Promise((resolve) => child.once("close", resolve));
  return text;
}

/** Parameters that sqlmap can inject into, such as `id (GET)`. */
async function injectable(port: number, page: string, tamper: string): Promise<string[]> {
  const text = await scan(SQLMAP, [
    ...["-u", `http://localhost:${port}${page}`, "--batch", "--flush-session", "--threads=1"],
    ...["--technique=BEU", "--dbms=sqlite", `--level=${LEVEL}`, `--risk=${Math.min(LEVEL, 3)}`],
    ...["--timeout=5", "--retries=1", "--ignore-code=403", `--user-agent=${AGENT}`],
    ...["--disable-coloring", `--output-dir=${join(folder, "sqlmap")}`],
    ...(tamper === "" ? [] : [`--tamper=${tamper}`]),
  ]);
  const found = [...text.matchAll(/^Parameter: (.+)$/gm)].map(([, name = ""]) => name);
  // A scan that ended early has found nothing, and shown nothing.
  if (found.length === 0) expect(text).toContain("do not appear to be injectable");
  return found;
}

test.skipIf(!hasRules || !existsSync(SQLMAP))(
  "sqlmap injects into two pages of the shop and into none through the gateway (needs sqlmap)",
  { timeout: 8 * SCAN_MS_MAX },
  async () => {
    const [product = "", search = ""] = pages;
    expect(await injectable(shop.port, product, "")).toEqual(["id (GET)"]);
    expect(await injectable(shop.port, search, "")).toEqual(["q (GET)"]);
    for (const page of [product, search]) {
      for (const tamper of tampers) {
        expect(await injectable(site.httpPort, page, tamper), `${page} ${tamper}`).toEqual([]);
      }
    }
    expect(site.refusals().length).toBeGreaterThan(50);
  },
);

type Report = { vulnerabilities: Record<string, { path: string; parameter: string | null }[]> };

/** What wapiti calls vulnerabilities, such as `Cross Site Scripting /search q`. */
async function vulnerabilities(port: number): Promise<string[]> {
  const place = join(folder, `wapiti-${port}`);
  mkdirSync(place);
  const report = join(place, "report.json");
  const starts = pages.flatMap((page) => ["-s", `http://localhost:${port}${page}`]);
  const log = await scan(WAPITI, [
    ...["-u", `http://localhost:${port}/`, ...starts, "-m", "sql,xss,permanentxss,file,exec"],
    ...["--max-scan-time", "20", "--max-attack-time", String(MODULE_SECONDS), "-A", AGENT],
    ...["-f", "json", "-o", report, "--flush-session", "--no-bugreport"],
    ...["--store-session", join(place, "session"), "--store-config", join(place, "config")],
  ]);
  // It has seen the shop and came to its end.
  expect(Number(/found (\d+) URLs/.exec(log)?.[1] ?? 0)).toBeGreaterThanOrEqual(pages.length);
  expect(log).not.toContain("Connection error");
  // Written by wapiti just now.
  const { vulnerabilities: found } = JSON.parse(readFileSync(report, "utf8")) as Report;
  return Object.entries(found).flatMap(([kind, places]) =>
    places.map(({ path, parameter }) => `${kind} ${path} ${parameter ?? ""}`),
  );
}

test.skipIf(!hasRules || !existsSync(WAPITI))(
  "wapiti finds a script and a file of the shop and nothing through the gateway (needs wapiti)",
  { timeout: 2 * SCAN_MS_MAX },
  async () => {
    const direct = await vulnerabilities(shop.port);
    expect(direct).toContain("Cross Site Scripting /search q");
    expect(direct).toContain("Path Traversal /manual file");
    expect(await vulnerabilities(site.httpPort)).toEqual([]);
  },
);
