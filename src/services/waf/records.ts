/** Requests that were kept whole: found in the lake, and shown so that a person can read them. */
import { isUtf8 } from "node:buffer";
import { type Context, timeText } from "../../kernel/context.ts";
import type { RequestRecord } from "../../kernel/events/request-record.ts";
import { type Lake, LakeError } from "../../kernel/lake/client.ts";
import type { InputOf } from "../../kernel/operation.ts";
import { Problem } from "../../kernel/problem.ts";
import type { Lacking, RequestRecordView, recordOperations } from "./contract.ts";
import { loadSite } from "./load.ts";

/** Whose stored request is looked for; `id` is the uid of its event, or its own id. */
export type StoredPlace = {
  readonly accountId: string;
  readonly siteId: string;
  readonly id: string;
};

/** Rows of the lake. @throws Problem waf.lakeUnavailable. */
export function askLake<Row extends object>(
  lake: Lake,
  sql: string,
  { accountId, siteId, id }: StoredPlace,
): Promise<Row[]> {
  return lake.query<Row>(sql, { account: accountId, site: siteId, id }).catch((error: unknown) => {
    throw error instanceof LakeError ? new Problem("waf.lakeUnavailable") : error;
  });
}

/** The record of a request; undefined when none was kept, or it is over. */
export async function requestRecord(
  lake: Lake,
  place: StoredPlace,
): Promise<RequestRecord | undefined> {
  const [row] = await askLake<{ record: string }>(
    lake,
    `SELECT record FROM request_record AS r FINAL
     WHERE account = {account:String} AND site_id = {site:String} AND r.expires > now()
       AND (uid = {id:String} OR request_id = {id:String}) LIMIT 1`,
    place,
  );
  // What a gateway wrote.
  return row === undefined ? undefined : (JSON.parse(row.record) as RequestRecord);
}

/** The handler of `waf.readRequestRecord`. */
export async function readRequestRecord(
  lake: Lake,
  context: Context,
  { siteId, event }: InputOf<(typeof recordOperations)["readRequestRecord"]>,
): Promise<RequestRecordView> {
  await loadSite(context, siteId);
  const { accountId } = context;
  const record = await requestRecord(lake, { accountId, siteId, id: event });
  if (record === undefined) throw new Problem("waf.requestRecordNotFound");
  const { uid, requestId, time, expires, method, target, protocol, fields, client } = record;
  const { state, bytes } = record.body;
  return {
    ...{ uid, requestId, siteId, clientAddress: client.address },
    ...{ time: timeText(time), expireTime: timeText(expires) },
    ...{ method: printable(method), target: printable(target), protocol: printable(protocol) },
    headers: fields.map(([name, value]) => ({
      name: printable(name),
      value: printable(value),
      isHidden: record.hiddenFields.includes(name),
    })),
    body: { state, bytes, parts: partsOf(record.body) },
  };
}

/** What the replay of a record does not run as it came. */
export function lackingOf({ body, hiddenFields }: RequestRecord): Lacking[] {
  const lacking: Lacking[] = [];
  if (hiddenFields.length > 0 || body.hidden.length > 0) lacking.push("valuesHidden");
  if (body.state === "cut") lacking.push("bodyCut");
  if (body.state === "notRead") lacking.push("bodyNotRead");
  if (body.state === "notText") lacking.push("bodyNotText");
  return lacking;
}

function partsOf({ text, hidden }: RequestRecord["body"]): RequestRecordView["body"]["parts"] {
  const parts: RequestRecordView["body"]["parts"] = [];
  const add = (start: number, end: number, isHidden: boolean) => {
    if (end > start) parts.push({ text: printable(text.slice(start, end)), isHidden });
  };
  let at = 0;
  for (const [start, end] of hidden) {
    add(at, start, false);
    add(start, end, true);
    at = end;
  }
  add(at, text.length, false);
  return parts;
}

/** A character of UTF-8 has four bytes at most. */
const CUT_BYTES_MAX = 3;

/** Latin1 bytes as text: UTF-8 where it is that, and `\xNN` for what cannot be printed. */
export function printable(bytes: string): string {
  for (let cut = 0; cut <= CUT_BYTES_MAX && cut < bytes.length; cut += 1) {
    const whole = Buffer.from(bytes.slice(0, bytes.length - cut), "latin1");
    if (isUtf8(whole)) {
      return visible(whole.toString("utf8")) + escaped(bytes.slice(bytes.length - cut));
    }
  }
  return escaped(bytes);
}

const visible = (text: string): string =>
  text.replace(/[^\P{C}\r\n\t]/gu, (one) => codeOf(one.codePointAt(0) ?? 0));
const escaped = (bytes: string): string =>
  bytes.replace(/[^\x20-\x7e\r\n\t]/g, (one) => codeOf(one.charCodeAt(0)));
const codeOf = (code: number): string =>
  code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
