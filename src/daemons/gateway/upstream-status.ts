/** What is told of upstreams that are watched: the event of a change, and their state. */
import type { UpstreamStatus } from "./messages.ts";
import type { Gateway, Upstream } from "./state.ts";
import { upstreamEvent } from "./upstream-event.ts";

/** Emits the event of a change of state. */
export function tellUpstream(
  gateway: Gateway,
  upstream: Upstream,
  state: "up" | "down" | "ejected",
): void {
  const { origin, host, port, health, policy } = upstream;
  const siteId = policy?.siteId ?? "";
  const site = gateway.routes.sites.find(({ intent }) => intent.siteId === siteId);
  const accountId = site?.intent.accountId ?? "";
  const { reason } = health;
  gateway.emit(
    upstreamEvent({ state, reason, origin, host, port, siteId, accountId, time: Date.now() }),
  );
}

const STATUSES_MAX = 1_000;

/** What this worker says of the upstreams of sites that have settings for them. */
export function upstreamStatuses({ routes }: Gateway, nowMs: number): UpstreamStatus[] {
  const found: UpstreamStatus[] = [];
  for (const { intent, upstreams } of routes.sites) {
    for (const { policy, origin, health, active } of upstreams) {
      if (policy === null || found.length >= STATUSES_MAX) continue;
      const isEjected = health.ejectedUntilMs > nowMs;
      const standing = isEjected ? "ejected" : policy.weight === 0 ? "drained" : "up";
      const state = health.up ? standing : "down";
      found.push({
        siteId: intent.siteId,
        upstream: origin,
        state,
        stateReason: state === "down" || state === "ejected" ? health.reason : "",
        weight: policy.weight,
        connections: active,
        failures: health.failures,
      });
    }
  }
  return found;
}

const badness = { up: 0, drained: 1, ejected: 2, down: 3 } as const;

/** The upstreams as the gateway as a whole sees them: the worst state, connections in all. */
export function joinUpstreams(workers: readonly UpstreamStatus[][]): UpstreamStatus[] {
  const joined = new Map<string, UpstreamStatus>();
  for (const status of workers.flat()) {
    const key = `${status.siteId} ${status.upstream}`;
    const known = joined.get(key);
    if (known === undefined) joined.set(key, { ...status });
    else {
      const worst = badness[status.state] > badness[known.state] ? status : known;
      joined.set(key, {
        ...worst,
        connections: known.connections + status.connections,
        failures: Math.max(known.failures, status.failures),
      });
    }
  }
  return [...joined.values()];
}
