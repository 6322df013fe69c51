import { expect, test } from "vitest";
import type { EventRow } from "./contract.ts";
import { explanationOf } from "./explain.ts";

const row: EventRow = {
  uid: "u-1",
  time: "2026-01-02T03:04:05.000Z",
  classUid: 4002,
  severityId: 3,
  activity: "Get",
  disposition: "Blocked",
  sourceIp: "203.0.113.7",
  siteId: "site-0a1b2c3d4e",
  method: "GET",
  host: "shop.localhost",
  path: "/product",
  status: 403,
  userAgent: "",
  ja4: "",
  userName: "",
  score: 5,
  ruleIds: [942100],
  message: "",
};

const match = {
  ruleId: 942100,
  message: "SQL Injection Attack",
  severity: "CRITICAL",
  tags: [],
  variable: "ARGS:id",
  value: "x 1 union select y",
  matchStart: 2,
  matchEnd: 16,
};

const eventWith = (cordon: object) => ({
  http_request: { uid: "req-1", url: { query_string: "id=1" } },
  unmapped: {
    cordon: { mode: "block", wouldBlock: false, threshold: 5, matches: [match], ...cordon },
  },
});

test("a blocked request names rule, phase, points, variable and the matched bytes only", () => {
  const told = explanationOf(row, eventWith({}), () => 2);
  expect(told.matches).toMatchObject([{ phase: 2, points: 5, matched: "1 union select" }]);
  expect(told.request).toBe("GET shop.localhost/product?id=1");
  expect(told.sentences[1]).toContain("score of 5 reached the site's threshold of 5");
  expect(told.sentences[2]).toBe(
    'Rule 942100 (phase 2, critical, 5 points): SQL Injection Attack. It met "1 union select" ' +
      "in ARGS:id.",
  );
});

test("a request that only mode observe let pass says that mode block would have refused it", () => {
  const event = eventWith({ mode: "observe", wouldBlock: true });
  const told = explanationOf({ ...row, disposition: "Observed", status: 200 }, event, () => 2);
  expect(told.wouldBlock).toBe(true);
  expect(told.sentences[1]).toContain("In mode block it would have been refused");
});

test("a request below the threshold says how many points were missing", () => {
  const event = eventWith({ threshold: 12 });
  const told = explanationOf({ ...row, disposition: "Allowed" }, event, () => undefined);
  expect(told.sentences[1]).toContain("7 more would have blocked it");
  expect(told.matches[0]?.phase).toBeNull();
});

test("a path that holds shell syntax or control characters stays one quoted word", () => {
  const path = "/a';reboot;'\u001b[2J";
  const told = explanationOf({ ...row, path }, eventWith({}), () => 2);
  expect(told.sentences.at(-1)).toContain("--path-prefix '/a'\\'';reboot;'\\''\u00b7[2J' ");
});
