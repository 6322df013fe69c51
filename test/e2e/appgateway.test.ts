/** Users and reports on their whole way: gateway, spool, lake, API. */
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canParseMail, mailParts } from "../mail-parts.ts";
import { type Stack, startStack, until } from "../stack.ts";

let cordon: Stack;
let origin: Server;
let siteId = "";
let mailServer: SMTPServer | undefined;

beforeAll(async () => {
  origin = createServer((request, response) => {
    response.statusCode = request.url?.startsWith("/broken") ? 500 : 200;
    response.setHeader("server", "Shop/1.2.3");
    response.setHeader("set-cookie", "sid=very-secret-value; HttpOnly");
    response.end("good");
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const address = origin.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  cordon = await startStack({ env: { CORDON_PRIVATE_TARGETS: "127.0.0.1/32" } });
  const site = { domains: ["shop.localhost"], upstreams: [url], mode: "observe" };
  siteId = (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
}, 180_000);
afterAll(async () => {
  await cordon?.stop();
  await new Promise<void>((resolve) =>
    mailServer === undefined ? resolve() : mailServer.close(() => resolve()),
  );
  origin?.closeAllConnections();
  origin?.close();
});

const path = (rest: string) => `/v1/appgateway/sites/${siteId}/${rest}`;
const get = (headers: Record<string, string>, target = "/") =>
  cordon.site("shop.localhost", target, { headers });
const followed = () =>
  until("the gateway follows", async () => {
    const { result } = await cordon.api("GET", `/v1/waf/sites/${siteId}`);
    return result.state === "applied";
  });
const setAudit = async (settings: object) => {
  expect((await cordon.api("PUT", path("userAudit"), settings)).code).toBe(200);
  await followed();
};
const users = async () => (await cordon.api("GET", path("users"))).result.siteUsers;
const user = async (name: string) => {
  let found: { userName: string; requestCount: number; proof: string } | undefined;
  await until(
    `${name} is seen`,
    async () => {
      found = (await users()).find(({ userName }: { userName: string }) => userName === name);
      return found !== undefined;
    },
    30_000,
  );
  return found;
};

/** Everything that is kept of the requests of this site. */
async function kept(): Promise<string> {
  const { result } = await cordon.api("GET", `/v1/events/events?pageSize=100`);
  const events = await Promise.all(
    result.events.map(({ uid }: { uid: string }) => cordon.api("GET", `/v1/events/events/${uid}`)),
  );
  return JSON.stringify(events);
}

test("users are named by header, by basic auth and by cookie; no password or cookie is kept", async () => {
  await setAudit({ identitySource: "header", identityName: "X-User" });
  await get({ "x-user": "alice" }, "/orders");
  await get({ "x-user": "alice" }, "/broken");
  expect(await user("alice")).toMatchObject({ proof: "unverified" });
  const requests = async () =>
    (await cordon.api("GET", path("userRequests?userName=alice"))).result.totalCount;
  await until("both requests are listed", async () => (await requests()) === 2);
  const { result } = await cordon.api("GET", path("userUrls"));
  expect(result.userUrls).toContainEqual(
    expect.objectContaining({ path: "/orders", userNames: ["alice"], userCount: 1 }),
  );

  await setAudit({ identitySource: "basicAuth" });
  const basic = `Basic ${Buffer.from("bob:hunter2-secret").toString("base64")}`;
  await get({ authorization: basic }, "/basic");
  await user("bob");

  await setAudit({ identitySource: "cookie", identityName: "session" });
  const secret = "c0ffee-session-<script>alert(1)</script>";
  await get({ cookie: `a=1; session=${secret}` }, "/cookie");
  const asked = await cordon.api("POST", path("userAudit:pseudonym"), { name: secret });
  expect(asked.result.userName).toMatch(/^u-[0-9a-f]{24}$/);
  await user(asked.result.userName);
  const text = await kept();
  for (const secretText of ["hunter2", basic.slice(6), "c0ffee"])
    expect(text).not.toContain(secretText);
}, 120_000);

const token = (header: object, claims: object, signer: (data: string) => string) => {
  const data = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${data}.${signer(data)}`;
};

test("a token names a user only when its signature stands, where the site has keys", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k1" };
  const jwks = JSON.stringify({ keys: [jwk] });
  await setAudit({
    identitySource: "jwtClaim",
    identityName: "sub",
    jwtVerification: "jwks",
    jwks,
  });
  const es256 = (data: string) =>
    sign("sha256", Buffer.from(data), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString(
      "base64url",
    );
  const hs256 = (data: string) => createHmac("sha256", jwks).update(data).digest("base64url");
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const send = (text: string) => get({ authorization: `Bearer ${text}` }, "/token");
  await send(token({ alg: "none" }, { sub: "none-mallory" }, () => ""));
  await send(token({ alg: "HS256", kid: "k1" }, { sub: "hs-mallory" }, hs256));
  await send(token({ alg: "ES256", kid: "k1" }, { sub: "old-mallory", exp: 1 }, es256));
  const good = token({ alg: "ES256", kid: "k1" }, { sub: "carol", exp }, es256);
  await send(good);
  expect(await user("carol")).toMatchObject({ proof: "verified", requestCount: 1 });
  expect(JSON.stringify(await users())).not.toContain("mallory");
  expect(await kept()).not.toContain(good.slice(-40));
}, 120_000);

test("a report counts what came, and is the same as CSV and as PDF in two languages", async () => {
  await get({}, "/?q=1%27%20or%201=1--%20-");
  const isOfAttack = ({ value }: { value: string }) => value === "sqli";
  await until("the attack is in the report", async () => {
    const { result } = await cordon.api("GET", path("report"));
    return result.attackTypes.some(isOfAttack);
  });
  const { result } = await cordon.api("GET", path("report"));
  expect(result.totals).toMatchObject({ errorCount: 1, blockedCount: 0 });
  expect(result.topUsers.map(({ value }: { value: string }) => value)).toContain("alice");
  const file = async (query: string) => {
    const answer = await cordon.api("GET", path(`report:export?${query}`));
    return Buffer.from(answer.result.contentBase64, "base64");
  };
  expect((await file("format=csv")).toString("utf8")).toContain("alice,2");
  for (const language of ["en", "zh-CN"]) {
    const asked = await cordon.api("GET", path(`report:export?format=pdf&language=${language}`));
    if (asked.error?.reason === "appgateway.fontMissing") continue;
    const pdf = Buffer.from(asked.result.contentBase64, "base64");
    expect(pdf.subarray(0, 5).toString()).toBe("%PDF-");
  }
}, 120_000);

test("a stored request is run again by the site's rules and by candidates for them", async () => {
  const { result } = await cordon.api("GET", "/v1/events/events?pageSize=100");
  const row = result.events.find(
    (one: { disposition: string; path: string }) =>
      one.disposition === "Observed" && one.path === "/",
  );
  const explain = async (more: object) =>
    (await cordon.api("POST", `/v1/waf/sites/${siteId}:explain`, { event: row.uid, ...more }))
      .result;
  const as = await explain({});
  expect(as).toMatchObject({ wouldBlock: true, replayed: { uid: row.uid, method: "GET" } });
  const ids: number[] = as.matches.map(({ ruleId }: { ruleId: number }) => ruleId);
  const drafts = [...new Set(ids)].map((id) => `${id} ARGS:q /`);
  expect((await explain({ draftExclusions: drafts.slice(0, 20) })).score).toBeLessThan(as.score);
  expect((await explain({ paranoiaLevel: 4 })).score).toBeGreaterThan(as.score);
  const path = `/v1/waf/sites/${siteId}:explain`;
  const reasonOf = async (body: object) => (await cordon.api("POST", path, body)).error?.reason;
  expect(await reasonOf({})).toBe("waf.requestMissing");
  expect(await reasonOf({ event: "nobody" })).toBe("waf.requestNotFound");
  expect(await reasonOf({ event: row.uid, ruleSetId: "rset-zzzzzzzzzz" })).toBe(
    "waf.ruleSetNotFound",
  );
}, 60_000);

test("what several visitors meet is proposed, accepted with one call, and does not come back", async () => {
  const settings = { learning: true, requestsMin: 6, networksMin: 3, spanHoursMin: 0 };
  expect((await cordon.api("PUT", path("learning"), settings)).result.learning).toBe(true);
  const target = "/notes?text=1%27%20or%201=1--%20-";
  for (const localAddress of ["127.0.1.1", "127.0.2.1", "127.0.3.1"]) {
    for (const asked of ["/", target, target]) {
      await cordon.site("shop.localhost", asked, { localAddress });
    }
  }
  const proposals = async () => (await cordon.api("GET", path("proposals"))).result.proposals;
  await until("a proposal is made", async () => (await proposals()).length > 0, 30_000);
  const [proposal, second] = await proposals();
  expect(proposal).toMatchObject({ variable: "ARGS:text", pathPrefix: "/notes", networkCount: 3 });
  const of = (id: string, verb: string) => cordon.api("POST", path(`proposals/${id}:${verb}`), {});
  expect((await of(proposal.proposalId, "accept")).result.exclusionId).toMatch(/^excl-/);
  if (second !== undefined) await of(second.proposalId, "reject");
  const decided = [proposal, second].filter((one) => one !== undefined);
  const left = (await proposals()).map(({ proposalId }: { proposalId: string }) => proposalId);
  for (const { proposalId } of decided) expect(left).not.toContain(proposalId);
  const { result } = await cordon.api("GET", path("tuningDecisions"));
  expect(result.totalCount).toBe(decided.length);
  const exclusions = await cordon.api("GET", `/v1/waf/exclusions?siteId=${siteId}`);
  expect(exclusions.result.totalCount).toBe(1);
}, 90_000);

/** Runs a check to its end. */
async function checked() {
  const { result } = await cordon.api("POST", path("complianceChecks"), {});
  const get = async () =>
    (await cordon.api("GET", path(`complianceChecks/${result.checkId}`))).result;
  await until("the check ended", async () => (await get()).state !== "running", 60_000);
  return get();
}

test("a compliance check judges the site by requests, names fixes that mend, and keeps no cookie", async () => {
  await followed();
  const running = await cordon.api("POST", path("complianceChecks"), {});
  expect(running.result).toMatchObject({ state: "running", score: null, results: [] });
  const twice = await cordon.api("POST", path("complianceChecks"), {});
  expect(twice.error?.reason).toBe("appgateway.checkRunning");
  const one = path(`complianceChecks/${running.result.checkId}`);
  const ended = async () => (await cordon.api("GET", one)).result.state === "done";
  await until("the first check ended", ended, 60_000);
  const { result: check } = await cordon.api("GET", one);
  const of = (rule: string, from = check) =>
    from.results.find((result: { rule: string }) => result.rule === rule);
  expect(of("tls10")).toMatchObject({ outcome: "pass" });
  expect(of("tls13")).toMatchObject({ outcome: "pass" });
  expect(of("certificate")).toMatchObject({ outcome: "fail" });
  expect(of("banner")).toMatchObject({ outcome: "fail", evidence: "server: Shop/1.2.3" });
  expect(of("cookies").evidence).toContain("sid lacks secure, samesite");
  expect(JSON.stringify(check)).not.toContain("very-secret");

  const { operation, changesJson } = of("hsts").remedy;
  expect(operation).toBe("delivery.setTls");
  const tls = `/v1/delivery/sites/${siteId}/tls`;
  const { siteId: _, updateTime: __, ...before } = (await cordon.api("GET", tls)).result;
  await cordon.api("PUT", tls, { ...before, ...JSON.parse(changesJson) });
  const redirect = JSON.parse(of("httpsRedirect").remedy.changesJson);
  await cordon.api("PATCH", `/v1/waf/sites/${siteId}`, redirect);
  await followed();
  const after = await checked();
  expect(of("httpsRedirect", after).outcome).toBe("pass");
  expect(of("hsts", after).outcome).toBe("pass");
  expect(after.score).toBeGreaterThan(check.score);
  const filter = "filters.1.name=classUid&filters.1.values.1=2003";
  const findings = async () =>
    (await cordon.api("GET", `/v1/events/events?${filter}`)).result.totalCount;
  await until("both results are events", async () => (await findings()) === 2, 30_000);
  // Its own requests are none of a visitor; who only takes its name is one.
  const report = async () => (await cordon.api("GET", path("report"))).result;
  await get({ "user-agent": "Cordon-compliance-check" }, "/cordon-check-stranger");
  const urls = async () => (await report()).topUrls.map(({ value }: { value: string }) => value);
  await until("a stranger is counted", async () =>
    (await urls()).includes("/cordon-check-stranger"),
  );
  const ofCheck = (url: string) => url.startsWith("/cordon-check-");
  expect((await urls()).filter(ofCheck)).toEqual(["/cordon-check-stranger"]);
  expect(JSON.stringify((await report()).attackTypes)).not.toContain("method");
}, 180_000);

/** An e-mail channel of the account, to a real SMTP server of this test. */
async function mailbox() {
  const mails: Buffer[] = [];
  mailServer = new SMTPServer({
    ...{ authOptional: true, disabledCommands: ["STARTTLS", "AUTH"], logger: false },
    onData(stream, _session, done) {
      const pieces: Buffer[] = [];
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => {
        mails.push(Buffer.concat(pieces));
        done();
      });
    },
  });
  const { server } = mailServer;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const address = server.address();
  const made = await cordon.api("POST", "/v1/notify/channels", {
    ...{ name: "reports", kind: "email", smtpHost: "127.0.0.1", smtpSecurity: "none" },
    smtpPort: typeof address === "object" ? address?.port : 0,
    ...{ from: "cordon@shop.test", to: ["ada@shop.test"], language: "zh-CN" },
  });
  return { mails, channelId: made.result.channel.channelId as string };
}

test("a schedule mails through e-mail channels of its account only", async () => {
  const hook = { name: "hook", kind: "webhook", url: "https://hook.test/" };
  const { channelId } = (await cordon.api("POST", "/v1/notify/channels", hook)).result.channel;
  for (const wrong of [channelId, "channel-zzzzzzzzzz"]) {
    const body = { every: "day", mailChannelIds: [wrong] };
    const answer = await cordon.api("PUT", path("reportSchedule"), body);
    expect(answer.error?.reason).toBe("appgateway.channelNotMail");
  }
  expect((await cordon.api("GET", path("reportSchedule"))).result.every).toBe("off");
});

test("a scheduled report is made once, kept, mailed, and exported from what was kept", async () => {
  const { mails, channelId } = await mailbox();
  const mail = { mailChannelIds: [channelId], mailFormats: ["pdf", "csv"] };
  const wanted = { every: "day", keptMax: 2, ...mail };
  const set = await cordon.api("PUT", path("reportSchedule"), wanted);
  expect(set.result).toMatchObject(wanted);
  const kept = async () => (await cordon.api("GET", path("keptReports"))).result;
  await until("the report is made", async () => (await kept()).totalCount === 1, 60_000);
  const { result: schedule } = await cordon.api("GET", path("reportSchedule"));
  expect(Date.parse(schedule.nextTime)).toBeGreaterThan(Date.now());
  const [report] = (await kept()).keptReports;
  expect(report.endTime.slice(11, 19)).toBe("00:00:00");
  const query = `keptReports/${report.reportId}:export?format=csv`;
  const { result: file } = await cordon.api("GET", path(query));
  expect(file.fileName).toContain(siteId);
  expect(Buffer.from(file.contentBase64, "base64").toString("utf8")).toContain("shop.localhost");
  await until("the mail has come", async () => mails.length > 0, 60_000);
  if (canParseMail) {
    const { subject, text, files } = mailParts(mails[0] ?? "");
    expect(subject).toMatch(/^\[提示\] shop\.localhost 的报告，\d{4}-\d\d-\d\d UTC：请求 \d+ 个/);
    expect(text).toContain(`在控制台打开 /sites/${siteId}?tab=keptReport`);
    const exported = async (format: string) =>
      (await cordon.api("GET", path(`keptReports/${report.reportId}:export?format=${format}`)))
        .result;
    expect(files).toEqual([await exported("pdf"), await exported("csv")]);
  }
  // The same period again has the same report, and is not mailed again.
  await cordon.api("PUT", path("reportSchedule"), { every: "day", ...mail });
  const isLater = async () =>
    Date.parse((await cordon.api("GET", path("reportSchedule"))).result.nextTime) > Date.now();
  await until("it was due again", isLater, 60_000);
  expect((await kept()).totalCount).toBe(1);
  const ofChannel = `filters.1.name=channelId&filters.1.values.1=${channelId}`;
  const deliveries = async () =>
    (await cordon.api("GET", `/v1/notify/deliveries?${ofChannel}`)).result.deliveries;
  await until("the delivery has ended", async () => (await deliveries())[0].state === "sent");
  expect(await deliveries()).toMatchObject([
    { attachments: [{ mediaType: "application/pdf" }, { mediaType: "text/csv" }] },
  ]);
  expect(mails).toHaveLength(1);
  await cordon.api("PUT", path("reportSchedule"), { every: "off" });
  expect((await cordon.api("GET", path("reportSchedule"))).result.nextTime).toBe(null);
}, 150_000);
