/**
 * The control plane's memory of rate limits: joins what gateways count and tells each of the bans
 * that follow. In memory only: after a restart it begins anew, while gateways keep their bans.
 */
import { hash } from "node:crypto";
import {
  countArrivals,
  createRateBook,
  type RateBook,
  type RateKey,
  refusedUntil,
} from "../../engines/sitepolicy/rate-book.ts";
import {
  type HeardRates,
  type RateNews,
  type RateReport,
  rateExchangeLimits,
} from "./rate-protocol.ts";
import type { RateScope } from "./rate-scopes.ts";
import { untilWoken, wakeAll } from "./wait.ts";

export type RateExchange = {
  /**
   * Takes what a gateway counted; `tooMany` when it tells too often or too much at once, and
   * nothing was counted.
   */
  take(nodeId: string, report: RateReport): "taken" | "tooMany";
  /** What is new to a gateway, once there is something; undefined when the signal ends the wait. */
  news(nodeId: string, heard: HeardRates, signal: AbortSignal): Promise<RateNews | undefined>;
};

export type RateExchangeParts = {
  /** The same from every control plane of this Cordon, and known to its gateways only. */
  readonly seed: string;
  /** Of this memory: another one each time the process starts. */
  readonly epoch: string;
  /** What the accounts have declared, by scope. */
  readonly scopes: () => ReadonlyMap<string, RateScope>;
  readonly clock: () => number;
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
};

type ToldBan = {
  readonly sequence: number;
  readonly scope: string;
  /** As gateways know it. */
  readonly key: RateKey;
  readonly untilMs: number;
};

/** How often each name came in the present period. */
type Tally = { period: number; counts: Map<string, number> };

type Memory = RateExchangeParts & {
  readonly book: RateBook;
  /** Oldest first. */
  bans: ToldBan[];
  sequence: number;
  /** When each gateway asked last. */
  readonly gateways: Map<string, number>;
  /** Reports of each gateway in a second, and bans of each account in a minute. */
  readonly reports: Tally;
  readonly budgets: Tally;
  readonly waiting: Set<() => void>;
};

/** Sets of eight keys in the book: 1.8 MB, whatever is counted. */
const SETS = 8_192;

/** An empty memory. */
export function createRateExchange(parts: RateExchangeParts): RateExchange {
  const memory: Memory = {
    ...parts,
    book: createRateBook({ sets: SETS, bansMax: rateExchangeLimits.bansMax }),
    bans: [],
    sequence: 0,
    gateways: new Map(),
    reports: { period: 0, counts: new Map() },
    budgets: { period: 0, counts: new Map() },
    waiting: new Set(),
  };
  return {
    take: (nodeId, report) => take(memory, nodeId, report),
    news: (nodeId, heard, signal) => news(memory, nodeId, { heard, signal }),
  };
}

function take(memory: Memory, nodeId: string, { scopes }: RateReport): "taken" | "tooMany" {
  const nowMs = memory.clock();
  const { keysPerReportMax, reportsPerSecondMax } = rateExchangeLimits;
  const keys = scopes.reduce((sum, { counts }) => sum + counts.length, 0);
  const reports = tally(memory.reports, nodeId, Math.floor(nowMs / 1_000));
  if (keys > keysPerReportMax || reports > reportsPerSecondMax) return "tooMany";
  const declared = memory.scopes();
  const before = memory.sequence;
  for (const { scope, counts } of scopes) {
    // INVARIANT: what a limit allows and how long it bans comes from the intent, never from a node.
    const known = declared.get(scope);
    if (known === undefined) continue;
    for (const [high, low, amount] of counts) {
      count(memory, { scope, known, key: { high, low }, amount, nowMs });
    }
  }
  if (memory.sequence > before) wakeAll(memory.waiting);
  return "taken";
}

type Arrivals = {
  readonly scope: string;
  readonly known: RateScope;
  readonly key: RateKey;
  readonly amount: number;
  readonly nowMs: number;
};

