/**
 * Keeps requests that rules flagged as they came, without their secrets, where the site's operator
 * asked for it. Nothing here runs for other requests, but that a body's beginning is held.
 */
import { fieldValue } from "../../engines/http1/fields.ts";
import { bodyWithoutSecrets } from "../../engines/secretfields/body.ts";
import { targetSecrets } from "../../engines/secretfields/form.ts";
import { type IsSecret, secretNames } from "../../engines/secretfields/names.ts";
import { masked } from "../../engines/secretfields/ranges.ts";
import {
  HIDDEN_PLACES_MAX,
  type RecordedBody,
  type RequestRecord,
} from "../../kernel/events/request-record.ts";
import { codingOf } from "./content-coding.ts";
import type { Finding } from "./inspect.ts";
import type { SiteIntent } from "./intent.ts";
import type { RequestRecorder } from "./request-record-types.ts";
import type { Exchange } from "./state.ts";

/** A site's records of one worker: so many bytes at once, and again in each minute. */
const BYTES_PER_MINUTE = 4_194_304;
const DAY_MS = 86_400_000;
/** Values that are never kept, whatever their names sound like. */
const ALWAYS = ["authorization", "proxy-authorization", "set-cookie"];

/** Compiles a site's settings; null when it keeps nothing. */
export function requestRecorder({ policy, userAudit }: SiteIntent): RequestRecorder | null {
  const settings = policy?.requestRecords;
  if (settings === undefined || settings.recordedRequests === "off") return null;
  const { bodyBytesMax, daysKept, hiddenNames } = settings;
  const namesUser = userAudit?.identityName ?? "";
  const names = [...hiddenNames, ...ALWAYS, ...(namesUser === "" ? [] : [namesUser])];
  const room = { bytes: BYTES_PER_MINUTE, atMs: 0 };
  return { bodyBytesMax, daysKept, isSecret: secretNames(names), room };
}

/**
 * Holds what a record may need of the body that rules are asked about.
 *
 * @param sent the body as it came; the same as `body` when nothing was decoded.
 */
export function holdBody(
  exchange: Exchange,
  { body, sent, isWhole }: { body: Buffer; sent: Buffer; isWhole: boolean },
): void {
  const recorder = exchange.site?.recorder ?? null;
  if (recorder === null) return;
  const { bodyBytesMax } = recorder;
  const isCoded = body === sent && codingOf(exchange.head.fields) !== "identity";
  // A copy: the body's bytes are another's once it has been passed on.
  const start = isCoded ? null : Buffer.from(body.subarray(0, bodyBytesMax));
  exchange.seenBody = { start, bytes: body.length, isWhole };
}

/**
 * Keeps the request when its rules flagged it.
 *
 * @returns undefined when nobody asked for it; false when there is no room for it now.
 */
export function recordRequest(
  exchange: Exchange,
  finding: Finding | null,
  uid: string,
): boolean | undefined {
  const recorder = exchange.site?.recorder ?? null;
  if (recorder === null || finding === null) return undefined;
  if (finding.matches.length === 0 && !exchange.blocked && !exchange.wouldBlock) return undefined;
  if (!takeRoom(recorder, exchange)) return false;
  return exchange.connection.gateway.keepRecord(recordOf(exchange, recorder, uid));
}

function takeRoom({ room }: RequestRecorder, { time, seenBody, head }: Exchange): boolean {
  const { names, values } = head.fields;
  let bytes = head.requestLine.length + (seenBody?.start?.length ?? 0);
  for (const [at, name] of names.entries()) bytes += name.length + (values[at]?.length ?? 0);
  const gained = ((time - room.atMs) / 60_000) * BYTES_PER_MINUTE;
  room.bytes = Math.min(BYTES_PER_MINUTE, room.bytes + Math.max(0, gained));
  room.atMs = Math.max(room.atMs, time);
  if (room.bytes < bytes) return false;
  room.bytes -= bytes;
  return true;
}

function recordOf(exchange: Exchange, recorder: RequestRecorder, uid: string): RequestRecord {
  const { head, site, connection, time } = exchange;
  const { isSecret } = recorder;
  const { socket } = connection;
  const hiddenFields = new Set<string>();
  const target = urlWithoutSecrets(head.target, isSecret);
  if (target !== head.target) hiddenFields.add(":target");
  const fields = head.fields.names.map((name, at): readonly [string, string] => {
    const value = head.fields.values[at] ?? "";
    const shown = valueWithoutSecrets(head.fields.lower[at] ?? "", value, isSecret);
    if (shown !== value) hiddenFields.add(name);
    return [name, shown];
  });
  return {
    uid,
    requestId: exchange.requestId,
    accountId: site?.intent.accountId ?? "",
    siteId: site?.intent.siteId ?? "",
    time,
    expires: time + recorder.daysKept * DAY_MS,
    method: head.method,
    target,
    protocol: head.protocol,
    requestLine: head.requestLine.replaceAll(head.target, () => target),
    fields,
    client: { address: exchange.clientAddress, port: connection.port },
    server: { address: socket.localAddress ?? "", port: socket.localPort ?? 0 },
    body: recordedBody(exchange, isSecret),
    hiddenFields: [...hiddenFields],
  };
}

const urlWithoutSecrets = (url: string, isSecret: IsSecret): string =>
  masked(url, targetSecrets(url, isSecret));

/** Names of cookies say what they are for; their values are whole sessions. */
function valueWithoutSecrets(name: string, value: string, isSecret: IsSecret): string {
  if (name === "cookie") {
    return value.replace(
      /(\s*[^;=\s]+\s*=)?([^;]*)/g,
      (_, label = "", rest: string) => `${label}${"*".repeat(rest.length)}`,
    );
  }
  if (isSecret(name)) return "*".repeat(value.length);
  return name === "referer" ? urlWithoutSecrets(value, isSecret) : value;
}

function recordedBody({ seenBody, head }: Exchange, isSecret: IsSecret): RecordedBody {
  const nothing = { text: "", bytes: 0, isWhole: true, hidden: [] };
  if (seenBody === null) {
    const { kind } = head.framing;
    const hadNone = head.fault === null && (kind === "none" || isEmptyLength(head.framing));
    return { state: hadNone ? "none" : "notRead", ...nothing };
  }
  const { start, bytes, isWhole } = seenBody;
  if (bytes === 0) return { state: "none", ...nothing };
  const type = fieldValue(head.fields, "content-type") ?? "";
  const shown =
    start === null ? null : bodyWithoutSecrets(start.toString("latin1"), type, isSecret);
  if (start === null || shown === null) return { ...nothing, state: "notText", bytes, isWhole };
  return {
    state: bytes > start.length ? "cut" : "whole",
    text: shown.text,
    bytes,
    isWhole,
    hidden: shown.hidden.slice(0, HIDDEN_PLACES_MAX).map((one) => [one.start, one.end] as const),
  };
}

const isEmptyLength = (framing: Exchange["head"]["framing"]): boolean =>
  framing.kind === "length" && framing.bytes === 0;
