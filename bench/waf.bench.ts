/**
 * CPU per request with the OWASP Core Rule Set at paranoia level 1, blocking: nginx with
 * libmodsecurity 3 (Debian), Coraza, and the gateway, same rules, in alternation; then latency at
 * half load, memory with 1,000 sites, two workers, and a change of rules under load. Prints rows.
 *
 * CORDON_BENCH_CRS4: folder of the rules of a CRS 4 release, for Coraza (which does not load 3.3.4)
 * and for memory. CORDON_BENCH_CORAZA: its proxy, built already. CORDON_BENCH_ROUNDS: default 3.
 * CORDON_BENCH_PARTS: some of cases, off, coraza, latency, memory, workers, reload.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { printRow, printSkip } from "./row.ts";
import { type Case, cases, jsonPost, realisticGet, simpleGet } from "./waf/cases.ts";
import { type Load, load, type ProxyProcess } from "./waf/load.ts";
import {
  buildCoraza,
  type GatewayProxy,
  type Started,
  sameRulesElsewhere,
  startCoraza,
  startGateway,
  startNginxProxy,
  startOrigin,
} from "./waf/proxies.ts";

const ROUNDS = Number(process.env.CORDON_BENCH_ROUNDS ?? 3);
const SECONDS = 3;
const CONNECTIONS = 4;
const WARM_REQUESTS = 20_000;
const WARM_RUNS_MAX = 20;
/** Which parts are measured; all unless some are named. */
const PARTS = process.env.CORDON_BENCH_PARTS?.split(",");
const wanted = (part: string): boolean => PARTS?.includes(part) ?? true;
const RULES_3 = "/usr/share/modsecurity-crs/rules";
const RULES_4 = process.env.CORDON_BENCH_CRS4;
const MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";

/** The middle one. */
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

type Pair = { readonly ours: ProxyProcess; readonly theirs: ProxyProcess; readonly goal: string };

/** On a busy machine some seconds are few requests, and code not compiled yet is slow. */
async function warm(folder: string, one: Case, proxy: ProxyProcess): Promise<void> {
  const options = { folder, seconds: SECONDS, connections: CONNECTIONS };
  for (let sent = 0, runs = 0; sent < WARM_REQUESTS && runs < WARM_RUNS_MAX; runs += 1) {
    sent += (await load(proxy, one, options)).requests;
  }
}

/** One row for a case: the middle of the rounds, each a run of both proxies one after the other. */
async function compare(folder: string, one: Case, { ours, theirs, goal }: Pair): Promise<void> {
  const options = { folder, seconds: SECONDS, connections: CONNECTIONS };
  const run = (proxy: ProxyProcess): Promise<Load> => load(proxy, one, options);
  await warm(folder, one, ours);
  const rounds: { ours: number; theirs: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const peer = await run(theirs);
    rounds.push({ theirs: peer.cpuMicros, ours: (await run(ours)).cpuMicros });
  }
  const ratios = rounds.map((round) => round.theirs / round.ours);
  const cordonCpuMicros = median(rounds.map((round) => round.ours));
  const peerCpuMicros = median(rounds.map((round) => round.theirs));
  printRow({
    bench: "waf",
    case: one.name,
    cordonCpuMicros,
    peerCpuMicros,
    what: `${one.name} (ratio ${Math.min(...ratios).toFixed(1)} to ${Math.max(...ratios).toFixed(1)})`,
    value: cordonCpuMicros,
    unit: "µs CPU per request",
    peer: { name: theirs.name, value: peerCpuMicros },
    ratio: median(ratios),
    goal,
  });
}

/**
 * Latency where the proxy, wrk and the origin, which share the machine, are half busy. wrk pauses
 * for whole milliseconds, so that requests come in small crowds.
 */
