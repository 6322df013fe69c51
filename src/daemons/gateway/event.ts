/** One OCSF HTTP Activity (class 4002) per request, as plain data. */
import { randomUUID } from "node:crypto";
import type { LeakCounts } from "../../engines/leaks/mask.ts";
import type { Finding, RuleMatch } from "./inspect.ts";
import { findingOf, type PolicyFinding } from "./policy/run.ts";
import type { Connection, Exchange } from "./state.ts";
import type { UserFinding } from "./user-audit/user-reader.ts";

export type GatewayEvent = {
  class_uid: 4002;
  category_uid: 4;
  activity_id: number;
  type_uid: number;
  time: number;
  severity_id: number;
  status_id: number;
  status: "Success" | "Failure";
  status_detail: string;
  action_id: 1 | 2;
  disposition_id: 1 | 2;
  metadata: { uid: string; product: { name: string; vendor_name: string }; version: string };
  cloud: { provider: string; account: { uid: string } };
  src_endpoint: { ip: string; port: number };
  dst_endpoint: { hostname: string; ip: string; port: number };
  http_request: {
    uid: string;
    http_method: string;
    url: { hostname: string; path: string; query_string: string; scheme: string };
    user_agent: string;
    version: string;
    length: number;
  };
  http_response: { code: number; length: number; latency: number };
  /** JA4 of the TLS hello; absent without one. */
  ja4_fingerprint_list?: readonly { type_id: 1; type: "JA4"; value: string }[];
  /** Who used the site, where its operator asked for it (OCSF `actor.user`). */
  actor?: { user: { name: string; type_id: 0 } };
  unmapped: { cordon: CordonDetail };
};

type CordonDetail = {
  siteId: string | null;
  mode: string;
  wouldBlock: boolean;
  reason: string;
  score: number;
  threshold: number;
  matches: readonly RuleMatch[];
  /** What the site's policy decided, and by what; absent where it has none. */
  policy?: PolicyFinding;
  /** How much was masked in the response, by kind; absent where nothing is. */
  masked?: LeakCounts;
  /** Whether the request is kept whole, too; absent where it should not be. */
  isRecorded?: boolean;
  /** How the user was told; absent where none was. */
  user?: Omit<UserFinding, "name">;
};

const TEXT_BYTES_MAX = 2_048;
const cut = (text: string): string =>
  text.length > TEXT_BYTES_MAX ? text.substring(0, TEXT_BYTES_MAX) : text;

/** OCSF activity ids of class 4002; 99 is any other method. */
const activities: Readonly<Record<string, number>> = {
  CONNECT: 1,
  DELETE: 2,
  GET: 3,
  HEAD: 4,
  OPTIONS: 5,
  POST: 6,
  PUT: 7,
  TRACE: 8,
};

const metadataVersion = "1.5.0";
const product = { name: "Cordon gateway", vendor_name: "Cordon" };
const none: Finding = { score: 0, threshold: 0, matches: [] };

const HIDDEN = "(not kept: it names the user)";

/** Rules may match in the very cookie or token that names the user; its value is no event's. */
function matchesShown({ site }: Exchange, matches: readonly RuleMatch[]): readonly RuleMatch[] {
  const reader = site?.userReader ?? null;
  if (reader === null || matches.length === 0) return matches;
  return matches.map((match) =>
    reader.hides(match.variable) ? { ...match, value: HIDDEN, matchStart: 0, matchEnd: 0 } : match,
  );
}

function userOf({ site, head, connection, time }: Exchange): {
  user?: Omit<UserFinding, "name">;
  actor?: GatewayEvent["actor"];
} {
  const found = site?.userReader?.read(head.fields, connection.clientCertificate, time);
  if (found === undefined) return {};
  const { name, ...user } = found;
  return { user, ...(name === "" ? {} : { actor: { user: { name, type_id: 0 as const } } }) };
}

const ja4Of = ({ ja4 }: Connection): Pick<GatewayEvent, "ja4_fingerprint_list"> =>
  ja4 === "" ? {} : { ja4_fingerprint_list: [{ type_id: 1, type: "JA4", value: ja4 }] };

/** Describes a finished exchange. */
export function eventOf(exchange: Exchange, finding: Finding | null): GatewayEvent {
  const { head, site, connection, blocked } = exchange;
  const activity = activities[head.method] ?? 99;
  const path = head.parsedTarget.path;
  const query = path.indexOf("?");
  const { score, threshold } = finding ?? none;
  const matches = matchesShown(exchange, (finding ?? none).matches);
  const policy = findingOf(exchange.policy);
  const { user, actor } = userOf(exchange);
  const userAgent = head.fields.values[head.fields.lower.indexOf("user-agent")] ?? "";
  return {
    class_uid: 4002,
    category_uid: 4,
    activity_id: activity,
    type_uid: 400_200 + activity,
    time: exchange.time,
    severity_id: blocked || exchange.wouldBlock ? 3 : 1,
    status_id: exchange.status < 400 ? 1 : 2,
    status: exchange.status < 400 ? "Success" : "Failure",
    status_detail: exchange.reason,
    action_id: blocked ? 2 : 1,
    disposition_id: blocked ? 2 : 1,
    metadata: { uid: randomUUID(), product, version: metadataVersion },
    cloud: { provider: "cordon", account: { uid: site?.intent.accountId ?? "" } },
    src_endpoint: { ip: exchange.clientAddress, port: connection.port },
    dst_endpoint: {
      hostname: head.authority?.host ?? "",
      ip: connection.socket.localAddress ?? "",
      port: connection.socket.localPort ?? 0,
    },
    http_request: {
      uid: exchange.requestId,
      http_method: cut(head.method),
      url: {
        hostname: head.authority?.host ?? "",
        path: cut(query < 0 ? path : path.substring(0, query)),
        query_string: query < 0 ? "" : cut(path.substring(query + 1)),
        scheme: connection.isSecure ? "https" : "http",
      },
      user_agent: cut(userAgent),
      version: cut(head.protocol),
      length: exchange.requestBytes,
    },
    http_response: {
      code: exchange.status,
      length: exchange.responseBytes,
      latency: Math.round(performance.now() - exchange.startedMs),
    },
    ...ja4Of(connection),
    ...(actor === undefined ? {} : { actor }),
    unmapped: {
      cordon: {
        siteId: site?.intent.siteId ?? null,
        mode: site?.intent.mode ?? "off",
        wouldBlock: exchange.wouldBlock,
        reason: exchange.reason,
        score,
        threshold,
        matches,
        ...(policy === null ? {} : { policy }),
        ...(exchange.mask === null ? {} : { masked: exchange.mask.counts }),
        ...(user === undefined ? {} : { user }),
      },
    },
  };
}
