/** A disk that fills up: what is refused, what goes on, who says so, and that space mends it. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { programFolder } from "../../src/kernel/config.ts";
import {
  canMountDisks,
  command,
  onDisks,
  processesOf,
  rawApi,
  type Stack,
  type StackOptions,
  startStack,
  until,
} from "../stack.ts";

const OPEN = "open.localhost";
const CLOSED = "closed.localhost";
const LONG = { timeout: 180_000 };
const canMount = canMountDisks();
const needs = "(needs root and mount namespaces)";

let shop: Awaited<ReturnType<typeof startShop>>;
let stack: Stack | undefined;

beforeEach(async () => {
  shop = await startShop();
});

afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  await shop.stop();
});

/** A Cordon with these disks and two sites: one that serves without a record, one that does not. */
async function withSites(disks: StackOptions["disks"]): Promise<Stack> {
  const started = await startStack(disks === undefined ? {} : { disks });
  stack = started;
  for (const [domain, failOpen] of [
    [OPEN, true],
    [CLOSED, false],
  ] as const) {
    await started.api("POST", "/v1/waf/sites", {
      domains: [domain],
      upstreams: [`http://127.0.0.1:${shop.port}`],
      mode: "observe",
      failOpen,
    });
    await until(`${domain} is served`, async () => (await started.site(domain, "/")).code === 200);
  }
  return started;
}

/** Takes all space that is left on the folder's disk; the result gives it back. */
function fill(at: Stack, folder: string): () => void {
  const file = join(at.seenFolder, folder, "filler");
  // dd ends with an error when the disk is full, which is what it is for.
  execFileSync("sh", ["-c", `dd if=/dev/zero of=${file} bs=64k 2>/dev/null || true`]);
  execFileSync("sh", ["-c", `dd if=/dev/zero of=${file}.2 bs=512 2>/dev/null || true`]);
  return () => {
    for (const each of [file, `${file}.2`]) rmSync(each, { force: true });
  };
}

const change = (at: Stack, note: string) =>
  at.api("POST", "/v1/waf/listEntries", { cidr: "203.0.113.1", action: "allow", note });

async function saysDiskIsFull(at: Stack): Promise<void> {
  const status = await at.run("status", "--output", "json");
  expect(status.code).not.toBe(0);
  expect(JSON.parse(status.text).alarms).toMatchObject([{ part: "disk" }]);
  expect((await at.run("status")).text).toMatch(/^ALARM {2}The disk of .* has 0 MiB free/);
  const doctor = JSON.parse((await at.run("doctor", "--output", "json")).text);
  const check = doctor.checks.find((one: { name: string }) => one.name === "disk-space");
  expect(check).toMatchObject({ state: "off", why: expect.stringContaining("The disk of") });
}

test.skipIf(!canMount)(
  `a full audit disk refuses operations by name and no traffic, and space mends it ${needs}`,
  LONG,
  async () => {
    const at = await withSites([{ folder: "audit", size: "4m" }]);
    const giveBack = fill(at, "audit");
    // The last page of a file has room of its own for a few more entries.
    let accepted = 0;
    let refused = await change(at, "while full");
    for (; refused.code === 200 && accepted < 100; accepted += 1) {
      refused = await change(at, "while full");
    }
    expect(refused.code).toBe(503);
    expect(refused.error?.reason).toBe("kernel.auditUnavailable");
    expect((await at.site(OPEN, "/")).code).toBe(200);
    expect((await at.site(CLOSED, "/")).code).toBe(200);
    const health = await rawApi(at.consolePort, { method: "GET", path: "/healthz" });
    expect(health.code).toBe(503);
    expect(JSON.parse(health.text)).toEqual({ status: "degraded", alarms: ["disk", "audit"] });
    await saysDiskIsFull(at);
    giveBack();
    // Across the end of a bundle of 256 entries, which is where a torn log would show.
    for (let count = 0; count < 300; count += 1) {
      expect((await change(at, `entry ${count}`)).code).toBe(200);
    }
    const { result } = await at.api("GET", "/v1/waf/listEntries?pageSize=1");
    expect(result.totalCount).toBe(300 + accepted);
    await until("the log verifies", async () => (await at.run("audit", "verify")).code === 0);
    expect((await rawApi(at.consolePort, { method: "GET", path: "/healthz" })).code).toBe(200);
    expect((await at.run("status")).code).toBe(0);
  },
);

