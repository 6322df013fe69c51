/** Notifications against real receivers: an SMTP server and HTTP servers of this test. */
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { composedTexts } from "../src/catalog.ts";
import { drainOutbox } from "../src/kernel/events/outbox.ts";
import { writeSystemEvent } from "../src/kernel/events/system-event.ts";
import { alarmOf } from "../src/kernel/health.ts";
import { createOutbound } from "../src/kernel/outbound.ts";
import { openAuthority } from "../src/kernel/pki/authority.ts";
import { deliverDue, type SenderParts } from "../src/services/notify/deliver.ts";
import { limits } from "../src/services/notify/domain.ts";
import { takeAlarms, takeEvents } from "../src/services/notify/intake.ts";
import { startMailServer } from "./mail-server.ts";
import { type Operations, startOperations } from "./service-kit.ts";

type Received = { readonly headers: http.IncomingHttpHeaders; readonly body: string; url: string };

let cordon: Operations;
let accountId: string;
let receiver: http.Server;
let answer = { status: 200, body: "ok" };
const received: Received[] = [];
const closing: (() => Promise<unknown> | unknown)[] = [];
const port = (server: { address(): AddressInfo | string | null }): number => {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};
const listening = <Listener extends Server>(server: Listener): Promise<Listener> =>
  new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));

const take: http.RequestListener = (request, response) => {
  let body = "";
  request.on("data", (piece) => {
    body += piece;
  });
  request.on("end", () => {
    received.push({ headers: request.headers, body, url: request.url ?? "" });
    response.writeHead(answer.status, { location: "http://127.0.0.1:1/" }).end(answer.body);
  });
};

beforeAll(async () => {
  cordon = await startOperations();
  const own = await cordon.api("GET", "/v1/account/accounts");
  accountId = own.result.accounts[0].accountId;
  receiver = await listening(http.createServer(take));
});
afterAll(async () => {
  for (const close of closing) await close();
  receiver?.close();
  await cordon?.stop();
});

const outbound = createOutbound({ privateTargets: ["127.0.0.1"], resolver: undefined });
const senderAt = (clock: () => number): SenderParts => ({
  ...{ database: cordon.database, sealer: cordon.sealer, outbound, clock, chance: () => 0 },
  texts: composedTexts,
});
/** The outbox's events become deliveries, as the server's own job does it. */
const intake = () =>
  drainOutbox(cordon.database, { append: async () => {} }, (sql, rows) =>
    takeEvents(sql, rows, Date.now()),
  );
const sendLater = (afterMs: number = limits.groupWaitMs) =>
  deliverDue(senderAt(() => Date.now() + afterMs));

async function raise(type: string, message: string, severityId = 4, resource = "inc-1") {
  await cordon.database.transaction("system", (sql) =>
    writeSystemEvent(sql, {
      ...{ accountId, nowMs: Date.now(), type, message, severityId, resource },
    }),
  );
}

async function channel(body: Record<string, unknown>) {
  const made = await cordon.api("POST", "/v1/notify/channels", body);
  expect(made.error).toBeUndefined();
  return made.result;
}
const webhook = (name: string) =>
  channel({ name, kind: "webhook", url: `http://127.0.0.1:${port(receiver)}/hook` });
async function routeTo(channelId: string, more: Record<string, unknown> = {}) {
  const body = { name: `to ${channelId}`, channelIds: [channelId], groupSeconds: 60, ...more };
  const made = await cordon.api("POST", "/v1/notify/routes", body);
  expect(made.error).toBeUndefined();
  return made.result.routeId as string;
}
/** Deletes the route, and takes the event of that while no route is there. */
async function unroute(routeId: string) {
  await cordon.api("DELETE", `/v1/notify/routes/${routeId}`);
  while ((await intake()) > 0);
}
const deliveriesOf = async (channelId: string) => {
  const query = `filters.1.name=channelId&filters.1.values.1=${channelId}`;
  return (await cordon.api("GET", `/v1/notify/deliveries?${query}`)).result.deliveries;
};

