/** The event of an upstream that goes or comes back, as plain data. */
import { randomUUID } from "node:crypto";

/** OCSF Network Activity (4001): Fail (4) when an upstream goes, Open (1) when it is back. */
export type UpstreamEvent = {
  class_uid: 4001;
  category_uid: 4;
  activity_id: 1 | 4;
  activity_name: "Open" | "Fail";
  type_uid: number;
  time: number;
  severity_id: 1 | 4;
  status_id: 1 | 2;
  status: "Success" | "Failure";
  status_detail: string;
  message: string;
  action_id: 1;
  disposition_id: 1;
  metadata: { uid: string; product: { name: string; vendor_name: string }; version: string };
  cloud: { provider: string; account: { uid: string } };
  dst_endpoint: { hostname: string; port: number };
  unmapped: { cordon: { siteId: string; upstream: string } };
};

/** What the event tells. */
export type UpstreamChange = {
  readonly state: "up" | "down" | "ejected";
  readonly reason: string;
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly siteId: string;
  readonly accountId: string;
  readonly time: number;
};

/** The event of a change of state. */
export function upstreamEvent(change: UpstreamChange): UpstreamEvent {
  const { state, reason, origin, host, port, siteId, accountId, time } = change;
  const isUp = state === "up";
  const activity = isUp ? 1 : 4;
  return {
    class_uid: 4001,
    category_uid: 4,
    activity_id: activity,
    activity_name: isUp ? "Open" : "Fail",
    type_uid: 400_100 + activity,
    time,
    severity_id: isUp ? 1 : 4,
    status_id: isUp ? 1 : 2,
    status: isUp ? "Success" : "Failure",
    status_detail: `upstream:${state}`,
    message: `Upstream ${origin} is ${state}${reason === "" ? "" : `: ${reason}`}`,
    action_id: 1,
    disposition_id: 1,
    metadata: {
      uid: randomUUID(),
      product: { name: "Cordon gateway", vendor_name: "Cordon" },
      version: "1.5.0",
    },
    cloud: { provider: "cordon", account: { uid: accountId } },
    dst_endpoint: { hostname: host, port },
    unmapped: { cordon: { siteId, upstream: origin } },
  };
}
