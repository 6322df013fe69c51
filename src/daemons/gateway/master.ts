/** The master: forks workers, gives them the intent, keeps the last good one. No traffic here. */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { saveLastGood } from "../../kernel/intent/last-good.ts";
import type { RateNews, RateReport } from "../../kernel/intent/rate-protocol.ts";
import {
  bringGeoDatabases,
  createGeoCheck,
  dropOldGeoDatabases,
  type GeoCheck,
  type GeoFault,
  geoStatuses,
} from "./geo-files.ts";
import { type GatewayIntent, type IntentFault, readIntent, settleIntent } from "./intent.ts";
import { loadIntent } from "./intent-store.ts";
import {
  type GatewayStatus,
  readFromWorker,
  type ToWorker,
  type WorkerStatus,
} from "./messages.ts";
import { joinPages } from "./page-guard.ts";
import { createFleetRates, type FleetRates } from "./policy/fleet-rates.ts";
import { bringLists, dropOldLists, type FetchContent } from "./policy/list-files.ts";
import { createRateHub, type RateHub } from "./policy/rate-hub.ts";
import { createRuleCheck, withoutBrokenSets } from "./rule-check.ts";
import { bringRulesets, dropOldRulesets, withRulesetFolders } from "./ruleset-files.ts";
import { joinUpstreams } from "./upstream-status.ts";

export type MasterOptions = {
  workers: number;
  host: string;
  /** 0 = any free port, the same for all workers. */
  httpPort: number;
  httpsPort: number;
  /** `<data>/gateway`: the last good intent. */
  folder: string;
  /** `<data>/spool`: each worker writes `gateway-<n>` below it. */
  spoolFolder: string;
  /** `<data>/records`: the same for records of requests. */
  recordsFolder: string;
  /** Desired states, newest last; ends with the gateway. */
  intents: AsyncIterable<unknown>;
  /** Gives what an intent names by its SHA-256; default: only what is on the disk already. */
  fetchContent?: FetchContent;
  /** Tells other gateways what was counted; false when it did not arrive. Default: nobody. */
  tellRates?: (report: RateReport) => Promise<boolean>;
  /** Called when something changed, and once a second with fresh counters. */
  onStatus: (status: GatewayStatus) => void;
};

export type Master = {
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Process ids of the workers that run. */
  pids(): number[];
  /** Takes over what follows from the counts of all gateways. */
  hearRates(news: RateNews): void;
  stop(graceMs: number): Promise<void>;
};

type Slot = {
  at: number;
  child: ChildProcess | null;
  status: WorkerStatus | null;
  restartMs: number;
};

type MasterState = {
  readonly options: MasterOptions;
  readonly slots: Slot[];
  readonly rates: RateHub;
  readonly fleetRates: FleetRates;
  readonly checkRules: ReturnType<typeof createRuleCheck>;
  readonly checkGeo: GeoCheck;
  /** What the workers share and nobody outside may know: keys of hashes and of challenges. */
  readonly seed: string;
  intent: GatewayIntent | null;
  faults: IntentFault[];
  geoFaults: readonly GeoFault[];
  messages: string[];
  httpPort: number;
  httpsPort: number;
  stopping: boolean;
};

const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 3_000;
const START_TIMEOUT_MS = 20_000;
const CONTENT_RETRY_MS = 1_000;
const MESSAGES_MAX = 20;
const HEAP_MIB_MAX = 512;
/**
 * What a request leaves behind is little and dies at once: a young generation of three times this
 * is enough, where V8 would let it grow further. With twice as much a request costs the same.
 */
const YOUNG_HALF_MIB = 4;

/**
 * Starts the workers with the last good intent and follows `intents`.
 *
 * @throws Error when the first worker cannot listen, with its reason.
 */
export async function startMaster(options: MasterOptions): Promise<Master> {
  const state: MasterState = {
    options,
    checkRules: createRuleCheck(),
    checkGeo: createGeoCheck(options.folder),
    slots: [],
    rates: createRateHub(),
    fleetRates: createFleetRates(options.tellRates ?? (async () => false)),
    seed: randomBytes(32).toString("hex"),
    intent: null,
    faults: [],
    geoFaults: [],
    messages: [],
    httpPort: options.httpPort,
    httpsPort: options.httpsPort,
    stopping: false,
  };
  const kept = await loadIntent(options.folder);
  // This program may be newer than the one that compiled these rules before.
  if (kept !== null) state.intent = await settleContent(state, kept, null);
  for (let at = 0; at < options.workers; at++) {
    const slot: Slot = { at, child: null, status: null, restartMs: RESTART_MS_MIN };
    state.slots.push(slot);
    // One after the other: the first may choose the ports that the others share.
    await startSlot(state, slot);
  }
  const followed = follow(state);
  const timer = setInterval(() => options.onStatus(statusOf(state)), 1_000);
  return {
    httpPort: state.httpPort,
    httpsPort: state.httpsPort,
    pids: () => state.slots.flatMap(({ child }) => (child?.pid === undefined ? [] : [child.pid])),
    hearRates: (news) => {
      const heard = state.fleetRates.hear(news, Date.now());
      for (const slot of state.slots)
        send(slot, { kind: "fleetRates", seed: heard.seed, bans: [...heard.bans] });
    },
    stop: async (graceMs) => {
      state.stopping = true;
      state.fleetRates.close();
      clearInterval(timer);
      await Promise.all(state.slots.map((slot) => stopSlot(slot, graceMs)));
      void followed;
    },
  };
}

