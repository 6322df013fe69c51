import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { composedTexts } from "../../catalog.ts";
import { incidentTitle } from "../incident/domain.ts";
import {
  backoffMs,
  isOpen,
  isSilenced,
  routeDefaults,
  routeTakes,
  settingFaults,
} from "./domain.ts";
import { answerFault, plainLine, requestFor, type Telling, type Told, textOf } from "./messages.ts";
import type { Notice, Route, Silence } from "./resources.ts";
import { tell } from "./texts.ts";

const NOW = Date.UTC(2026, 10, 28, 23, 30); // a Saturday
const notice = (fields: Partial<Notice> = {}): Notice => ({
  time: new Date(NOW).toISOString(),
  type: "incident.incidentOpened",
  severityId: 4,
  message: "SQL injection from 192.0.2.1 on shop.test",
  resource: "inc-0000000001",
  ...fields,
});
const route = (fields: Partial<Route> = {}): Route => ({
  ...routeDefaults,
  routeId: "route-0000000001",
  name: "r",
  channelIds: ["channel-0000000001"],
  createTime: new Date(NOW).toISOString(),
  ...fields,
});

test("a route takes events of its services from its severity upwards, and nothing while disabled", () => {
  expect(routeTakes(route(), notice(), NOW)).toBe(true);
  expect(routeTakes(route({ severityMin: "critical" }), notice(), NOW)).toBe(false);
  expect(routeTakes(route({ services: ["incident"] }), notice(), NOW)).toBe(true);
  expect(routeTakes(route({ services: ["certificates"] }), notice(), NOW)).toBe(false);
  expect(routeTakes(route({ enabled: false }), notice(), NOW)).toBe(false);
});

test("a route over midnight is open until the morning after its day, in its own time zone", () => {
  const night = { fromTime: "22:00", toTime: "06:00", timeZone: "UTC", days: ["sat" as const] };
  const at = (day: number, hour: number) => Date.UTC(2026, 10, day, hour);
  expect(isOpen(night, at(28, 23))).toBe(true);
  expect(isOpen(night, at(29, 5))).toBe(true);
  expect(isOpen(night, at(29, 6))).toBe(false);
  expect(isOpen(night, at(29, 23))).toBe(false);
  expect(isOpen(night, at(28, 5))).toBe(false);
  // 22:00 on Saturday in Shanghai is 14:00 UTC.
  expect(isOpen({ ...night, timeZone: "Asia/Shanghai" }, at(28, 14))).toBe(true);
  expect(isOpen({ ...night, timeZone: "Asia/Shanghai" }, at(28, 23))).toBe(false);
  const office = { fromTime: "09:00", toTime: "18:00", timeZone: "UTC", days: [] };
  expect([isOpen(office, at(28, 8)), isOpen(office, at(28, 9))]).toEqual([false, true]);
  expect(isOpen(office, at(28, 18))).toBe(false);
});

test("a silence ends by itself, and never quiets what is above its severity", () => {
  const silence: Silence = {
    silenceId: "silence-0000000001",
    services: [],
    resource: "",
    severityMax: "high",
    reason: "",
    createdBy: "ada",
    expireTime: new Date(NOW + 1).toISOString(),
    createTime: new Date(NOW).toISOString(),
  };
  expect(isSilenced(silence, notice(), NOW)).toBe(true);
  expect(isSilenced(silence, notice(), NOW + 1)).toBe(false);
  expect(isSilenced(silence, notice({ severityId: 5 }), NOW)).toBe(false);
  expect(isSilenced({ ...silence, resource: "inc-0000000002" }, notice(), NOW)).toBe(false);
  expect(isSilenced({ ...silence, services: ["fleet"] }, notice(), NOW)).toBe(false);
});

test("attempts come back later and later, an hour apart at most and never before their time", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7].map((attempt) => backoffMs(attempt, 0) / 1000);
  expect(waits).toEqual([10, 40, 160, 640, 2_560, 3_600, 3_600]);
  expect(backoffMs(1, 1)).toBe(12_500);
});

const told = (message: string): Told => ({
  deliveryId: "delivery-0000000001",
  eventType: "incident.incidentOpened",
  severityId: 4,
  title: plainLine(message),
  eventCount: 12,
  events: [notice({ message: plainLine(message) })],
});
const english: Telling = { texts: composedTexts, language: "en" };
const receiver = {
  telling: english,
  url: "https://chat.test/hook?token=t",
  signingSecret: "s".repeat(16),
  nowMs: NOW,
};

