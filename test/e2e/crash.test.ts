/** kill -9 of every process under load: nothing that was acknowledged is lost. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { type Stack, startStack, until } from "../stack.ts";

/** 100 rounds by hand (`CORDON_CRASH_ROUNDS=100`); fewer in the ordinary run. */
const ROUNDS = Number(process.env.CORDON_CRASH_ROUNDS ?? "12");
const BACK_WITHIN_MS = 10_000;
const HOST = "crash.localhost";
const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const ATTACK = `/?id=${encodeURIComponent("1' union select password from customer -- ")}`;

let stack: Stack;
let shop: Awaited<ReturnType<typeof startShop>>;

beforeAll(async () => {
  stack = await startStack();
  shop = await startShop();
  await stack.api("POST", "/v1/waf/sites", {
    domains: [HOST],
    upstreams: [`http://127.0.0.1:${shop.port}`],
    mode: "block",
  });
  await until("the site is served", async () => (await stack.site(HOST, "/")).code === 200);
});

afterAll(async () => {
  await shop?.stop();
  await stack?.stop();
});

const acknowledged: string[] = [];

/** Makes list entries as fast as they are acknowledged, through all failures. */
async function load(signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count += 1) {
    try {
      const note = `entry ${count} ${Math.random()}`;
      const reply = await stack.api("POST", "/v1/waf/listEntries", {
        cidr: "203.0.113.1",
        action: "allow",
        note,
      });
      if (reply.code === 200) acknowledged.push(reply.result.listEntryId);
      await sleep(5);
    } catch {
      await sleep(50);
    }
  }
}

test.skipIf(!hasRules)(
  `${ROUNDS} rounds of kill -9 lose no acknowledged operation, and the gateway goes on blocking (needs modsecurity-crs)`,
  { timeout: 120_000 + ROUNDS * 20_000 },
  async () => {
    const ended = new AbortController();
    const loading = load(ended.signal);
    const names = ["server", "gateway", "lake", "postgres"] as const;
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = names[round % names.length] ?? "server";
      await sleep(300 + Math.random() * 700);
      process.kill(await stack.pid(name), "SIGKILL");
      if (name === "server") {
        // The data plane does not depend on the control plane.
        expect((await stack.site(HOST, ATTACK)).code).toBe(403);
        expect((await stack.site(HOST, "/")).code).toBe(200);
      }
      const killed = Date.now();
      await until(`everything is back after ${name}`, allBack, BACK_WITHIN_MS);
      process.stdout.write(`round ${round}: ${name} back in ${Date.now() - killed} ms\n`);
    }
    ended.abort();
    await loading;
    expect(acknowledged.length).toBeGreaterThan(ROUNDS);
    await expectAllThere();
  },
);

async function allBack(): Promise<boolean> {
  const status = await stack.status();
  const ready = status
    .filter((one) => one.name !== "supervisor")
    .every((one) => one.state === "ready");
  return (
    ready &&
    (await stack.api("GET", "/v1/waf/sites")).code === 200 &&
    (await stack.site(HOST, "/")).code === 200
  );
}

async function expectAllThere(): Promise<void> {
  const kept = new Set<string>();
  for (let pageNumber = 1; ; pageNumber += 1) {
    const { result } = await stack.api(
      "GET",
      `/v1/waf/listEntries?pageSize=100&pageNumber=${pageNumber}`,
    );
    for (const entry of result.listEntries) kept.add(entry.listEntryId);
    if (kept.size >= result.totalCount || result.listEntries.length === 0) break;
  }
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
  const verified = spawnSync(
    process.execPath,
    [join(programFolder, "src/cli/main.ts"), "audit", "verify", "--output", "json"],
    { env: { ...stack.env }, encoding: "utf8" },
  );
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true });
  // Every acknowledged operation has its audit entry.
  await until("the audit copy has every entry", async () => {
    const filters =
      "filters.1.name=operation&filters.1.values.1=waf.createListEntry&filters.2.name=code&filters.2.values.1=200";
    const { result } = await stack.api("GET", `/v1/audit/entries?pageSize=1&${filters}`);
    return result.totalCount >= acknowledged.length;
  });
}