/** Applies each intent as it comes; a fault is reported and the last good one runs on. */
async function follow(state: MasterState): Promise<void> {
  for await (const document of state.options.intents) {
    if (state.stopping) return;
    const result = readIntent(document);
    state.faults = result.faults;
    if (result.ok) {
      const named = withRulesetFolders(result.intent, state.options.folder);
      if (!(await bringContent(state, settleIntent(named, result.faults, state.intent)))) continue;
      const settled = await settleContent(state, named, state.intent);
      state.intent = settled;
      for (const slot of state.slots) send(slot, { kind: "intent", intent: settled });
      await saveLastGood(state.options.folder, settled).catch((error: unknown) =>
        note(state, `Cannot keep the intent on disk: ${error}`),
      );
    } else note(state, `Cannot apply intent ${result.version ?? "without a version"}`);
    state.options.onStatus(statusOf(state));
  }
}

/**
 * Settles an intent once its rules are known to compile and its databases to open; what does not is
 * told as a fault.
 */
async function settleContent(
  state: MasterState,
  intent: GatewayIntent,
  previous: GatewayIntent | null,
): Promise<GatewayIntent> {
  const { setFaults, textFaults, broken } = await state.checkRules(intent);
  const sound = withoutBrokenSets(intent, broken, previous);
  const settled = settleIntent(sound, [...state.faults, ...textFaults], previous);
  state.faults = [...state.faults, ...setFaults, ...textFaults];
  const geo = await state.checkGeo(settled, previous);
  state.geoFaults = geo.faults;
  return geo.intent;
}

/**
 * Lists, rule sets and databases first, then the intent that names them: tries again until it has
 * them. False for an intent that is out of date, or when the gateway stops.
 */
async function bringContent(state: MasterState, intent: GatewayIntent): Promise<boolean> {
  const { folder, fetchContent = async () => undefined } = state.options;
  for (;;) {
    try {
      const isWhole =
        (await bringLists(folder, intent, fetchContent)) &&
        (await bringRulesets(folder, intent, fetchContent)) &&
        (await bringGeoDatabases(folder, intent, fetchContent));
      if (!isWhole) {
        note(state, `Intent ${intent.version} names a list, rule set or database that is gone`);
        return false;
      }
      // What the intent before this one named stays until the next: workers may still open it.
      if (state.intent !== null) {
        await dropOldLists(folder, [state.intent, intent]);
        await dropOldRulesets(folder, [state.intent, intent]);
        await dropOldGeoDatabases(folder, [state.intent, intent]);
      }
      return true;
    } catch (error) {
      note(state, `Cannot apply intent ${intent.version} yet: ${error}`);
      if (state.stopping) return false;
      await new Promise((resolve) => setTimeout(resolve, CONTENT_RETRY_MS));
    }
  }
}

function statusOf(state: MasterState): GatewayStatus {
  const workers = state.slots.flatMap(({ status }) => (status === null ? [] : [status]));
  const failures = state.faults.flatMap(({ siteId, path, message }) =>
    siteId === null ? [] : [{ siteId, message: `${path}: ${message}` }],
  );
  const general = state.faults
    .filter(({ siteId }) => siteId === null)
    .map(({ path, message }) => `${path}: ${message}`);
  const troubles = state.slots.flatMap(({ at, status }) =>
    (status?.troubles ?? []).map((trouble) => `Worker ${at} ${trouble}`),
  );
  const geo = state.geoFaults.map(({ kind, message }) => `Database of kind ${kind}: ${message}`);
  const versions = workers.map(({ version }) => version);
  return {
    runningVersion: versions.length === 0 ? 0 : Math.min(...versions),
    failures,
    messages: [...troubles, ...general, ...geo, ...state.messages].slice(0, MESSAGES_MAX),
    workers: workers.map(({ upstreams: _, pages: _pages, ...rest }) => rest),
    pages: joinPages(workers.map(({ pages }) => pages)),
    geoDatabases: geoStatuses(state.intent, state.geoFaults),
    upstreams: joinUpstreams(workers.map(({ upstreams }) => upstreams)),
  };
}

