import { expect, test } from "vitest";
import { type Evidence, networkOf, prefixOf, proposalsOf } from "./tuning-domain.ts";

const HOUR_MS = 3_600_000;
const learning = { requestsMin: 6, networksMin: 3, spanHoursMin: 24 };

function met(source: string, hour: number, given: Partial<Evidence> = {}): Evidence {
  return {
    uid: `${source} ${hour}`,
    timeMs: Date.UTC(2026, 10, 1) + hour * HOUR_MS,
    sourceIp: source,
    userName: "",
    path: "/search",
    isBlocked: false,
    matches: [
      {
        ruleId: 942_100,
        message: "SQL Injection Attack",
        severity: "CRITICAL",
        variable: "ARGS:q",
        value: "select a union of states",
      },
    ],
    ...given,
  };
}

const visitors = ["192.0.2.1", "198.51.100.1", "203.0.113.1"];
const ordinary = visitors.flatMap((source) => [met(source, 0), met(source, 30)]);
const ask = (evidence: readonly Evidence[], clean: readonly string[] = visitors) =>
  proposalsOf(evidence, {
    ...{ siteId: "site-0123456789", learning },
    cleanSources: new Set(clean),
    isSettled: () => false,
  });

test("what several visitors of several networks met over a day is proposed with its evidence", () => {
  const [proposal, ...more] = ask(ordinary);
  expect(more).toEqual([]);
  expect(proposal).toMatchObject({
    ruleId: 942_100,
    variable: "ARGS:q",
    pathPrefix: "/search",
    requestCount: 6,
    networkCount: 3,
    suspectCount: 0,
    sampleValues: ["select a union of states"],
  });
  expect(proposal?.proposalId).toMatch(/^prop-[0-9a-z]{10}$/);
});

test("one network is one witness, however many addresses it has", () => {
  const addresses = Array.from({ length: 50 }, (_, at) => `203.0.113.${at}`);
  const evidence = addresses.flatMap((source) => [met(source, 0), met(source, 30)]);
  expect(ask(evidence, addresses)).toEqual([]);
  const six = Array.from({ length: 9 }, (_, at) => `2001:db8:0:1::${at + 1}`);
  expect(
    ask(
      six.flatMap((source) => [met(source, 0), met(source, 30)]),
      six,
    ),
  ).toEqual([]);
});

test("a burst is no habit: the evidence must span the time that the operator asks for", () => {
  expect(ask(visitors.flatMap((source) => [met(source, 0), met(source, 1)]))).toEqual([]);
});

test("a source that was also refused for anything else counts for nothing", () => {
  const elsewhere = {
    path: "/login",
    matches: [{ ...met("", 0).matches[0], variable: "ARGS:name" }],
  } as Partial<Evidence>;
  expect(ask([...ordinary, met("192.0.2.1", 5, elsewhere)])).toEqual([]);
  const listed = met("192.0.2.1", 5, { isBlocked: true, matches: [] });
  expect(ask([...ordinary, listed])).toEqual([]);
});

test("a source that never asked for anything ordinary counts for nothing", () => {
  expect(ask(ordinary, visitors.slice(0, 2))).toEqual([]);
});

test("what was decided, or is excluded already, does not come back", () => {
  const given = { siteId: "site-0123456789", learning, cleanSources: new Set(visitors) };
  expect(proposalsOf(ordinary, { ...given, isSettled: () => true })).toEqual([]);
});

test("rules of responses and what an exclusion cannot name are never proposed", () => {
  const [base] = met("", 0).matches;
  if (base === undefined) throw new Error("no match");
  const strange = (match: Partial<typeof base>) =>
    ordinary.map((event) => ({ ...event, matches: [{ ...base, ...match }] }));
  expect(ask(strange({ ruleId: 951_100 }))).toEqual([]);
  expect(ask(strange({ ruleId: 949_110 }))).toEqual([]);
  expect(ask(strange({ variable: "ARGS:a\u0000b" }))).toEqual([]);
});

test("paths that differ in an identifier are one place, and networks are /24 and /64", () => {
  expect(prefixOf("/orders/17/note")).toBe("/orders/");
  expect(prefixOf("/a/0f8fad5b-d9cb-469f-a165-70867728950e")).toBe("/a/");
  expect(prefixOf("/search")).toBe("/search");
  expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0");
  expect(networkOf("192.0.2.7")).toBe("192.0.2");
});