test("what an attacker puts into an event is no mention, link, markup or new line for any receiver", () => {
  const attack = '<!channel> <at user_id="all">x</at> [pay](https://evil.test)\r\nBcc: a@b.c\u202e';
  const line = plainLine(attack);
  expect(line).not.toMatch(/[\r\n\u202e]/);
  const slack = JSON.parse(requestFor("slack", told(attack), receiver).body);
  expect(slack.text).not.toMatch(/[<>]/);
  const feishu = JSON.parse(requestFor("feishu", told(attack), receiver).body);
  expect(feishu.content.text).not.toMatch(/[<>]/);
  const teams = JSON.parse(requestFor("teams", told(attack), receiver).body);
  const blocks = teams.attachments[0].content.body;
  expect(new Set(blocks.map(({ type }: { type: string }) => type))).toEqual(
    new Set(["RichTextBlock"]),
  );
  expect(textOf(told(attack), english)).toContain("and 11 more of the same kind");
});

test("a channel's language tells the whole message, and values stay as harmless as in English", () => {
  const chinese: Telling = { texts: composedTexts, language: "zh-CN" };
  const host = "<!channel>\u202e.example\r\nBcc: a@b.c";
  const { text, coded } = incidentTitle("sqli", { sourceIp: "203.0.113.7", host });
  const message = plainLine(text);
  const fix = tell("notify.alarmEnded", { part: "disk" });
  const event = { message, messageCoded: coded, fix: fix.text, fixCoded: fix.coded };
  const given: Told = { ...told(message), title: message, events: [notice(event)] };
  const host1 = "<!channel> .example Bcc: a@b.c";
  expect(textOf(given, chinese).split("\n")).toEqual([
    `[高] 203.0.113.7 对 ${host1} 进行 SQL 注入（12 个事件）`,
    "",
    `${notice().time} 高：203.0.113.7 对 ${host1} 进行 SQL 注入 [${notice().resource}]`,
    "处理办法：disk：故障已解除",
    "…… 另有 11 个同类事件",
    "",
    "Cordon，投递编号 delivery-0000000001",
  ]);
  const hook = requestFor("webhook", given, { ...receiver, telling: chinese });
  const body = JSON.parse(hook.body);
  expect(body.title).toBe(`203.0.113.7 对 ${host1} 进行 SQL 注入`);
  expect(body.events[0].messageCoded.code).toBe("incident.attack.sqli");
  const slack = requestFor("slack", given, { ...receiver, telling: chinese });
  expect(JSON.parse(slack.body).text).not.toMatch(/[<>]/);
});

test("Feishu and DingTalk get the signatures that their documents describe", () => {
  const feishu = JSON.parse(requestFor("feishu", told("x"), receiver).body);
  const key = `${Math.floor(NOW / 1000)}\n${receiver.signingSecret}`;
  expect(feishu.sign).toBe(createHmac("sha256", key).update("").digest("base64"));
  const { url } = requestFor("dingtalk", told("x"), receiver);
  const query = new URL(url).searchParams;
  const text = `${NOW}\n${receiver.signingSecret}`;
  const wanted = createHmac("sha256", receiver.signingSecret).update(text).digest("base64");
  expect([query.get("token"), query.get("timestamp"), query.get("sign")]).toEqual([
    "t",
    String(NOW),
    wanted,
  ]);
});

test("an answer of 200 with a code of its own is a failure where the receiver means it so", () => {
  const body = (value: unknown) => ({ status: 200, body: Buffer.from(JSON.stringify(value)) });
  expect(answerFault("feishu", body({ code: 0 }))).toBeUndefined();
  expect(answerFault("feishu", body({ code: 19021, msg: "sign match fail" }))).toMatch(/19021/);
  expect(answerFault("dingtalk", body({ errcode: 310000, errmsg: "no" }))).toMatch(/310000/);
  expect(answerFault("slack", { status: 200, body: Buffer.from("ok") })).toBeUndefined();
  expect(answerFault("webhook", { status: 302, body: Buffer.alloc(0) })).toMatch(/302/);
});

test("a password is never sent in clear, nor the token in a chat room's address", () => {
  const mail = { smtpHost: "mail.test", smtpPort: 25, from: "a@b.c", to: ["d@e.f"] };
  const faults = settingFaults(
    "email",
    { ...mail, smtpSecurity: "none", smtpUser: "u" },
    { smtpPassword: "p" },
  );
  expect(faults.map(({ path }) => path)).toEqual(["/smtpSecurity"]);
  expect(settingFaults("slack", {}, { url: "http://chat.test/t" })).toHaveLength(1);
  expect(settingFaults("webhook", {}, { url: "http://hook.test/" })).toEqual([]);
  expect(settingFaults("webhook", {}, { url: "https://u:p@hook.test/" })).toHaveLength(1);
  expect(settingFaults("email", {}, {})).toHaveLength(5);
});
