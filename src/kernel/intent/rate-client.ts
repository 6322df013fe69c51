/** A gateway's side of what gateways tell each other of rate limits, through the control plane. */
import { setTimeout as sleep } from "node:timers/promises";
import Value from "typebox/value";
import { type HeardRates, RateNews, type RateReport, rateExchangeLimits } from "./rate-protocol.ts";

const RETRY_MS = 1_000;

export type FleetCall = {
  readonly ask: (
    path: string,
    given: { body?: unknown; signal: AbortSignal },
  ) => Promise<{ code: number; text: string }>;
  /** True when this node's certificate has ended. */
  readonly isOver: () => boolean;
};

/** News as they come; ends with the signal or the certificate. */
export async function* followRates(
  { ask, isOver }: FleetCall,
  signal: AbortSignal,
): AsyncGenerator<RateNews> {
  let heard: HeardRates = { epoch: "", sequence: 0, gateways: 0 };
  while (!signal.aborted && !isOver()) {
    const news = await nextNews(ask, heard, signal);
    if (news === "none") continue;
    if (news === "away") {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
      continue;
    }
    heard = news;
    yield news;
  }
}

async function nextNews(
  ask: FleetCall["ask"],
  { epoch, sequence, gateways }: HeardRates,
  signal: AbortSignal,
): Promise<RateNews | "none" | "away"> {
  const query = `epoch=${epoch}&after=${sequence}&gateways=${gateways}`;
  try {
    const { code, text } = await ask(`/fleet/v1/rates?${query}`, { signal });
    if (code === 204) return "none";
    const news: unknown = code === 200 ? JSON.parse(text) : undefined;
    return Value.Check(RateNews, news) ? news : "away";
  } catch {
    return "away";
  }
}

/** A report that may have been taken is not sent again: nobody is counted twice. */
export async function tellRates({ ask }: FleetCall, body: RateReport): Promise<boolean> {
  const signal = AbortSignal.timeout(rateExchangeLimits.reportTimeoutMs);
  try {
    const { code } = await ask("/fleet/v1/rates", { body, signal });
    return code === 200;
  } catch {
    return false;
  }
}
