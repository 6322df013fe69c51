/** What a gateway keeps of flagged requests, and what it hides of them. */
import { connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import { beginTransaction, compileExclusions } from "../../engines/seclang/engine.ts";
import type { RequestRecord } from "../../kernel/events/request-record.ts";
import {
  type RequestRecordSettings,
  requestRecordDefaults,
} from "../../kernel/intent/request-records.ts";
import { userAuditDefaults } from "../../kernel/intent/site-user-audit.ts";
import { createInspectors } from "./inspector.ts";
import type { SiteIntent } from "./intent.ts";
import { routeOf, startGuarded, statusOf } from "./policy/test-kit.ts";
import { eventually, exchangeRaw } from "./test-kit.ts";

let guarded: Awaited<ReturnType<typeof startGuarded>>;
const records: RequestRecord[] = [];
let isFull = false;
const files = certificateFolder();
const pair = files.issue("a", ["a.test"]);

beforeAll(async () => {
  guarded = await startGuarded({
    inspectorOf: createInspectors({ beginTransaction, compileExclusions }, () => {
      throw new Error("no rule set is installed here");
    }).of,
    keepRecord: (record) => {
      if (!isFull) records.push(record);
      return !isFull;
    },
  });
});
afterAll(async () => {
  await guarded?.stop();
  files.remove();
});
beforeEach(() => {
  records.length = 0;
  isFull = false;
});

/** Rules that refuse by the head alone, by the body, and by the head once the body is read. */
const secLang = `SecRule REQUEST_HEADERS:X-Bad "@streq 1" "id:1,phase:1,deny,msg:'head'"
SecRule REQUEST_BODY|ARGS_POST "@contains attack" "id:2,phase:2,deny,msg:'body'"
SecRule REQUEST_HEADERS:X-Late "@streq 1" "id:3,phase:2,deny,msg:'late'"`;
const FORM = "Content-Type: application/x-www-form-urlencoded\r\n";

function use(settings: Partial<RequestRecordSettings> = {}, site: Partial<SiteIntent> = {}): void {
  const requestRecords = {
    ...requestRecordDefaults,
    recordedRequests: "flagged" as const,
    ...settings,
  };
  guarded.use({ secLang, requestRecords }, site);
}

const post = (body: string, fields: string = FORM, chunked = false) =>
  guarded.ask("/form?x=1", { method: "POST", fields, body, chunked });

/** The only record so far. */
function only(): RequestRecord {
  expect(records).toHaveLength(1);
  const [record] = records;
  if (record === undefined) throw new Error("nothing was kept");
  return record;
}

test("a flagged request is kept as it came, with the uid of its event; others are not", async () => {
  use();
  expect(statusOf(await post("a=harmless"))).toBe(200);
  expect(records).toEqual([]);
  expect(guarded.events.at(-1)?.unmapped.cordon).not.toHaveProperty("isRecorded");
  expect(statusOf(await post("a=attack&b=%00"))).toBe(403);
  const record = only();
  const event = guarded.events.at(-1);
  expect(record).toMatchObject({
    ...{ uid: event?.metadata.uid, requestId: event?.http_request.uid },
    ...{ accountId: "acct-a", siteId: "site-a", method: "POST", target: "/form?x=1" },
    ...{ protocol: "HTTP/1.1", requestLine: "POST /form?x=1 HTTP/1.1", hiddenFields: [] },
    body: { state: "whole", text: "a=attack&b=%00", bytes: 14, isWhole: true, hidden: [] },
  });
  expect(record.fields).toContainEqual(["Host", "a.test"]);
  expect(record.expires - record.time).toBe(7 * 86_400_000);
  expect(event?.unmapped.cordon.isRecorded).toBe(true);
});

test("off keeps nothing, of no request", async () => {
  use({ recordedRequests: "off" });
  expect(statusOf(await post("a=attack"))).toBe(403);
  guarded.use({ secLang });
  expect(statusOf(await post("a=attack"))).toBe(403);
  expect(records).toEqual([]);
});

test("what would have been refused is kept in mode observe, and on a route too", async () => {
  use({}, { mode: "observe" });
  expect(statusOf(await post("a=attack"))).toBe(200);
  expect(only().body.text).toBe("a=attack");
  records.length = 0;
  const recorded = { ...requestRecordDefaults, recordedRequests: "flagged" as const };
  guarded.use({ secLang, requestRecords: recorded, routes: [routeOf({ path: "/form" })] });
  await post("a=attack");
  expect(only().target).toBe("/form?x=1");
});

test("no credential, cookie or password is in a record, and none of the names of the site's", async () => {
  const userAudit = { ...userAuditDefaults, pseudonymKey: "", jwtSecret: "" };
  const named = { identitySource: "header" as const, identityName: "X-Employee" };
  use({ hiddenNames: ["birthday"] }, { userAudit: { ...userAudit, ...named } });
  const fields = `${FORM}Authorization: Basic czNjcmV0\r\nproxy-authorization: s3cret
Cookie: a=s3cret; sid = s3cret=s3cret;s3cret\r\nX-Api-Key: s3cret\r\nx-employee: s3cret
Set-Cookie: s3cret\r\nBirthday: s3cret\r\nReferer: http://a.test/?token=s3cret&b=1\r\n`;
  const lines = fields.replaceAll(/(?<!\r)\n/g, "\r\n");
  await guarded.ask("/?password=s3cret&q=1", {
    ...{ method: "POST", fields: lines },
    body: "q=attack&password=s3cret&user[birthday]=s3cret",
  });
  const record = only();
  expect(JSON.stringify(record)).not.toMatch(/s3cret|czNjcmV0/);
  expect(record.requestLine).toBe("POST /?password=******&q=1 HTTP/1.1");
  expect(record.fields).toContainEqual(["Cookie", "a=******; sid =**************;******"]);
  expect(record.fields).toContainEqual(["Referer", "http://a.test/?token=******&b=1"]);
  const hidden = ["Authorization", "proxy-authorization", "Cookie", "X-Api-Key", "x-employee"];
  expect(record.hiddenFields).toEqual(
    expect.arrayContaining([":target", ...hidden, "Set-Cookie", "Birthday", "Referer"]),
  );
  expect(record.body).toMatchObject({
    text: "q=attack&password=******&user[birthday]=******",
    hidden: [
      [18, 24],
      [40, 46],
    ],
  });
});

test("of a long body so many bytes are kept, and of none nothing but its length", async () => {
  use({ bodyBytesMax: 12 });
  await post("a=attack&password=s3cret");
  expect(only().body).toMatchObject({ state: "cut", text: "a=attack&pas", bytes: 24 });
  records.length = 0;
  use({ bodyBytesMax: 0 });
  await post("a=attack");
  expect(only().body).toMatchObject({ state: "cut", text: "", bytes: 8 });
});

test("a chunked body is kept without its framing, one in gzip as the rules saw it", async () => {
  use();
  await post("a=attack", FORM, true);
  expect(only().body.text).toBe("a=attack");
  records.length = 0;
  const coded = gzipSync("a=attack&pin=1234").toString("latin1");
  await sendBytes("gzip", coded);
  expect(only().body).toMatchObject({ text: "a=attack&pin=****", bytes: 17, state: "whole" });
  records.length = 0;
  // A coding that the gateway does not know: secrets in it cannot be told apart.
  await sendBytes("compress", `attack${coded}`);
  expect(only().body).toMatchObject({ state: "notText", text: "", bytes: coded.length + 6 });
});

test("JSON and multipart are kept without their secrets, other types by their length", async () => {
  use();
  await post('{"a":"attack","card":{"pin":1234}}', "Content-Type: application/json\r\n");
  expect(records.pop()?.body.text).toBe('{"a":"attack","card":{"pin":"**"}}');
  const part = (name: string, value: string) =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const form = (secret: string) => `${part("a", "attack")}${part("token", secret)}--x--`;
  await post(form("s3cret"), "Content-Type: multipart/form-data; boundary=x\r\n");
  expect(records.pop()?.body.text).toBe(form("******"));
  await post("attack", "Content-Type: application/octet-stream\r\nX-Late: 1\r\n");
  expect(records.pop()?.body).toMatchObject({ state: "notText", text: "", bytes: 6 });
});

test("a body that rules did not read is not kept", async () => {
  use();
  await post("a=1", `${FORM}X-Bad: 1\r\n`);
  expect(records.pop()?.body).toMatchObject({ state: "notRead", text: "" });
  await guarded.ask("/", { fields: "X-Bad: 1\r\n" });
  expect(records.pop()?.body).toMatchObject({ state: "none" });
});

test("a request over HTTP/2 is kept like one over HTTP/1", async () => {
  use({}, pair);
  const client = connect(`https://127.0.0.1:${guarded.worker.httpsPort}`, {
    ca: files.read("root.pem"),
    servername: "a.test",
  });
  const type = { "content-type": "application/x-www-form-urlencoded", cookie: "sid=s3cret" };
  const head = { ":method": "POST", ":path": "/two", ":authority": "a.test", ...type };
  client.request(head).end("a=attack&token=s3cret").resume();
  await eventually(() => records.length > 0);
  client.destroy();
  expect(only()).toMatchObject({ target: "/two", body: { text: "a=attack&token=******" } });
  expect(only().fields).toContainEqual(["cookie", "sid=******"]);
});

test("what finds no room is not kept, its event says so, and requests go on", async () => {
  use();
  isFull = true;
  expect(statusOf(await post("a=attack"))).toBe(403);
  expect(guarded.events.at(-1)?.unmapped.cordon.isRecorded).toBe(false);
  isFull = false;
  use({ bodyBytesMax: 131_072 });
  const large = `a=attack&b=${"b".repeat(131_000)}`;
  for (let round = 0; round < 40; round += 1) expect(statusOf(await post(large))).toBe(403);
  expect(records.length).toBeGreaterThan(20);
  expect(records.length).toBeLessThan(40);
  expect(guarded.events.at(-1)?.unmapped.cordon.isRecorded).toBe(false);
});

/** A form in a content coding; its bytes are latin1 text. */
const sendBytes = (coding: string, body: string) =>
  exchangeRaw(
    guarded.worker.httpPort,
    `POST / HTTP/1.1\r\nHost: a.test\r\n${FORM}Content-Encoding: ${coding}\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