async function latency(
  folder: string,
  one: Case,
  { proxy, goal }: { proxy: ProxyProcess; goal?: string },
): Promise<void> {
  const connections = 16;
  await warm(folder, one, proxy);
  const halves: Load[] = [];
  let fullPerSecond = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const full = await load(proxy, one, { folder, seconds: SECONDS, connections });
    fullPerSecond = full.perSecond;
    const delayMs = (connections * 1_000 * 2) / full.perSecond;
    halves.push(await load(proxy, one, { folder, seconds: SECONDS * 2, connections, delayMs }));
  }
  const rate = Math.round(median(halves.map(({ perSecond }) => perSecond)));
  const what = `${one.name} at ${rate} of ${Math.round(fullPerSecond)} req/s, ${proxy.name}`;
  const rowOf = (name: string, values: readonly number[], wanted?: string): void => {
    const spread = `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
    printRow({
      ...{ bench: "waf", what: `${name} of ${what} (${spread})`, value: median(values) },
      ...{ unit: "ms", ...(wanted === undefined ? {} : { goal: wanted }) },
    });
  };
  const halfBusy = { p50: halves.map(({ p50Ms }) => p50Ms), p99: halves.map(({ p99Ms }) => p99Ms) };
  rowOf("p50", halfBusy.p50);
  rowOf("p99", halfBusy.p99, goal);
}

/** The gateway's, and that of an nginx without rules: what this machine allows. */
async function latencies(started: Started, originPort: number, ours: ProxyProcess): Promise<void> {
  const nginx = await startNginxProxy(started, { originPort });
  for (const one of cases.slice(0, 5)) {
    if (one.passes) await latency(started.folder, one, { proxy: nginx });
    await latency(started.folder, one, { proxy: ours, goal: "< 3" });
  }
}

const megabytes = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN) / 1_024;

/** Resident memory of a worker, and the part of it that no other process shares. */
function memory(what: string, pid: number): void {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const own = megabytes(rollup, "Private_Clean") + megabytes(rollup, "Private_Dirty");
  printRow({
    bench: "waf",
    what: `memory of a worker, ${what} (${Math.round(own)} MB its own)`,
    value: megabytes(rollup, "Rss"),
    unit: "MB",
    goal: "≤ 150",
  });
}

/** Of gateways as every start but an installation's first has them: nothing is compiled anew. */
async function memories(started: Started, originPort: number): Promise<void> {
  const { folder } = started;
  const [rules, name] = RULES_4 === undefined ? [RULES_3, "CRS 3.3.4"] : [RULES_4, "CRS 4"];
  const plans = [
    { what: "CRS 3.3.4, 1 site", rules: RULES_3, sites: 1 },
    { what: `${name}, 1,000 sites`, rules, sites: 1_000 },
  ];
  for (const { what, ...plan } of plans) {
    const options = { originPort, mode: "block", workers: 1, ...plan } as const;
    const gateway = await startGateway(started, `memory-${plan.sites}`, options);
    for (const one of cases.slice(0, 5)) {
      await load(gateway, one, { folder, seconds: SECONDS, connections: CONNECTIONS });
    }
    memory(`${what}, after load`, gateway.pid);
  }
}

/**
 * Two workers against one. By requests a second it says little where wrk and the origin have no
 * core of their own. What decides is whether a request costs more CPU with two workers, at the same
 * half load, so that the cores are equally busy: with a core for each, two do twice the requests
 * that one does, less what each costs more.
 */
async function scaling(started: Started, one: GatewayProxy, two: GatewayProxy): Promise<void> {
  const { folder } = started;
  const ratios: number[] = [];
  const rates: number[] = [];
  const costs: { alone: number; both: number }[] = [];
  for (const each of [one, two]) await warm(folder, jsonPost, each);
  for (const each of [one, two, one, two]) {
    await load(each, jsonPost, { folder, seconds: SECONDS * 2, connections: 32 });
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const options = { folder, seconds: SECONDS, connections: 32 };
    const alone = await load(one, jsonPost, options);
    const both = await load(two, jsonPost, options);
    const delayMs = (options.connections * 1_000 * 2) / alone.perSecond;
    const half = { ...options, seconds: SECONDS * 2, delayMs };
    const [costAlone, costBoth] = [
      await load(one, jsonPost, { ...half, pids: one.processes() }),
      await load(two, jsonPost, { ...half, pids: two.processes() }),
    ];
    costs.push({ alone: costAlone.cpuMicros, both: costBoth.cpuMicros });
    rates.push(both.perSecond);
    ratios.push(both.perSecond / alone.perSecond);
  }
  printRow({
    bench: "waf",
    what: `${jsonPost.name}, two workers against one, on the cores that wrk and the origin share`,
    value: median(rates),
    unit: "req/s",
    ratio: median(ratios),
  });
  const times = costs.map(({ alone, both }) => (2 * alone) / both);
  const spread = `${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)}`;
  printRow({
    bench: "waf",
    what: `${jsonPost.name}, two workers with a core each against one, by CPU (${spread})`,
    value: median(costs.map(({ both }) => both)),
    unit: "µs CPU per request",
    peer: { name: "one worker", value: median(costs.map(({ alone }) => alone)) },
    ratio: median(times),
    goal: "≥ 1.8",
  });
}

/** Changes the rules three times while requests come. */
async function reloading(started: Started, gateway: GatewayProxy): Promise<void> {
  const folders = [sameRulesElsewhere(started, RULES_3), RULES_3];
  const seconds = 12;
  const { folder } = started;
  const counted = { folder, seconds, connections: CONNECTIONS, answers: "counted" } as const;
  const running = load(gateway, realisticGet, counted);
  for (let version = 2; version <= 4; version += 1) {
    await sleep((seconds * 1_000) / 4);
    gateway.reload(version, folders[version % 2] ?? RULES_3);
  }
  const { requests, lost, notOk } = await running;
  printRow({
    bench: "waf",
    what: `requests lost in 3 changes of rules among ${requests}`,
    value: lost + notOk,
    unit: "requests",
    goal: "0",
  });
}

async function run(started: Started): Promise<void> {
  const { folder } = started;
  const originPort = await startOrigin(started);
  const options = { originPort, mode: "block", rules: RULES_3, workers: 1, sites: 1 } as const;
  const gateway = await startGateway(started, "block", options);
  const modsecurity = await startNginxProxy(started, { originPort, rules: RULES_3 });
  for (const one of wanted("cases") ? cases : []) {
    await compare(folder, one, { ours: gateway, theirs: modsecurity, goal: "≥ 10" });
  }
  if (wanted("off")) {
    const off = await startGateway(started, "off", { ...options, mode: "off" });
    for (const logs of [false, true]) {
      const theirs = await startNginxProxy(started, { originPort, logs });
      await compare(folder, simpleGet, { ours: off, theirs, goal: "rules off: ≥ 0.5" });
    }
  }
  if (wanted("coraza")) await coraza(started, originPort);
  if (wanted("latency")) await latencies(started, originPort, gateway);
  if (wanted("memory")) await memories(started, originPort);
  if (wanted("workers")) {
    const two = await startGateway(started, "two", { ...options, workers: 2 });
    await scaling(started, gateway, two);
  }
  if (wanted("reload")) await reloading(started, gateway);
}

async function coraza(started: Started, originPort: number): Promise<void> {
  if (RULES_4 === undefined) {
    printSkip("waf", "Coraza: it does not load 3.3.4; CORDON_BENCH_CRS4 names no rules of CRS 4");
    return;
  }
  const program = buildCoraza(started.folder);
  if (program === null) {
    printSkip("waf", "Coraza: Go is not installed, or its modules cannot be had");
    return;
  }
  const rules = RULES_4;
  const theirs = await startCoraza(started, program, { originPort, rules });
  const options = { originPort, mode: "block", rules, workers: 1, sites: 1 } as const;
  const ours = await startGateway(started, "crs4", options);
  for (const one of cases) {
    await compare(started.folder, one, {
      ours,
      theirs: { ...theirs, name: "coraza, CRS 4" },
      goal: "> 1",
    });
  }
}

const missing = [MODULE, RULES_3, "/usr/bin/wrk"].filter((file) => !existsSync(file));
if (missing.length > 0) printSkip("waf", `there is no ${missing.join(", ")}`);
else {
  const started: Started = {
    folder: mkdtempSync(join(tmpdir(), "cordon-waf-bench-")),
    children: [],
  };
  try {
    await run(started);
  } finally {
    for (const child of started.children) child.kill();
    await sleep(1_000);
    rmSync(started.folder, { recursive: true, force: true });
  }
}