test("a flood of 500 events reaches a webhook as one signed message, and the next waits its time", async () => {
  await intake();
  const { channel: hook, signingSecret } = await webhook("flood");
  const routeId = await routeTo(hook.channelId);
  for (let count = 0; count < 500; count += 1) await raise("incident.incidentOpened", "flood");
  while ((await intake()) > 0);
  received.length = 0;
  await sendLater();
  expect(received).toHaveLength(1);
  const [message] = received;
  const body = JSON.parse(message?.body ?? "");
  expect([body.eventCount, body.events.length, body.severity]).toEqual([500, 10, "high"]);
  const { "cordon-timestamp": timestamp, "cordon-signature": signature } = message?.headers ?? {};
  const signed = `${body.deliveryId}.${String(timestamp)}.${message?.body}`;
  const mac = createHmac("sha256", signingSecret).update(signed).digest("hex");
  expect(signature).toBe(`v1=${mac}`);
  await raise("incident.incidentOpened", "again");
  await intake();
  await sendLater();
  expect(received).toHaveLength(1);
  await sendLater(61_000 + limits.groupWaitMs);
  expect(received).toHaveLength(2);
  expect((await deliveriesOf(hook.channelId)).map((one: { state: string }) => one.state)).toEqual([
    "sent",
    "sent",
  ]);
  await unroute(routeId);
});

test("a receiver that fails is tried again with the same delivery id, each attempt with its error", async () => {
  const { channel: hook } = await webhook("failing");
  const routeId = await routeTo(hook.channelId);
  await raise("certificates.certificateExpired", "expired");
  await intake();
  received.length = 0;
  answer = { status: 503, body: "secret of the inside" };
  let afterMs: number = limits.groupWaitMs;
  for (let attempt = 0; attempt < limits.attemptsMax; attempt += 1) {
    await sendLater(afterMs);
    afterMs += 3_700_000;
  }
  await sendLater(afterMs);
  const [failed] = await deliveriesOf(hook.channelId);
  expect([failed.state, failed.attempts.length]).toEqual(["failed", limits.attemptsMax]);
  expect(failed.attempts[0].error).toBe("The receiver answered 503");
  const ids = new Set(received.map(({ headers }) => headers["cordon-delivery-id"]));
  expect([received.length, [...ids]]).toEqual([limits.attemptsMax, [failed.deliveryId]]);
  answer = { status: 200, body: "ok" };
  await cordon.api("POST", `/v1/notify/deliveries/${failed.deliveryId}:retry`);
  await sendLater(0);
  expect((await deliveriesOf(hook.channelId))[0].state).toBe("sent");
  await unroute(routeId);
});

test("a delivery whose sender died is sent by another when its lease is over, never by two at once", async () => {
  const { channel: hook } = await webhook("leases");
  const routeId = await routeTo(hook.channelId);
  await raise("waf.siteDeleted", "gone");
  await intake();
  received.length = 0;
  // A sender that claims and then dies.
  const { deliveryStore } = await import("../src/services/notify/delivery-store.ts");
  const dueMs = Date.now() + limits.groupWaitMs;
  const claim = () =>
    cordon.database.transaction("system", (sql) => deliveryStore(sql).claim(dueMs));
  const claimed = await Promise.all([claim(), claim(), claim()]);
  expect(claimed.flat()).toHaveLength(1);
  await deliverDue(senderAt(() => dueMs + limits.leaseMs - 1));
  expect(received).toHaveLength(0);
  await deliverDue(senderAt(() => dueMs + limits.leaseMs + 1));
  expect(received).toHaveLength(1);
  // The dead one comes back and has nothing to say any more.
  const [row] = claimed.flat();
  const late = { state: "failed", attempt: { time: new Date().toISOString(), error: "late" } };
  if (row !== undefined) {
    await cordon.database.transaction("system", (sql) =>
      deliveryStore(sql).finish(row, { ...late, state: "failed", nextMs: dueMs }),
    );
  }
  expect((await deliveriesOf(hook.channelId))[0].state).toBe("sent");
  await unroute(routeId);
});

