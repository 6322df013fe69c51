import { expect, test } from "vitest";
import { intentOf, siteFor } from "../../daemons/gateway/test-kit.ts";
import { createRateExchange, type RateExchange } from "./rate-exchange.ts";
import { type HeardRates, rateExchangeLimits } from "./rate-protocol.ts";
import { type RateScope, scopesOf } from "./rate-scopes.ts";
import { sitePolicyDefaults } from "./site-policy-document.ts";

const SCOPE = "site-a/crule-1";
const OTHER = "site-b/crule-2";
const limitOf = (accountId: string, requestsMax = 10): RateScope => ({
  accountId,
  terms: { requestsMax, windowMs: 60_000, banMs: 30_000, banMsMax: 30_000 },
});
const nothing: HeardRates = { epoch: "", sequence: 0, gateways: 0 };

/** A memory whose clock stands until it is moved. */
function exchangeOf(
  scopes: ReadonlyMap<string, RateScope> = new Map([
    [SCOPE, limitOf("acct-a")],
    [OTHER, limitOf("acct-b")],
  ]),
) {
  let nowMs = 1_000_000;
  const lines: unknown[] = [];
  const exchange = createRateExchange({
    seed: "s".repeat(64),
    epoch: "epoch-1",
    scopes: () => scopes,
    clock: () => nowMs,
    log: (line) => lines.push(line),
  });
  return {
    ...exchange,
    lines,
    pass: (ms: number) => {
      nowMs += ms;
    },
    tell: (nodeId: string, amount: number, { scope = SCOPE, high = 1 } = {}) =>
      exchange.take(nodeId, { scopes: [{ scope, counts: [[high, 2, amount]] }] }),
  };
}

/** What a gateway hears that knows nothing yet. */
async function heardBy(exchange: RateExchange, nodeId: string) {
  const news = await exchange.news(nodeId, nothing, new AbortController().signal);
  if (news === undefined) throw new Error("There was no news");
  return news;
}

test("what two gateways counted is joined, and both hear of the ban with its time", async () => {
  const exchange = exchangeOf();
  exchange.tell("node-1", 6);
  expect((await heardBy(exchange, "node-1")).bans).toEqual([]);
  exchange.tell("node-2", 6);
  for (const node of ["node-1", "node-2"]) {
    const { bans } = await heardBy(exchange, node);
    expect(bans).toEqual([{ scope: SCOPE, high: 1, low: 2, forMs: 30_000 }]);
  }
  exchange.pass(30_000);
  expect((await heardBy(exchange, "node-3")).bans).toEqual([]);
});

test("a gateway that waits hears at once of a ban, and of a gateway that joins", async () => {
  const exchange = exchangeOf();
  const { signal } = new AbortController();
  const first = await heardBy(exchange, "node-1");
  expect(first.gateways).toBe(1);
  const joined = exchange.news("node-1", first, signal);
  await heardBy(exchange, "node-2");
  const second = await joined;
  expect(second?.gateways).toBe(2);
  const banned = exchange.news("node-1", second ?? first, signal);
  exchange.tell("node-2", 11);
  expect((await banned)?.bans.length).toBe(1);
  exchange.pass(rateExchangeLimits.forgetGatewayMs + 1);
  expect((await heardBy(exchange, "node-1")).gateways).toBe(1);
});

test("a wait ends with its signal, and nothing is heard twice", async () => {
  const exchange = exchangeOf();
  exchange.tell("node-1", 11);
  const heard = await heardBy(exchange, "node-1");
  const ended = new AbortController();
  const waiting = exchange.news("node-1", heard, ended.signal);
  ended.abort();
  expect(await waiting).toBeUndefined();
});

test("a limit that no account declared counts nothing, whatever a gateway says", async () => {
  const exchange = exchangeOf();
  expect(exchange.tell("node-1", 1_000_000, { scope: "site-z/made-up" })).toBe("taken");
  expect((await heardBy(exchange, "node-2")).bans).toEqual([]);
});

