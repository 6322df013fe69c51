/**
 * Events per second from a spool into the lake, sustained: the real lake daemon in a process of
 * its own, and a gateway's events written here as fast as the lake takes them.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { programFolder } from "../src/kernel/config.ts";
import { connectLake } from "../src/kernel/lake/client.ts";
import { openSpool } from "../src/kernel/spool/spool.ts";
import { printRow } from "./row.ts";

const WARM_UP_SECONDS = 4;
const SECONDS = 25;
/** Events written and not yet in the lake: enough that it never waits for us. */
const AHEAD_MAX = 60_000;
const STEP = 500;
const HTTP_ACTIVITY = 4002;

/** An ordinary request as the gateway records it, about 1 KB; no two are the same. */
function eventOf(count: number): string {
  const blocked = count % 50 === 0;
  const path = `/shop/product/${count % 5_000}/${(count * 7_919) % 100_003}`;
  return JSON.stringify({
    class_uid: HTTP_ACTIVITY,
    category_uid: 4,
    activity_id: 3,
    type_uid: 400_203,
    time: Date.now(),
    severity_id: blocked ? 3 : 1,
    status_id: 1,
    status: "Success",
    status_detail: blocked ? "blockedByRules" : "",
    action_id: blocked ? 2 : 1,
    disposition_id: blocked ? 2 : 1,
    metadata: {
      uid: randomUUID(),
      product: { name: "Cordon gateway", vendor_name: "Cordon" },
      version: "1.5.0",
    },
    cloud: { provider: "cordon", account: { uid: `acc-${count % 3}` } },
    src_endpoint: { ip: `198.51.${count % 100}.${count % 250}`, port: 1_024 + (count % 60_000) },
    dst_endpoint: { hostname: "shop.example", ip: "192.0.2.1", port: 443 },
    http_request: {
      uid: randomUUID(),
      http_method: "GET",
      url: { hostname: "shop.example", path, query_string: `q=${count}`, scheme: "https" },
      user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
      version: "HTTP/1.1",
      length: 0,
    },
    http_response: { code: blocked ? 403 : 200, length: 5_120, latency: count % 90 },
    unmapped: {
      cordon: {
        siteId: `site-${count % 7}`,
        mode: "block",
        wouldBlock: blocked,
        reason: "",
        score: blocked ? 15 : 0,
        threshold: 5,
        matches: blocked ? [match] : [],
      },
    },
  });
}

const match = {
  ruleId: 942_100,
  message: "SQL Injection Attack Detected via libinjection",
  severity: "CRITICAL",
  variable: "ARGS:q",
  value: "1' union select password from customer -- ",
};

function peakMegabytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1000;
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cordon-events-bench-"));
  const daemon = spawn(process.execPath, [join(programFolder, "src/daemons/lake/main.ts")], {
    env: { ...process.env, CORDON_DATA: folder, CORDON_RUN: join(folder, "run") },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const spool = openSpool({ folder: join(folder, "spool", "bench") });
  const lake = connectLake({ socketPath: join(folder, "run", "lake.sock") });
  const arrived = async (): Promise<number> => {
    const rows = await lake
      .query<{ n: number }>("select count() as n from event")
      .catch(() => [{ n: 0 }]);
    return rows[0]?.n ?? 0;
  };
  let written = 0;
  let seen = 0;
  let isOver = false;
  const writing = (async () => {
    while (!isOver) {
      if (written - seen > AHEAD_MAX) {
        await sleep(20);
        continue;
      }
      for (let count = 0; count < STEP; count += 1) {
        if (spool.appendLater(eventOf(written), HTTP_ACTIVITY)) written += 1;
      }
      // Lets the spool write, as a gateway's event loop does between requests.
      await sleep(0);
    }
  })();
  const watching = (async () => {
    while (!isOver) {
      seen = await arrived();
      await sleep(250);
    }
  })();
  try {
    while (seen === 0 && daemon.exitCode === null) await sleep(50);
    await sleep(WARM_UP_SECONDS * 1_000);
    const [before, begin] = [await arrived(), performance.now()];
    await sleep(SECONDS * 1_000);
    const [after, end] = [await arrived(), performance.now()];
    const value = ((after - before) * 1_000) / (end - begin);
    const what = `spool to lake over ${SECONDS} s, writer on the same machine`;
    printRow({ bench: "events", what, value, unit: "events/s", goal: "≥ 10000" });
    const megabytes = peakMegabytes(daemon.pid ?? 0);
    printRow({ bench: "events", what: "peak memory of the lake", value: megabytes, unit: "MB" });
  } finally {
    isOver = true;
    await Promise.all([writing, watching]);
    const ended = new Promise((resolve) => daemon.once("exit", resolve));
    daemon.kill("SIGTERM");
    await ended;
    await spool.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await run();
