/**
 * Connections that were refused for their number: counted by source, and told of once a second,
 * because an event for each would turn a flood of connections into a flood of events.
 */
import { emitEvent } from "./answer.ts";
import { refusalEvent } from "./refusal-event.ts";
import type { Gateway } from "./state.ts";

/** Sources counted by themselves; more are counted together, under no address. */
const SOURCES_MAX = 100;
const TELL_EVERY_MS = 1_000;
/** How long the status goes on saying it. */
const RECENT_MS = 60_000;

/** Counts one refused connection. */
export function countRefusal(gateway: Gateway, address: string): void {
  const { refusals } = gateway;
  const { bySource } = refusals;
  gateway.counters.connectionsRefused++;
  const key = bySource.has(address) || bySource.size < SOURCES_MAX ? address : "";
  bySource.set(key, (bySource.get(key) ?? 0) + 1);
  refusals.lastMs = Date.now();
  refusals.lastSource = address;
}

/** Emits one event per source; called by the worker's sweep. */
export function tellRefusals(gateway: Gateway, nowMs: number): void {
  const { refusals } = gateway;
  if (refusals.bySource.size === 0 || nowMs - refusals.toldMs < TELL_EVERY_MS) return;
  for (const [ip, count] of refusals.bySource) emitEvent(gateway, refusalEvent(ip, count, nowMs));
  refusals.bySource.clear();
  refusals.toldMs = nowMs;
}

/** What the operator should know now; empty when nothing was refused lately. */
export function refusalTroubles({ refusals, limits, counters }: Gateway, nowMs: number): string[] {
  if (refusals.lastMs === 0 || nowMs - refusals.lastMs > RECENT_MS) return [];
  const { connectionsMax, connectionsPerSourceMax } = limits;
  return [
    `refuses connections beyond ${connectionsMax} in all or ${connectionsPerSourceMax} a source: ` +
      `${counters.connectionsRefused} so far, the latest from ${refusals.lastSource}`,
  ];
}
