/** The event of refused connections, as plain data, and what is counted until it is told. */
import { randomUUID } from "node:crypto";

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

export const noRefusals = (): Refusals => ({
  bySource: new Map(),
  toldMs: 0,
  lastMs: 0,
  lastSource: "",
});

/** The event for this many connections of one source; an empty address: of many. */
export function refusalEvent(ip: string, count: number, time: number): RefusalEvent {
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