function note(state: MasterState, message: string): void {
  state.messages = [message, ...state.messages.filter((each) => each !== message)];
  state.messages.length = Math.min(state.messages.length, MESSAGES_MAX);
}

function send(slot: Slot, message: ToWorker): void {
  if (slot.child?.connected) slot.child.send(message, () => {});
}

function shareRates(state: MasterState, counts: Parameters<FleetRates["note"]>[0]): void {
  state.fleetRates.note(counts);
  const bans = [...state.rates.take(counts, Date.now())];
  if (bans.length > 0) for (const slot of state.slots) send(slot, { kind: "bans", bans });
}

/** What a worker that begins has to know of limits. */
function tellRatesInForce({ rates, fleetRates }: MasterState, slot: Slot): void {
  const nowMs = Date.now();
  send(slot, { kind: "bans", bans: [...rates.inForce(nowMs)] });
  const fleet = fleetRates.inForce(nowMs);
  if (fleet !== null) send(slot, { kind: "fleetRates", seed: fleet.seed, bans: [...fleet.bans] });
}

/** Forks a worker; resolves when it listens, rejects with its reason when it does not. */
function startSlot(state: MasterState, slot: Slot): Promise<void> {
  const { options } = state;
  const child = fork(join(import.meta.dirname, "worker-main.ts"), [], {
    execArgv: [
      `--max-old-space-size=${HEAP_MIB_MAX}`,
      `--max-semi-space-size=${YOUNG_HALF_MIB}`,
      // What compiling rules keeps would have V8 put the like of it of every request among what
      // stays, and whatever that points to: a quarter of a request's CPU (decision 0041).
      "--no-allocation-site-pretenuring",
    ],
    env: {
      ...process.env,
      // glibc gives each thread a heap of its own, of which most stays empty: 15 MB a worker.
      MALLOC_ARENA_MAX: "1",
      CORDON_WORKER_HOST: options.host,
      CORDON_WORKER_HTTP_PORT: String(state.httpPort),
      CORDON_WORKER_HTTPS_PORT: String(state.httpsPort),
      CORDON_WORKER_FOLDER: options.folder,
      CORDON_WORKER_SEED: state.seed,
      CORDON_WORKER_INTENT: state.intent === null ? "none" : "sent",
      CORDON_WORKER_PAGES: join(options.folder, "pages"),
      CORDON_WORKER_SPOOL: join(options.spoolFolder, `gateway-${slot.at}`),
      CORDON_WORKER_RECORDS: join(options.recordsFolder, `gateway-${slot.at}`),
    },
  });
  slot.child = child;
  // It listens when it has applied this one: a restarted worker must not answer 404 for sites.
  const sent = state.intent;
  if (sent !== null) send(slot, { kind: "intent", intent: sent });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    let reason = "it ended before it listened";
    child.on("message", (value) => {
      const message = readFromWorker(value);
      if (message === null) return;
      if (message.kind === "listening") {
        clearTimeout(timer);
        slot.restartMs = RESTART_MS_MIN;
        state.httpPort = message.httpPort;
        state.httpsPort = message.httpsPort;
        const { intent } = state;
        if (intent !== null && intent !== sent) send(slot, { kind: "intent", intent });
        tellRatesInForce(state, slot);
        resolve();
      } else if (message.kind === "failed") reason = message.message;
      else if (message.kind === "notApplied") note(state, message.message);
      else if (message.kind === "rates") shareRates(state, message.counts);
      else if (message.kind === "status") slot.status = message.status;
      else if (message.kind === "applied" && slot.status !== null) {
        slot.status = { ...slot.status, version: message.version };
      }
    });
    child.on("exit", () => {
      clearTimeout(timer);
      slot.child = null;
      slot.status = null;
      reject(new Error(`Cannot start gateway worker ${slot.at}: ${reason}`));
      if (!state.stopping) restartLater(state, slot);
    });
  });
}

function restartLater(state: MasterState, slot: Slot): void {
  note(state, `Worker ${slot.at} ended and was started again`);
  setTimeout(() => {
    if (state.stopping) return;
    startSlot(state, slot).catch((error: unknown) => note(state, String(error)));
  }, slot.restartMs).unref();
  slot.restartMs = Math.min(slot.restartMs * 2, RESTART_MS_MAX);
}

function stopSlot(slot: Slot, graceMs: number): Promise<void> {
  const { child } = slot;
  if (child === null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMs + 2_000);
    child.on("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    send(slot, { kind: "stop", graceMs });
  });
}