function count(memory: Memory, { scope, known, key, amount, nowMs }: Arrivals): void {
  const { accountId, terms } = known;
  const bound = boundKey(scope, key);
  if (refusedUntil(memory.book, bound, nowMs) > 0) return;
  const untilMs = countArrivals(memory.book, bound, { terms, amount, nowMs });
  if (untilMs === 0) return;
  const { bansPerAccountMinuteMax, bansMax } = rateExchangeLimits;
  const bans = tally(memory.budgets, accountId, Math.floor(nowMs / 60_000));
  if (bans === bansPerAccountMinuteMax + 1) {
    const message = "more bans than are shared in a minute; each gateway bans for itself";
    memory.log({ level: "warning", message, accountId, bansPerAccountMinuteMax });
  }
  if (bans > bansPerAccountMinuteMax) return;
  if (memory.bans.length >= bansMax) memory.bans = keptBans(memory.bans, nowMs);
  memory.sequence++;
  memory.bans.push({ sequence: memory.sequence, scope, key, untilMs });
}

/** Those in force; when they are still too many, the newer half of them. */
function keptBans(bans: readonly ToldBan[], nowMs: number): ToldBan[] {
  const inForce = bans.filter(({ untilMs }) => untilMs > nowMs);
  const half = rateExchangeLimits.bansMax / 2;
  return inForce.length > half ? inForce.slice(-half) : inForce;
}

/**
 * A key as it is counted here. What a gateway tells under one limit never meets what another told
 * under another limit, even when it names the same key.
 */
function boundKey(scope: string, { high, low }: RateKey): RateKey {
  const digest = hash("sha256", `${scope}\0${high}.${low}`, "buffer");
  return { high: digest.readUInt32LE(0), low: digest.readUInt32LE(4) };
}

/** Adds one; returns how many it has had in this period. */
function tally(book: Tally, name: string, period: number): number {
  if (book.period !== period) {
    book.period = period;
    book.counts.clear();
  }
  const times = (book.counts.get(name) ?? 0) + 1;
  book.counts.set(name, times);
  return times;
}

async function news(
  memory: Memory,
  nodeId: string,
  { heard, signal }: { heard: HeardRates; signal: AbortSignal },
): Promise<RateNews | undefined> {
  const isNew = !memory.gateways.has(nodeId);
  memory.gateways.set(nodeId, memory.clock());
  if (isNew) wakeAll(memory.waiting);
  for (;;) {
    const nowMs = memory.clock();
    const gateways = gatewaysAt(memory, nowMs);
    const isSame = heard.epoch === memory.epoch;
    const after = isSame ? heard.sequence : 0;
    if (!isSame || heard.gateways !== gateways || memory.sequence > after) {
      return newsAfter(memory, { after, gateways, nowMs });
    }
    if (signal.aborted) return undefined;
    await untilWoken(memory.waiting, signal);
  }
}

function newsAfter(
  { bans, sequence, epoch, seed }: Memory,
  { after, gateways, nowMs }: { after: number; gateways: number; nowMs: number },
): RateNews {
  const fresh = bans.filter((ban) => ban.sequence > after && ban.untilMs > nowMs);
  const told = fresh.slice(0, rateExchangeLimits.bansPerAnswerMax);
  return {
    epoch,
    seed,
    gateways,
    sequence: fresh.length > told.length ? (told.at(-1)?.sequence ?? sequence) : sequence,
    bans: told.map(({ scope, key, untilMs }) => ({ scope, ...key, forMs: untilMs - nowMs })),
  };
}

function gatewaysAt({ gateways }: Memory, nowMs: number): number {
  for (const [nodeId, askedMs] of gateways) {
    if (nowMs - askedMs > rateExchangeLimits.forgetGatewayMs) gateways.delete(nodeId);
  }
  return gateways.size;
}