test("a silence keeps events quiet and on record", async () => {
  const { channel: hook } = await webhook("silent");
  const routeId = await routeTo(hook.channelId, { services: ["fleet"] });
  const body = { reason: "maintenance", ttlSeconds: 600, services: ["fleet"] };
  const silence = await cordon.api("POST", "/v1/notify/silences", body);
  await raise("fleet.alarmRaised", "disk");
  await raise("fleet.alarmRaised", "disk");
  await intake();
  received.length = 0;
  await sendLater();
  expect(received).toHaveLength(0);
  const [quiet] = await deliveriesOf(hook.channelId);
  expect([quiet.state, quiet.eventCount]).toEqual(["silenced", 2]);
  await cordon.api("DELETE", `/v1/notify/silences/${silence.result.silenceId}`);
  await raise("fleet.alarmRaised", "disk");
  await intake();
  await sendLater();
  expect(received).toHaveLength(1);
  await unroute(routeId);
});

test("a machine's trouble is told once when it begins and once when it is over", async () => {
  const { channel: hook } = await webhook("alarms");
  const routeId = await routeTo(hook.channelId, { services: ["fleet"] });
  const look = (alarms: Parameters<typeof takeAlarms>[1]) =>
    cordon.database.transaction("system", (sql) =>
      takeAlarms(sql, alarms, { instance: "cp-0000000001", nowMs: Date.now() }),
    );
  const fix = { text: "free some space", coded: null };
  const disk = alarmOf("disk", { text: "The disk has 3 MiB free", coded: null }, fix);
  await look([disk]);
  await look([{ ...disk, message: "The disk has 2 MiB free" }]);
  await look([]);
  const types = (await deliveriesOf(hook.channelId)).map(
    (one: { eventType: string; eventCount: number }) => [one.eventType, one.eventCount],
  );
  expect(types.toSorted()).toEqual([
    ["fleet.alarmEnded", 1],
    ["fleet.alarmRaised", 1],
  ]);
  await unroute(routeId);
  await sendLater();
});

test("an operation that is hard to undo is told, with who ran it", async () => {
  const { channel: hook } = await webhook("dangerous");
  const routeId = await routeTo(hook.channelId, { services: ["audit"] });
  const gone = await webhook("to be deleted");
  await cordon.api("DELETE", `/v1/notify/channels/${gone.channel.channelId}`);
  await intake();
  const [told] = await deliveriesOf(hook.channelId);
  expect([told.eventType, told.title]).toEqual([
    "audit.dangerousOperation",
    expect.stringMatching(/^admin ran notify\.deleteChannel on crn:/),
  ]);
  await unroute(routeId);
  await sendLater();
});

test("no channel reaches an address that is not public, by whatever name, and no redirect is followed", async () => {
  const strict = createOutbound({ privateTargets: [], resolver: undefined });
  const url = `http://127.0.0.1:${port(receiver)}/`;
  received.length = 0;
  for (const host of [
    "127.0.0.1",
    "localhost",
    "[::ffff:127.0.0.1]",
    "0x7f.1",
    "169.254.169.254",
  ]) {
    const at = new URL(url.replace("127.0.0.1", host)).href;
    await expect(strict.request({ url: at }), host).rejects.toThrow();
  }
  expect(received).toHaveLength(0);
  answer = { status: 302, body: "" };
  const { channel: hook } = await webhook("redirect");
  const tested = await cordon.api("POST", `/v1/notify/channels/${hook.channelId}:test`);
  answer = { status: 200, body: "ok" };
  expect([tested.result.state, tested.result.attempts[0].error]).toEqual([
    "failed",
    "The receiver answered 302",
  ]);
  expect(received).toHaveLength(1);
});

