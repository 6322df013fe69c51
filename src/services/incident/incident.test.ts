import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import { newId } from "../../kernel/id.ts";
import { recordDetections } from "./detect.ts";
import { type Detection, groupDetections, incidentTitle } from "./domain.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

test("a block of a source has an end, is listed, and can be undone once", async () => {
  const block = { cidr: "203.0.113.9", ttlSeconds: 600 };
  const { result: made } = await cordon.api("POST", "/v1/incident/responses:blockSource", block);
  expect(made).toMatchObject({ cidr: "203.0.113.9/32", state: "active", createdBy: "admin" });
  expect(Date.parse(made.expireTime) - Date.parse(made.createTime)).toBe(600_000);
  const path = `/v1/incident/responses/${made.responseId}:revoke`;
  expect((await cordon.api("POST", path, {})).result.state).toBe("revoked");
  const listed = await cordon.api("GET", "/v1/incident/responses");
  expect(listed.result.responses[0].state).toBe("revoked");
  expect((await cordon.api("POST", path, {})).code).not.toBe(200);
});

test("the automatic response is off until someone switches it on", async () => {
  const { result } = await cordon.api("GET", "/v1/incident/automaticResponse");
  expect(result.enabled).toBe(false);
});

const detection = (sourceIp: string, tag: string): Detection => ({
  ...{ uid: `event-${tag}`, accountId: "", siteId: "site-0000000001", sourceIp },
  ...{ timeMs: Date.parse("2026-03-01T10:00:00Z"), blocked: true, score: 60 },
  ...{ host: "shop.example", matches: [{ ruleId: 942100, tags: [tag] }] },
});

test("what is told of an attack has its code and values beside the English", async () => {
  const settings = { enabled: true, scoreThreshold: 50, windowSeconds: 600, blockSeconds: 60 };
  await cordon.api("PUT", "/v1/incident/automaticResponse", settings);
  const attack = detection("203.0.113.7", "attack-sqli");
  await cordon.database.transaction("system", async (sql) => {
    const [own] = await sql<{ accountId: string }>`select account_id from account`;
    const met = [{ ...attack, accountId: own?.accountId ?? "" }];
    await recordDetections({ sql, nowMs: Date.now(), newId }, met);
  });
  const { result } = await cordon.api("GET", "/v1/incident/incidents");
  const [incident] = result.incidents;
  expect(incident.title).toBe("SQL injection from 203.0.113.7 on shop.example");
  expect(incident.titleCoded).toEqual({
    code: "incident.attack.sqli",
    values: { sourceIp: "203.0.113.7", host: "shop.example" },
  });
  const path = `/v1/incident/incidents/${incident.incidentId}`;
  await cordon.api("PATCH", path, { status: "resolved", note: "by hand" });
  const { timeline, responses } = (await cordon.api("GET", path)).result;
  const told = timeline.map((entry: Record<string, unknown>) => [
    ...[entry.title, codeOf(entry.titleCoded), entry.detail, codeOf(entry.detailCoded)],
  ]);
  expect(told).toEqual([
    [
      ...["SQL injection on shop.example", "incident.finding.sqli"],
      ...["Rules 942100; highest score 60", "incident.shownByRules"],
    ],
    [
      ...["203.0.113.7/32 blocked automatically", "incident.blockedByItself"],
      ...["Score 60 within 600 s", "incident.scoreReached"],
    ],
    ["Status: resolved", "incident.now.resolved", "was open", "incident.was.open"],
    ["Note", "incident.note", "by hand", undefined],
  ]);
  expect(responses[0].reasonCoded.values).toEqual({ score: "60", windowSeconds: "600" });
});

const codeOf = (coded: unknown): unknown =>
  typeof coded === "object" && coded !== null ? Reflect.get(coded, "code") : undefined;

test("every class of attack has a title, with a source to blame and without", () => {
  const tags = ["sqli", "xss", "rce", "lfi", "rfi", "injection-php", "injection-java", "fixation"];
  const others = ["injection-generic", "reputation-scanner", "disclosure", "protocol", "generic"];
  for (const tag of [...tags, ...others, "of no class"]) {
    for (const sourceIp of ["203.0.113.7", ""]) {
      const [group] = groupDetections([detection(sourceIp, `attack-${tag}`)]);
      const [category = "tamper"] = group?.findings.keys() ?? [];
      const title = incidentTitle(category, { sourceIp, host: "shop.example" });
      expect(title.text).toMatch(
        sourceIp === "" ? / on shop\.example$/ : / from 203\.0\.113\.7 on /,
      );
      expect(title.coded?.code).toContain(category);
    }
  }
});
