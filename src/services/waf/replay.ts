/**
 * A stored request for a replay: whole by its record, else as far as its event tells it. Of an
 * event method, target, host and agent are kept, and of the rest only what rules met. Bodies and
 * headers that met no rule are not, so a replay says itself that it is partial.
 */
import type { RequestRecord } from "../../kernel/events/request-record.ts";
import { matchesOf } from "../../kernel/events/row.ts";
import type { Lake } from "../../kernel/lake/client.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Lacking } from "./contract.ts";
import type { RequestBytes } from "./parts.ts";
import { askLake, lackingOf, type StoredPlace } from "./records.ts";

export type StoredRequest = RequestBytes & {
  readonly uid: string;
  readonly source: "record" | "event";
  readonly lacks: readonly Lacking[];
};

/** The request of a record, as it came but for what it lacks. */
export function requestOfRecord(record: RequestRecord): StoredRequest {
  const { uid, method, target, protocol, requestLine, fields, client, server, body } = record;
  return {
    ...{ uid, method, target, protocol, requestLine, fields, client, server },
    source: "record",
    lacks: lackingOf(record),
    body: body.text,
    isWhole: body.isWhole && body.state !== "cut",
  };
}

type Json = Readonly<Record<string, unknown>>;

/** The request of the event with this uid or request id. @throws Problem waf.requestNotFound. */
export async function storedRequest(lake: Lake, where: StoredPlace): Promise<StoredRequest> {
  const [row] = await askLake<{ raw: string }>(
    lake,
    `SELECT raw FROM event AS e FINAL
     WHERE account = {account:String} AND class_uid = 4002 AND site_id = {site:String}
       AND raw != '' AND (uid = {id:String} OR (position(raw, {id:String}) > 0
         AND JSONExtractString(raw, 'http_request', 'uid') = {id:String})) LIMIT 1`,
    where,
  );
  if (row === undefined) throw new Problem("waf.requestNotFound");
  return requestOfEvent(fieldsOf(JSON.parse(row.raw)));
}

/** Rebuilds the request of an event. */
export function requestOfEvent(event: Json): StoredRequest {
  const request = fieldsOf(event.http_request);
  const url = fieldsOf(request.url);
  const path = textOf(url.path) || "/";
  const query = textOf(url.query_string);
  const headers = new Map([
    ["Host", textOf(url.hostname)],
    ["User-Agent", textOf(request.user_agent)],
    ["Accept", "*/*"],
  ]);
  const inQuery = new Set(new URLSearchParams(query).keys());
  const cookies = new Map<string, string>();
  const args = new Map<string, string>();
  for (const match of matchesOf(event)) {
    const [collection, name = ""] = splitVariable(textOf(match.variable));
    const value = textOf(match.value);
    if (name === "" || HIDDEN.test(value)) continue;
    if (collection === "REQUEST_HEADERS" && !NOT_REPLAYED.test(name)) headers.set(name, value);
    if (collection === "REQUEST_COOKIES") cookies.set(name, value);
    if (/^ARGS(?:_POST)?$/.test(collection) && !inQuery.has(name)) args.set(name, value);
  }
  if (cookies.size > 0) {
    headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
  }
  if (args.size > 0) headers.set("Content-Type", "application/x-www-form-urlencoded");
  return {
    uid: textOf(fieldsOf(event.metadata).uid),
    source: "event",
    lacks: ["unmatchedParts"],
    method: textOf(request.http_method),
    target: query === "" ? path : `${path}?${query}`,
    fields: [...headers].filter(([, value]) => value !== ""),
    body: [...args].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&"),
  };
}

/** Framing is the replay's own, and the other two are set already. */
const NOT_REPLAYED = /^(?:host|user-agent|content-length|transfer-encoding|cookie|content-type)$/i;
const HIDDEN = /^\(not kept: /;

function splitVariable(variable: string): [string, string] {
  const colon = variable.indexOf(":");
  return colon < 0 ? [variable, ""] : [variable.slice(0, colon), variable.slice(colon + 1)];
}

/** Each byte that is not unreserved (RFC 3986 §2.3) as its percent code; text holds bytes. */
const encoded = (bytes: string): string =>
  bytes.replace(
    /[^A-Za-z0-9_.~-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0").slice(-2)}`,
  );

const fieldsOf = (value: unknown): Json =>
  typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