test("secrets of a channel are in no answer, no row in clear and no audit entry", async () => {
  const token = "token-that-nobody-may-see";
  const secret = "signing-secret-that-nobody-may-see";
  const url = `https://chat.test/${token}`;
  const made = await channel({ name: "secret", kind: "feishu", url, signingSecret: secret });
  const { channelId } = made.channel;
  await cordon.api("PATCH", `/v1/notify/channels/${channelId}`, { signingSecret: `${secret}-2` });
  await cordon.recorded();
  const rows = await cordon.database.transaction("system", async (sql) => [
    ...(await sql`select * from notify_channel`),
    ...(await sql`select * from audit_entry`),
    ...(await sql`select * from outbox`),
  ]);
  const everything = JSON.stringify([
    rows,
    made,
    (await cordon.api("GET", "/v1/notify/channels")).result,
  ]);
  expect(everything).toContain("chat.test");
  expect(everything).not.toContain("nobody-may-see");
  const hex = Buffer.from("nobody-may-see").toString("hex");
  expect(everything).not.toContain(hex);
  expect(JSON.stringify(rows)).not.toContain(Buffer.from("nobody-may").toJSON().data.join());
});

/** A mail server of `secure` or not, for one test. */
async function mailServer(secure: boolean) {
  const started = await startMailServer(secure);
  closing.push(started.close);
  return started;
}

test.each([true, false])(
  "mail arrives over TLS (from the first byte: %s) with a stable id",
  async (secure) => {
    const { mails, settings } = await mailServer(secure);
    const made = await channel({ name: `mail ${secure}`, ...settings });
    const tested = await cordon.api("POST", `/v1/notify/channels/${made.channel.channelId}:test`);
    expect(tested.result.attempts).toEqual([{ time: expect.any(String), error: null }]);
    expect(mails).toHaveLength(1);
    const [mail] = mails;
    expect([mail?.user, mail?.isSecure]).toEqual(["cordon", true]);
    expect(mail?.text).toContain(`Message-ID: <${tested.result.deliveryId}@cordon>`);
    expect(mail?.text).toContain("To: ada@shop.test, bob@shop.test");
    expect(mail?.text).toContain("Subject: [informational] Test of channel");
  },
);

test("mail is not sent over a connection that cannot be trusted, and a wrong password is not repeated in the error", async () => {
  const { mails, settings } = await mailServer(false);
  const { trustPem: _none, ...untrusted } = settings;
  const stranger = await channel({ name: "mail untrusted", ...untrusted });
  const first = await cordon.api("POST", `/v1/notify/channels/${stranger.channel.channelId}:test`);
  expect(first.result.attempts[0].error).toMatch(/no trusted TLS connection/);
  const wrong = { ...settings, smtpPassword: "mail-password-2" };
  const denied = await channel({ name: "mail denied", ...wrong });
  const second = await cordon.api("POST", `/v1/notify/channels/${denied.channel.channelId}:test`);
  expect(second.result.attempts[0].error).toMatch(/answered 535/);
  expect(JSON.stringify(second.result)).not.toContain("mail-password");
  expect(mails).toHaveLength(0);
});

test("each kind of chat room gets the shape it reads, over HTTPS", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cordon-notify-"));
  closing.push(() => rmSync(folder, { recursive: true, force: true }));
  const authority = await openAuthority(folder, Date.now);
  const { certificatePem: cert, privateKeyPem: key } = await authority.issueServer(["localhost"]);
  const room = await listening(https.createServer({ cert, key }, take));
  closing.push(() => room.close());
  const url = `https://localhost:${port(room)}/room`;
  const seen: Record<string, unknown> = {};
  for (const [kind, body] of Object.entries({
    slack: "ok",
    teams: "1",
    feishu: '{"code":0}',
    dingtalk: '{"errcode":0}',
  })) {
    answer = { status: 200, body };
    received.length = 0;
    const trustPem = authority.certificatePem;
    const made = await channel({ name: kind, kind, url, trustPem, signingSecret: "s".repeat(16) });
    const tested = await cordon.api("POST", `/v1/notify/channels/${made.channel.channelId}:test`);
    expect(tested.result.state, kind).toBe("sent");
    seen[kind] = Object.keys(JSON.parse(received[0]?.body ?? "{}"));
  }
  answer = { status: 200, body: "ok" };
  expect(seen).toEqual({
    slack: ["text"],
    teams: ["type", "attachments"],
    feishu: ["timestamp", "sign", "msg_type", "content"],
    dingtalk: ["msgtype", "text"],
  });
});