test.skipIf(!canMount)(
  `a full spool disk stops only sites that want a record of everything, and space mends it ${needs}`,
  LONG,
  async () => {
    const at = await withSites([{ folder: "spool", size: "8m" }]);
    const giveBack = fill(at, "spool");
    const codes = async (host: string) => (await at.site(host, "/while-full")).code;
    await until("the closed site refuses", async () => (await codes(CLOSED)) === 503);
    expect(await codes(OPEN)).toBe(404);
    expect((await change(at, "while full")).code).toBe(200);
    await until("the health operation names the worker and the disk", async () => {
      const { result } = await at.api("GET", "/v1/fleet/health");
      const text = JSON.stringify(result.alarms);
      return !result.ok && text.includes("cannot keep events") && text.includes("The disk of");
    });
    await saysDiskIsFull(at);
    giveBack();
    await until("the closed site serves", async () => (await codes(CLOSED)) === 404);
    expect((await at.site(CLOSED, "/after-full")).code).toBe(404);
    await until("events arrive again", async () => {
      const { result } = await at.api("GET", "/v1/events/events?text=after-full");
      return result.totalCount === 1;
    });
    await until("all is well", async () => {
      return (await at.api("GET", "/v1/fleet/health")).result.ok;
    });
  },
);

test.skipIf(!canMount)(
  `with the whole data folder full traffic goes on, no process is lost for good, and space mends it ${needs}`,
  LONG,
  async () => {
    const at = await withSites([{ folder: "", size: "900m" }]);
    const supervisor = await at.pid("supervisor");
    const giveBack = fill(at, "");
    await until("a change is refused for the disk", async () => {
      const { code, error } = await change(at, "while full");
      return code === 503 && /diskFull|auditUnavailable/.test(error?.reason ?? "");
    });
    await until("the closed site refuses", async () => {
      return (await at.site(CLOSED, "/while-full")).code === 503;
    });
    expect((await at.site(OPEN, "/")).code).toBe(200);
    await saysDiskIsFull(at);
    giveBack();
    await until("the API works", async () => (await change(at, "after")).code === 200, 60_000);
    // It serves again when the worker can keep events: before that, this one's might be lost.
    await until("the closed site serves", async () => (await at.site(CLOSED, "/")).code === 200);
    expect((await at.site(OPEN, "/after-full")).code).toBe(404);
    const found = async () =>
      (await at.api("GET", "/v1/events/events?text=after-full")).result.totalCount === 1;
    await until("events arrive again", found, 60_000);
    expect(await at.pid("supervisor")).toBe(supervisor);
    expect((await at.run("audit", "verify")).code).toBe(0);
  },
);

test.skipIf(!canMount)(
  `up on a full disk says so in one sentence and leaves no process ${needs}`,
  async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), "cordon-e2e-"));
    const main = join(programFolder, "src", "cli", "main.ts");
    const argv = [process.execPath, main, "up"];
    const env = { PATH: process.env.PATH ?? "", CORDON_DATA: dataFolder };
    const { code, text } = await command(
      onDisks(dataFolder, [{ folder: "", size: "64m" }], argv),
      env,
    );
    expect(code).toBe(1);
    expect(text).toContain(`Cannot start: the disk of ${dataFolder} has`);
    expect(text.trim().split("\n").length).toBeLessThanOrEqual(2);
    expect(processesOf(dataFolder)).toEqual([]);
    rmSync(dataFolder, { recursive: true, force: true });
  },
);
