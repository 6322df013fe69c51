/**
 * The master's part in counting together with other gateways: gathers what its workers counted,
 * tells it through the control plane, keeps the bans that come back (docs/decisions/0029).
 */
import {
  addScopedBan,
  createScopedBans,
  type ScopedBan,
  scopedBansInForce,
} from "../../../engines/sitepolicy/scoped-bans.ts";
import {
  type RateNews,
  type RateReport,
  rateExchangeLimits,
} from "../../../kernel/intent/rate-protocol.ts";
import type { RateCount } from "./rates.ts";

/** What workers have to know: how to key their hashes, and bans. */
export type FleetRateNews = { readonly seed: string; readonly bans: readonly ScopedBan[] };

export type FleetRates = {
  /** Notes what a worker counted; nothing while this gateway is alone. */
  note(counts: readonly RateCount[]): void;
  /** Takes news; returns what every worker has to know. */
  hear(news: RateNews, nowMs: number): FleetRateNews;
  /** For a worker that begins; null while nothing was heard. */
  inForce(nowMs: number): FleetRateNews | null;
  close(): void;
};

/** Keys that wait for the next report; more are counted by this gateway alone. */
const PENDING_MAX = 8_192;

/** @param tell sends a report once; false when it is not known to have arrived. */
export function createFleetRates(tell: (report: RateReport) => Promise<boolean>): FleetRates {
  const bans = createScopedBans(rateExchangeLimits.bansMax);
  const pending = new Map<string, RateCount>();
  let seed: string | null = null;
  let gateways = 0;
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;

  const report = async (): Promise<void> => {
    const counts = nearestToLimit([...pending.values()]);
    // What is not told now is not told later: counts of the past would come at the wrong time.
    pending.clear();
    if (counts.length > 0) await tell({ scopes: byScope(counts) });
    if (pending.size > 0 && !isClosed) reportLater();
    else timer = null;
  };
  const reportLater = (): void => {
    timer = setTimeout(() => void report(), rateExchangeLimits.reportEveryMs);
    timer.unref();
  };
  return {
    note(counts) {
      if (gateways < 2) return;
      for (const count of counts) {
        const name = `${count.scope} ${count.key.high}.${count.key.low}`;
        const known = pending.get(name);
        if (known !== undefined) known.amount += count.amount;
        else if (pending.size < PENDING_MAX) pending.set(name, { ...count });
      }
      if (timer === null && pending.size > 0 && !isClosed) reportLater();
    },
    hear(news, nowMs) {
      gateways = news.gateways;
      seed = news.seed;
      const heard = news.bans.map(({ scope, high, low, forMs }) => ({
        scope,
        key: { high, low },
        untilMs: nowMs + forMs,
      }));
      return { seed, bans: heard.filter((ban) => addScopedBan(bans, ban, nowMs)) };
    },
    inForce: (nowMs) => (seed === null ? null : { seed, bans: scopedBansInForce(bans, nowMs) }),
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

/** Those of a report: the larger part of its limit a key has used, the sooner it is told. */
function nearestToLimit(counts: readonly RateCount[]): readonly RateCount[] {
  const { keysPerReportMax } = rateExchangeLimits;
  if (counts.length <= keysPerReportMax) return counts;
  const used = ({ amount, terms }: RateCount) => amount / (terms.requestsMax || 0.001);
  return counts.toSorted((one, other) => used(other) - used(one)).slice(0, keysPerReportMax);
}

function byScope(counts: readonly RateCount[]): RateReport["scopes"] {
  const scopes = Map.groupBy(counts, ({ scope }) => scope);
  return [...scopes].map(([scope, told]) => ({
    scope,
    counts: told.map(({ key, amount }) => [key.high, key.low, amount]),
  }));
}
