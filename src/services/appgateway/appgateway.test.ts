import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, PASSWORD, startOperations } from "../../../test/service-kit.ts";
import { attackTypeOf } from "./domain.ts";
import { stepFor } from "./report-chart.ts";
import { reportCsv } from "./report-csv.ts";
import { reportFont } from "./report-font.ts";
import type { Report } from "./report-operations.ts";
import { reportPdf } from "./report-pdf.ts";
import { periodText } from "./report-period.ts";
import { reportValue } from "./report-words.ts";

let cordon: Operations;
let siteId = "";
beforeAll(async () => {
  cordon = await startOperations();
  const site = { domains: ["shop.example"], upstreams: ["http://127.0.0.1:9"] };
  siteId = (await cordon.api("POST", "/v1/waf/sites", site)).result.siteId;
});
afterAll(() => cordon?.stop());

const audit = (method: string, body?: object, key?: string) =>
  cordon.api(method, `/v1/appgateway/sites/${siteId}/userAudit`, body, key);

test("settings that could not name anybody, or would record a credential, are refused", async () => {
  const refused = async (settings: object) => {
    const { error } = await audit("PUT", settings);
    expect(error?.reason).toBe("appgateway.identityInvalid");
    return error?.details[0]?.path;
  };
  expect(await refused({ identitySource: "header" })).toBe("/identityName");
  const header = { identitySource: "header", identityName: "Authorization" };
  expect(await refused(header)).toBe("/identityName");
  const jwt = { identitySource: "jwtClaim", identityName: "sub" };
  expect(await refused({ ...jwt, jwtVerification: "secret" })).toBe("/jwtSecret");
  expect(await refused({ ...jwt, jwtVerification: "jwks", jwks: "{}" })).toBe("/jwks");
  const symmetric = JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0" }] });
  expect(await refused({ ...jwt, jwtVerification: "jwks", jwks: symmetric })).toBe("/jwks");
  expect((await audit("GET")).result.identitySource).toBe("off");
});

test("a token's secret is kept, never shown, and never asked for twice", async () => {
  const settings = { identitySource: "jwtClaim", identityName: "sub", jwtVerification: "secret" };
  const set = await audit("PUT", { ...settings, jwtSecret: "a secret of some length" });
  expect(set.result).toMatchObject({ hasJwtSecret: true });
  const again = await audit("PUT", { ...settings, identityName: "email" });
  expect(again.result).toMatchObject({ hasJwtSecret: true, identityName: "email" });
  expect(JSON.stringify(again.result)).not.toContain("some length");
});

test("one person has the same pseudonym until the key is replaced, and none elsewhere", async () => {
  await audit("PUT", { identitySource: "header", identityName: "x-user", hashUsers: true });
  const path = `/v1/appgateway/sites/${siteId}/userAudit:pseudonym`;
  const of = async (name: string) => (await cordon.api("POST", path, { name })).result.userName;
  const alice = await of("alice");
  expect(alice).toMatch(/^u-[0-9a-f]{24}$/);
  expect(await of("alice")).toBe(alice);
  expect(await of("bob")).not.toBe(alice);
  await cordon.api("POST", "/v1/appgateway/pseudonymKey:rotate", {});
  expect(await of("alice")).not.toBe(alice);
  const other = { name: "other", userName: "eve", password: PASSWORD };
  await cordon.api("POST", "/v1/account/accounts", other);
  const eve = await cordon.keyOf("other", "eve");
  const strange = await cordon.api("POST", path, { name: "alice" }, eve);
  expect(strange.error?.reason).toBe("appgateway.siteNotFound");
});

const report: Report = {
  siteId: "site-0123456789",
  domain: "shop.example",
  startTime: "2026-11-01T00:00:00.000Z",
  endTime: "2026-11-02T00:00:00.000Z",
  intervalSeconds: 3_600,
  totals: {
    requestCount: 1_234,
    blockedCount: 20,
    observedCount: 4,
    errorCount: 3,
    sourceCount: 17,
    userCount: 2,
    latencyP50Ms: 4,
    latencyP95Ms: 31.5,
    latencyP99Ms: 88,
  },
  traffic: Array.from({ length: 24 }, (_, hour) => ({
    time: new Date(Date.UTC(2026, 10, 1, hour)).toISOString(),
    allowedCount: 20 + hour * 2,
    observedCount: hour % 5,
    blockedCount: hour % 7,
    errorCount: 0,
    latencyP50Ms: 4,
    latencyP95Ms: 20 + (hour % 6) * 3,
    latencyP99Ms: 80,
  })),
  statusClasses: [{ value: "2xx", count: 1_207 }],
  topUrls: [{ value: `/${"long/".repeat(60)}`, count: 9, errorCount: 1, latencyP95Ms: 3 }],
  topUsers: [
    { value: "张伟", count: 700 },
    { value: '=HYPERLINK("http://evil.example","x")', count: 1 },
  ],
  attackTypes: [{ value: "sqli", count: 20 }],
  attackSources: [{ value: "203.0.113.9", count: 24 }],
  attackCountries: [{ value: "unknown", count: 24 }],
  attackRules: [{ value: "942100", count: 20 }],
  bots: [],
};

