/** The way of the first user, end to end through real processes. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { processesOf, type Stack, startStack, until } from "../stack.ts";

const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const hasSqlmap = existsSync("/usr/bin/sqlmap");
const HOST = "shop.localhost";
const SQLMAP_MAX_MS = 100_000;

let stack: Stack;
let shop: Awaited<ReturnType<typeof startShop>>;
let siteId = "";

beforeAll(async () => {
  stack = await startStack();
  shop = await startShop();
  const created = await stack.api("POST", "/v1/waf/sites", {
    domains: [HOST],
    upstreams: [`http://127.0.0.1:${shop.port}`],
    mode: "block",
  });
  siteId = created.result.siteId;
  expect(created.result.state).toBe("pending");
  await until(
    "the gateway serves the site",
    async () => (await stack.site(HOST, "/")).code === 200,
  );
});

afterAll(async () => {
  await shop?.stop();
  await stack?.stop();
});

test("a site answers through the gateway and an unknown host does not", async () => {
  expect((await stack.site(HOST, "/")).text).toContain("Teapot");
  expect((await stack.site("other.localhost", "/")).code).not.toBe(200);
  await until("the site says that every gateway runs its settings", async () => {
    return (await stack.api("GET", `/v1/waf/sites/${siteId}`)).result.state === "applied";
  });
});

test.skipIf(!hasRules)(
  "an attack is refused, and event, incident and timeline tell why (needs modsecurity-crs)",
  async () => {
    const attack = `/product?id=${encodeURIComponent("1 union select id, email, password from customer")}`;
    expect((await stack.site(HOST, attack)).code).toBe(403);
    await until("the incident is there", async () => {
      const { result } = await stack.api("GET", "/v1/incident/incidents");
      return result.incidents.length === 1;
    });
    const { result } = await stack.api("GET", "/v1/incident/incidents");
    const [incident] = result.incidents;
    expect(incident).toMatchObject({ siteId, sourceIp: "127.0.0.1", status: "open" });
    expect(incident.categories).toContain("sqli");
    const whole = await stack.api("GET", `/v1/incident/incidents/${incident.incidentId}`);
    expect(whole.result.timeline[0].kind).toBe("finding");
    const [uid] = whole.result.findings[0].eventUids;
    await until(
      "the event is in the lake",
      async () => (await stack.api("GET", `/v1/events/events/${uid}`)).code === 200,
    );
    const event = await stack.api("GET", `/v1/events/events/${uid}`);
    const { matches, score, threshold } = event.result.event.unmapped.cordon;
    expect(score).toBeGreaterThanOrEqual(threshold);
    expect(matches.some((match: { variable: string }) => match.variable === "ARGS:id")).toBe(true);
  },
);

test.skipIf(!hasRules)(
  "an exclusion lets exactly its rule and variable pass (needs modsecurity-crs)",
  async () => {
    const harmless = "/search?q=<script>hello</script>";
    expect((await stack.site(HOST, harmless)).code).toBe(403);
    const found = await stack.api("POST", `/v1/waf/sites/${siteId}:explain`, { target: harmless });
    const rules = new Set<number>(
      found.result.matches.map((match: { ruleId: number }) => match.ruleId),
    );
    for (const ruleId of rules) {
      await stack.api("POST", "/v1/waf/exclusions", {
        siteId,
        pathPrefix: "/search",
        ruleId,
        variable: "ARGS:q",
      });
    }
    await until(
      "the exclusion is in force",
      async () => (await stack.site(HOST, harmless)).code === 200,
    );
    expect((await stack.site(HOST, "/product?q=<script>hello</script>")).code).toBe(403);
  },
);

test("a blocked source is refused at once and let in again when the block is undone", async () => {
  const blocked = await stack.api("POST", "/v1/incident/responses:blockSource", {
    cidr: "127.0.0.1",
    ttlSeconds: 600,
  });
  expect(blocked.result.state).toBe("active");
  await until("the block is in force", async () => (await stack.site(HOST, "/")).code === 403);
  await stack.api("POST", `/v1/incident/responses/${blocked.result.responseId}:revoke`, {});
  await until("the block is undone", async () => (await stack.site(HOST, "/")).code === 200);
});

test("a block runs out by itself", async () => {
  await stack.api("POST", "/v1/incident/responses:blockSource", {
    cidr: "127.0.0.1",
    ttlSeconds: 2,
  });
  await until("the block is in force", async () => (await stack.site(HOST, "/")).code === 403);
  await until("the block is over", async () => (await stack.site(HOST, "/")).code === 200);
});

test("an upstream that is down gives 502 and recovers without a restart", async () => {
  const { port } = shop;
  await shop.stop();
  expect((await stack.site(HOST, "/")).code).toBe(502);
  shop = await startShop(port);
  await until("the site answers again", async () => (await stack.site(HOST, "/")).code === 200);
});

test.skipIf(!hasRules || !hasSqlmap)(
  "sqlmap dumps the shop directly and gets nothing through the gateway (needs sqlmap)",
  { timeout: 240_000 },
  async () => {
    const shopUrl = `http://127.0.0.1:${shop.port}/product?id=1`;
    expect(await sqlmap(shopUrl)).toContain("sakura-2024");
    const gatewayUrl = `http://127.0.0.1:${stack.httpPort}/product?id=1`;
    const through = await sqlmap(gatewayUrl, `--host=${HOST}`, "--ignore-code=403");
    expect(through).toContain("/product?id=1");
    expect(through).not.toContain("sakura-2024");
  },
);

/** Runs beside the shop, which this process serves, so it must not block. */
async function sqlmap(url: string, ...more: string[]): Promise<string> {
  const output = join(stack.dataFolder, "sqlmap");
  rmSync(output, { recursive: true, force: true });
  const options = ["--batch", "--flush-session", "--technique=U", "--dbms=sqlite", "--threads=1"];
  const table = ["--dump", "-T", "customer", `--output-dir=${output}`, "--timeout=10"];
  const child = spawn("/usr/bin/sqlmap", ["-u", url, "-p", "id", ...options, ...table, ...more], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: SQLMAP_MAX_MS,
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

test("the audit log verifies offline, and a changed byte is named", async () => {
  const verify = () =>
    spawnSync(
      process.execPath,
      [join(programFolder, "src/cli/main.ts"), "audit", "verify", "--output", "json"],
      {
        env: { ...stack.env },
        encoding: "utf8",
      },
    );
  await until("a checkpoint covers the calls", async () => {
    const answer = JSON.parse(verify().stdout) as { ok: boolean };
    return answer.ok;
  });
  const file = join(stack.dataFolder, "audit", "pending-000000000000000.log");
  const bytes = readFileSync(file);
  const changed = Buffer.from(bytes);
  const at = changed.indexOf("account.completeSetup");
  changed[at] = (changed[at] ?? 0) ^ 1;
  writeFileSync(file, changed);
  const bad = verify();
  writeFileSync(file, bytes);
  expect(bad.status).toBe(1);
  expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, firstBadIndex: 0 });
});

test("Ctrl-C ends every process", async () => {
  const { dataFolder } = stack;
  expect(processesOf(dataFolder).length).toBeGreaterThan(3);
  await stack.stop();
  expect(processesOf(dataFolder)).toEqual([]);
});
