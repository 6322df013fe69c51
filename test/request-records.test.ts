/** Flagged requests kept whole, through the whole program: gateway, spool, lake, replay, rights. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withShortRunFolder } from "../src/cli/up/folders.ts";
import { readConfig } from "../src/kernel/config.ts";
import { connectLake } from "../src/kernel/lake/client.ts";
import { lakeSocket } from "../src/kernel/lake/socket.ts";
import {
  type ApiReply,
  PASSWORD,
  rawApi,
  type Stack,
  signInForKey,
  startStack,
  until,
} from "./stack.ts";

const HOST = "records.localhost";
const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const SECRETS = ["hunter2-very-secret", "c0ffee-session-value", "t0ken-in-the-query"];
/** Words of a person that rules take for SQL. */
const COMMENT = "1' or '1'='1 union select price, stock from goods";
const FORM = new URLSearchParams({ comment: COMMENT, password: SECRETS[0] ?? "", note: "ça va" });

let stack: Stack;
let origin: Server;
let siteId = "";

type Fields = { readonly [field: string]: unknown };

beforeAll(async () => {
  origin = createServer((request, response) => {
    request.resume().on("end", () => response.end("good"));
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  stack = await startStack();
  const site = { domains: [HOST], upstreams: [url], mode: "observe" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  await applied();
}, 300_000);
afterAll(async () => {
  await stack?.stop();
  origin?.closeAllConnections();
  origin?.close();
});

const applied = () =>
  until("the gateway follows", async () => {
    const { result } = await stack.api("GET", `/v1/waf/sites/${siteId}`);
    return result.state === "applied";
  });

async function keep(settings: Fields): Promise<void> {
  const requestRecords = {
    recordedRequests: "flagged",
    bodyBytesMax: 16_384,
    hiddenNames: [],
    daysKept: 7,
  };
  const policy = { requestRecords: { ...requestRecords, ...settings } };
  expect((await stack.api("PATCH", `/v1/waf/sites/${siteId}/policy`, policy)).code).toBe(200);
  await applied();
}

/** Posts the form; @returns its event once it is in the lake. */
async function posted(path: string) {
  await stack.site(HOST, `${path}?access_token=${SECRETS[2]}&page=1`, {
    method: "POST",
    body: FORM.toString(),
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      cookie: `theme=dark; sid=${SECRETS[1]}`,
      authorization: `Bearer ${SECRETS[1]}`,
    },
  });
  let uid = "";
  await until("the event is in the lake", async () => {
    const found = await stack.api("GET", `/v1/events/events?text=${encodeURIComponent(path)}`);
    uid = found.result.events[0]?.uid ?? "";
    return uid !== "";
  });
  const { cordon } = (await stack.api("GET", `/v1/events/events/${uid}`)).result.event.unmapped;
  return { uid, cordon };
}

const explain = (event: string, more: Fields = {}, key?: string): Promise<ApiReply> =>
  stack.api("POST", `/v1/waf/sites/${siteId}:explain`, { event, ...more }, key);
const read = (uid: string, key?: string): Promise<ApiReply> =>
  stack.api("GET", `/v1/waf/sites/${siteId}/requestRecords/${uid}`, undefined, key);

/** A user of this account with one policy of these actions; @returns the key. */
async function keyFor(name: string, action: readonly string[]): Promise<string> {
  const statement = [{ effect: "allow", action, resource: "*" }];
  const policy = { name, document: { version: "1", statement } };
  const { policyId } = (await stack.api("POST", "/v1/iam/policies", policy)).result;
  const user = { name, password: PASSWORD, policyIds: [policyId] };
  const { userId } = (await stack.api("POST", "/v1/iam/users", user)).result;
  return (await stack.api("POST", "/v1/iam/bearerKeys", { userId, name })).result.secret;
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile());
}

const ruleIds = (matches: readonly { ruleId: number }[]) =>
  [...new Set(matches.map(({ ruleId }) => ruleId))].sort();
const lake = () =>
  connectLake({ socketPath: lakeSocket(withShortRunFolder(readConfig(stack.env))) });

describe.skipIf(!hasRules)("records (needs modsecurity-crs)", () => {
  test("off, which is the default, keeps nothing and explains by the event alone", async () => {
    const { uid, cordon } = await posted("/off");
    expect(cordon.matches.length).toBeGreaterThan(0);
    expect(cordon).not.toHaveProperty("isRecorded");
    expect((await read(uid)).error?.reason).toBe("waf.requestRecordNotFound");
    const { replayed } = (await explain(uid)).result;
    expect(replayed).toMatchObject({ source: "event", lacks: ["unmatchedParts", "noRecord"] });
    expect(filesBelow(join(stack.dataFolder, "records"))).toEqual([]);
  }, 60_000);

  test("a false positive by POST is replayed whole, and an exclusion is tried on it", async () => {
    await keep({});
    const { uid, cordon } = await posted("/whole");
    expect(cordon.isRecorded).toBe(true);
    await until("the record is in the lake", async () => (await read(uid)).code === 200);
    const { result } = await explain(uid);
    expect(result.score).toBe(cordon.score);
    expect(ruleIds(result.matches)).toEqual(ruleIds(cordon.matches));
    expect(result.replayed).toMatchObject({
      source: "record",
      isWhole: false,
      lacks: ["valuesHidden"],
    });
    expect(result.replayed.body).toContain("comment=1%27+or");
    const drafts = ruleIds(cordon.matches).map((id) => `${id} ARGS:comment /whole`);
    const tried = (await explain(uid, { draftExclusions: drafts })).result;
    expect(tried).toMatchObject({ score: 0, wouldBlock: false });
    const { headers, body } = (await read(uid)).result;
    const cookie = headers.find(({ name }: Fields) => name === "cookie");
    expect(cookie).toMatchObject({ value: `theme=****; sid=${"*".repeat(20)}`, isHidden: true });
    const shown = { text: "*".repeat(19), isHidden: true };
    expect(body).toMatchObject({ state: "whole", parts: expect.arrayContaining([shown]) });
  }, 60_000);

  test("no secret of these requests is in a file of spool, record or lake, nor in its rows", async () => {
    const { uid } = await posted("/searched");
    await until("the record is in the lake", async () => (await read(uid)).code === 200);
    const folders = ["records", "spool", "lake"].map((name) => join(stack.dataFolder, name));
    const bytes = folders.flatMap(filesBelow).map((path) => readFileSync(path));
    expect(bytes.some((one) => one.includes("comment=1%27+or"))).toBe(true);
    const ofTarget = SECRETS[2];
    for (const secret of SECRETS.filter((one) => one !== ofTarget)) {
      expect(bytes.filter((one) => one.includes(secret))).toEqual([]);
      const rows = (table: string, column: string) =>
        lake().query<Fields>(
          `SELECT uid FROM ${table} WHERE position(${column}, {text:String}) > 0`,
          { text: secret },
        );
      expect(await rows("request_record", "record")).toEqual([]);
      expect(await rows("event", "raw")).toEqual([]);
    }
    const { result } = await read(uid);
    expect(JSON.stringify(result)).not.toContain(ofTarget);
  }, 60_000);

  test("who may not read records gets the partial replay and is told why; asking is recorded", async () => {
    const { uid } = await posted("/rights");
    await until("the record is in the lake", async () => (await read(uid)).code === 200);
    const tuner = await keyFor("tuner", ["waf:Get*", "waf:ExplainRequest", "events:*"]);
    expect((await read(uid, tuner)).error?.reason).toBe("kernel.forbidden");
    const { replayed } = (await explain(uid, {}, tuner)).result;
    expect(replayed).toMatchObject({
      source: "event",
      lacks: ["unmatchedParts", "recordNotAllowed"],
    });
    const reader = await keyFor("reader", ["waf:ReadRequestRecord", "waf:ExplainRequest"]);
    expect((await explain(uid, {}, reader)).result.replayed.source).toBe("record");
    expect((await read(uid, reader)).code).toBe(200);
    const entries = (await stack.api("GET", "/v1/audit/entries?pageSize=50")).result.entries;
    const of = (principalName: string, operation: string) =>
      entries.find(
        (one: Fields) => one.principalName === principalName && one.operation === operation,
      );
    const asked = { action: "waf:ReadRequestRecord" };
    expect(of("reader", "waf.readRequestRecord")).toMatchObject({
      code: 200,
      input: { event: uid },
    });
    expect(of("reader", "waf.explainRequest").also).toMatchObject([
      { ...asked, decision: "allow" },
    ]);
    expect(of("tuner", "waf.explainRequest").also).toMatchObject([{ ...asked, decision: "deny" }]);
  }, 60_000);

  test("another account reaches no record, and no export of events holds one", async () => {
    const eve = { name: "other", userName: "eve", password: PASSWORD };
    await stack.api("POST", "/v1/account/accounts", eve);
    const { userName, password } = eve;
    const key = await signInForKey(stack.consolePort, {
      ...{ accountName: "other", userName, password },
    });
    const { uid } = await posted("/others");
    await until("the record is in the lake", async () => (await read(uid)).code === 200);
    const own = { domains: ["eve.localhost"], upstreams: ["http://127.0.0.1:9"] };
    const hers = (await stack.api("POST", "/v1/waf/sites", own, key)).result.siteId;
    for (const site of [siteId, hers]) {
      const path = `/v1/waf/sites/${site}/requestRecords/${uid}`;
      expect((await stack.api("GET", path, undefined, key)).code).toBe(404);
      const body = { event: uid };
      expect((await stack.api("POST", `/v1/waf/sites/${site}:explain`, body, key)).code).toBe(404);
    }
    const exported = { method: "GET", path: "/v1/events/events:export", key: stack.key };
    const answer = await rawApi(stack.consolePort, exported);
    expect(answer.text).toContain("/others");
    expect(answer.text).not.toContain("theme=");
  }, 60_000);
});