test("a name that a spreadsheet would run as a formula is plain text in CSV", () => {
  const csv = reportCsv(report);
  expect(csv).toContain(`"'=HYPERLINK(""http://evil.example"",""x"")",1`);
  expect(csv.split("\r\n").some((line) => line.startsWith("="))).toBe(false);
});

test("a report is a PDF of several pages, with or without a font for Chinese", async () => {
  const plain = await reportPdf(report, { language: "en", font: undefined });
  expect(plain.subarray(0, 5).toString("latin1")).toBe("%PDF-");
  expect(pagesOf(plain)).toBeGreaterThan(1);
  const font = reportFont(undefined);
  if (font !== undefined) {
    const chinese = await reportPdf(report, { language: "zh-CN", font });
    expect(chinese.toString("latin1")).toMatch(/NotoSansCJK|WenQuanYi|Droid/);
  }
  expect(reportFont("/no/such/font.ttf")).toBe(undefined);
});

const pagesOf = (pdf: Buffer) => pdf.toString("latin1").match(/\/Type \/Page\n/g)?.length;

test("a report without requests is one page, whatever its lists are called", async () => {
  const totals = { ...report.totals, requestCount: 0 };
  const pdf = await reportPdf({ ...report, totals }, { language: "en", font: undefined });
  expect(pagesOf(pdf)).toBe(1);
});

test("what is a code of ours is told in words, and what a client wrote is not", () => {
  expect(reportValue("attackTypes", "sqli", "zh-CN")).toBe("SQL 注入");
  expect(reportValue("attackCountries", "CN", "zh-CN")).toBe("CN 中国");
  expect(reportValue("attackCountries", "ZZ", "en")).toMatch(/^ZZ/);
  expect(reportValue("attackRules", "942100", "en")).toMatch(/^942100 +SQL injection$/);
  expect(reportValue("bots", "badAgent", "en")).toBe("Known bad user agents");
  expect(reportValue("topUsers", "sqli", "en")).toBe("sqli");
  expect(reportValue("attackTypes", "toString", "en")).toBe("toString");
});

test("every type that a rule can have has words", () => {
  const ids = Array.from({ length: 100 }, (_, at) => (900 + at) * 1_000);
  const wordless = ids.map(attackTypeOf).filter((type) => {
    const word = reportValue("attackTypes", type, "en");
    return word === type || word === reportValue("attackTypes", type, "zh-CN");
  });
  expect(wordless).toEqual([]);
});

test("a period of whole days names its last day, and any other its minutes", () => {
  const day = { startTime: "2026-11-28T00:00:00.000Z", endTime: "2026-11-29T00:00:00.000Z" };
  expect(periodText(day)).toBe("2026-11-28 UTC");
  const week = { ...day, endTime: "2026-12-05T00:00:00.000Z" };
  expect(periodText(week)).toBe("2026-11-28 – 2026-12-04 UTC");
  const part = { ...day, endTime: "2026-11-29T10:15:20.000Z" };
  expect(periodText(part)).toBe("2026-11-28 00:00 – 2026-11-29 10:15 UTC");
});

test("an axis has round numbers and at most four steps to what is highest", () => {
  expect([0, 1, 3, 9, 90, 1_000, 16_000].map(stepFor)).toEqual([1, 1, 1, 5, 25, 250, 5_000]);
});

/** The same with the fields of every object in another order, as PostgreSQL's jsonb keeps them. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).toSorted(
    ([one], [other]) => one.length - other.length || (one < other ? -1 : 1),
  );
  return Object.fromEntries(fields.map(([name, field]) => [name, reordered(field)]));
}

test("a kept report is the same file as the one it was kept from, each time it is asked for", async () => {
  const kept = reordered(report) as Report;
  expect(Object.keys(kept.totals)).not.toEqual(Object.keys(report.totals));
  expect(reportCsv(kept)).toBe(reportCsv(report));
  const language = "en";
  const first = await reportPdf(report, { language, font: undefined });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  expect((await reportPdf(kept, { language, font: undefined })).equals(first)).toBe(true);
});
