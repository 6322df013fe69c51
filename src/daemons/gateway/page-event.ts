/** The finding that a guarded page is not what was approved, as plain data. */
import { randomUUID } from "node:crypto";

/** OCSF Detection Finding (2004), activity Create. Told once for each content that was seen. */
export type PageEvent = {
  class_uid: 2004;
  category_uid: 2;
  activity_id: 1;
  type_uid: 200_401;
  time: number;
  severity_id: 4;
  status_id: 1;
  status: "New";
  status_detail: "pageChanged";
  message: string;
  finding_info: { uid: string; title: string; desc: string };
  metadata: { uid: string; product: { name: string; vendor_name: string }; version: string };
  cloud: { provider: string; account: { uid: string } };
  resources: { type: "page"; uid: string }[];
  /** 2 = Blocked: the approved copy was served in its place. */
  action_id: 1 | 2;
  disposition_id: 1 | 2;
  unmapped: { cordon: Omit<PageChange, "accountId" | "time" | "isCovered"> };
};

export type PageChange = {
  readonly accountId: string;
  readonly siteId: string;
  /** The site's first domain. */
  readonly host: string;
  readonly path: string;
  readonly approvedDigest: string;
  readonly digest: string;
  /** Whether the approved copy was served in its place. */
  readonly isCovered: boolean;
  readonly time: number;
};

/** The event of a change. */
export function pageEvent({ accountId, time, isCovered, ...change }: PageChange): PageEvent {
  const { siteId, host, path, approvedDigest, digest } = change;
  const outcome = isCovered ? 2 : 1;
  const message = `Page ${path} of ${host} is not what was approved`;
  return {
    class_uid: 2004,
    category_uid: 2,
    activity_id: 1,
    type_uid: 200_401,
    time,
    severity_id: 4,
    status_id: 1,
    status: "New",
    status_detail: "pageChanged",
    message,
    finding_info: {
      uid: randomUUID(),
      title: "A page changed without approval",
      desc: `Approved SHA-256 ${approvedDigest}, seen ${digest}`,
    },
    metadata: {
      uid: randomUUID(),
      product: { name: "Cordon gateway", vendor_name: "Cordon" },
      version: "1.5.0",
    },
    cloud: { provider: "cordon", account: { uid: accountId } },
    action_id: outcome,
    disposition_id: outcome,
    resources: [{ type: "page", uid: `${siteId}${path}` }],
    unmapped: { cordon: { siteId, host, path, approvedDigest, digest } },
  };
}