test("a key told under one account's limit neither bans nor spares it under another's", async () => {
  const exchange = exchangeOf();
  exchange.tell("node-1", 1_000, { scope: OTHER });
  const lied = await heardBy(exchange, "node-2");
  expect(lied.bans.map(({ scope }) => scope)).toEqual([OTHER]);
  exchange.tell("node-2", 6);
  expect((await heardBy(exchange, "node-2")).bans.length).toBe(1);
  exchange.tell("node-2", 6);
  expect((await heardBy(exchange, "node-2")).bans.map(({ scope }) => scope)).toEqual([
    OTHER,
    SCOPE,
  ]);
});

test("one account's bans, or one gateway's lies, use up no other account's", async () => {
  const exchange = exchangeOf();
  const { bansPerAccountMinuteMax, keysPerReportMax } = rateExchangeLimits;
  for (let from = 0; from < bansPerAccountMinuteMax * 2; from += keysPerReportMax) {
    const counts = Array.from({ length: keysPerReportMax }, (_, at): [number, number, number] => [
      from + at,
      from + at,
      1_000,
    ]);
    expect(exchange.take("node-1", { scopes: [{ scope: SCOPE, counts }] })).toBe("taken");
  }
  expect(exchange.lines).toMatchObject([{ level: "warning", accountId: "acct-a" }]);
  expect(exchange.tell("node-2", 11, { scope: OTHER })).toBe("taken");
  let heard: HeardRates = nothing;
  const scopes: string[] = [];
  for (let more = true; more; ) {
    const news = await exchange.news("node-2", heard, AbortSignal.timeout(50));
    more = news !== undefined;
    if (news === undefined) break;
    expect(news.bans.length).toBeLessThanOrEqual(rateExchangeLimits.bansPerAnswerMax);
    scopes.push(...news.bans.map(({ scope }) => scope));
    heard = news;
  }
  expect(scopes.filter((scope) => scope === SCOPE).length).toBe(bansPerAccountMinuteMax);
  expect(scopes.filter((scope) => scope === OTHER).length).toBe(1);
});

test("a gateway that tells too often, or too much at once, is not counted", () => {
  const exchange = exchangeOf();
  const { keysPerReportMax, reportsPerSecondMax } = rateExchangeLimits;
  const half = Array.from({ length: keysPerReportMax / 2 + 1 }, (): [number, number, number] => [
    1, 1, 1,
  ]);
  const scopes = [
    { scope: SCOPE, counts: half },
    { scope: OTHER, counts: half },
  ];
  expect(exchange.take("node-1", { scopes })).toBe("tooMany");
  for (let at = 1; at < reportsPerSecondMax; at++) exchange.tell("node-1", 1);
  expect(exchange.tell("node-1", 1)).toBe("tooMany");
  expect(exchange.tell("node-2", 1)).toBe("taken");
  exchange.pass(1_000);
  expect(exchange.tell("node-1", 1)).toBe("taken");
});

test("limits and honeypot paths of a gateway's document are scopes, with their own terms", () => {
  const limit = {
    keys: [{ by: "ip" as const }],
    requestsMax: 5,
    windowSeconds: 60,
    banSeconds: 10,
    banSecondsMax: 20,
    exceeded: "refuse" as const,
  };
  const rule = { customRuleId: "crule-1", name: "limit", when: null, expiresAt: null };
  const bots = { ...sitePolicyDefaults.bots, honeypotPaths: ["/trap"], honeypotBanSeconds: 60 };
  const policy = { ...sitePolicyDefaults, bots, patches: [], routes: [] };
  const rules = [{ ...rule, action: { kind: "rateLimit" as const, limit } }];
  const document = intentOf([siteFor(["http://a"], { policy: { ...policy, rules } })]);
  expect(Object.fromEntries(scopesOf(document))).toEqual({
    "site-a/crule-1": {
      accountId: "acct-a",
      terms: { requestsMax: 5, windowMs: 60_000, banMs: 10_000, banMsMax: 20_000 },
    },
    "honeypot/site-a": {
      accountId: "acct-a",
      terms: { requestsMax: 0, windowMs: 1_000, banMs: 60_000, banMsMax: 60_000 },
    },
  });
});
