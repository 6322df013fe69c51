/**
 * Connections that were refused for their number: counted by source, and told of once a second,
 * because an event for each would turn a flood of connections into a flood of events.
 */
import { randomUUID } from "node:crypto";
import { emitEvent } from "./answer.ts";
import type { Gateway } from "./state.ts";

/** OCSF Network Activity (4001), activity Refuse. It is of no account: no host was named yet. */
export type RefusalEvent = {
  class_uid: 4001;
  category_uid: 4;
  activity_id: 5;
  activity_name: "Refuse";
  type_uid: 400_105;
  time: number;
  severity_id: 3;
  status_id: 2;
  status: "Failure";
  status_detail: "tooManyConnections";
  message: string;
  /** Connections of this source since the last event of this kind. */
  count: number;
  action_id: 2;
  disposition_id: 2;
  metadata: { uid: string; product: { name: string; vendor_name: string }; version: string };
  cloud: { provider: string; account: { uid: string } };
  src_endpoint: { ip: string };
};

export type Refusals = {
  bySource: Map<string, number>;
  toldMs: number;
  /** For the status: when, whence and how many in all. */
  lastMs: number;
  lastSource: string;
};

/** Sources counted by themselves; more are counted together, under no address. */
const SOURCES_MAX = 100;
const TELL_EVERY_MS = 1_000;
/** How long the status goes on saying it. */
const RECENT_MS = 60_000;

export const noRefusals = (): Refusals => ({
  bySource: new Map(),
  toldMs: 0,
  lastMs: 0,
  lastSource: "",
});

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

function refusalEvent(ip: string, count: number, time: number): RefusalEvent {
  return {
    class_uid: 4001,
    category_uid: 4,
    activity_id: 5,
    activity_name: "Refuse",
    type_uid: 400_105,
    time,
    severity_id: 3,
    status_id: 2,
    status: "Failure",
    status_detail: "tooManyConnections",
    message: `${count} connections of ${ip === "" ? "many sources" : ip} refused: too many`,
    count,
    action_id: 2,
    disposition_id: 2,
    metadata: {
      uid: randomUUID(),
      product: { name: "Cordon gateway", vendor_name: "Cordon" },
      version: "1.5.0",
    },
    cloud: { provider: "cordon", account: { uid: "" } },
    src_endpoint: { ip },
  };
}
