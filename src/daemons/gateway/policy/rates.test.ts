import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RateLimit } from "../../../kernel/intent/site-policy-document.ts";
import { startMaster } from "../master.ts";
import { eventually, exchangeRaw, intentOf, siteFor, startOrigin } from "../test-kit.ts";
import { policyOf, ruleOf, startGuarded, statusOf } from "./test-kit.ts";

let guarded: Awaited<ReturnType<typeof startGuarded>>;
beforeAll(async () => {
  guarded = await startGuarded();
});
afterAll(() => guarded?.stop());

const limitOf = (changes: Partial<RateLimit> = {}): RateLimit => ({
  keys: [{ by: "ip" }],
  requestsMax: 5,
  windowSeconds: 600,
  banSeconds: 0,
  banSecondsMax: 0,
  exceeded: "refuse",
  ...changes,
});
let rule = 0;
const use = (changes: Partial<RateLimit>) =>
  guarded.use(
    {
      rules: [
        ruleOf({
          customRuleId: `crule-${rule++}`,
          action: { kind: "rateLimit", limit: limitOf(changes) },
        }),
      ],
    },
    { trustedProxies: ["127.0.0.1"] },
  );
const from = async (address: string, more = "", target = "/") =>
  statusOf(await guarded.ask(target, { fields: `X-Forwarded-For: ${address}\r\n${more}` }));
const many = async (times: number, ask: () => Promise<number>) => {
  const statuses: number[] = [];
  for (let at = 0; at < times; at++) statuses.push(await ask());
  return statuses.filter((status) => status === 200).length;
};

test("an address is refused with 429 and Retry-After past its limit, another is not", async () => {
  use({});
  expect(await many(8, () => from("203.0.113.1"))).toBe(5);
  const answer = await guarded.ask("/", { fields: "X-Forwarded-For: 203.0.113.1\r\n" });
  expect(answer).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\n/);
  expect(Number(/Retry-After: (\d+)/.exec(answer)?.[1])).toBeGreaterThan(0);
  expect(guarded.decisions()).toMatchObject([{ kind: "rateLimit", enforced: true }]);
  expect(await from("203.0.113.2")).toBe(200);
});

test("an address is one client, however a trusted proxy writes it", async () => {
  use({});
  const spellings = [
    ...["203.0.113.7", "203.0.113.7:4711", "::ffff:203.0.113.7", "::ffff:cb00:7107"],
    ...["[::ffff:203.0.113.7]:4711", "0:0:0:0:0:ffff:203.0.113.7", "[::FFFF:cb00:7107]"],
  ];
  let at = 0;
  expect(await many(7, () => from(spellings[at++] ?? ""))).toBe(5);
  expect(guarded.events.at(-1)?.src_endpoint.ip).toBe("203.0.113.7");
});

test("a path is one, however it is spelled", async () => {
  use({ keys: [{ by: "ip" }, { by: "path" }] });
  const spellings = ["/in", "//in", "/%69n", "/in;1", "/in;2", "/%2569n", "/x/..;/in"];
  let at = 0;
  expect(await many(7, () => from("203.0.113.8", "", spellings[at++]))).toBe(5);
  expect(await from("203.0.113.8", "", "/out")).toBe(200);
});

test("an IPv6 client cannot walk through its /64", async () => {
  use({});
  let host = 0;
  expect(await many(8, () => from(`2001:db8:1:2::${(++host).toString(16)}`))).toBe(5);
  expect(await from("2001:db8:1:3::1")).toBe(200);
});

test("counting by cookie, header and path keeps clients apart; leaving it out is no way around", async () => {
  use({ keys: [{ by: "cookie", name: "sid" }] });
  expect(await many(7, () => from("203.0.113.3", "Cookie: sid=a\r\n"))).toBe(5);
  expect(await from("203.0.113.3", "Cookie: sid=b\r\n")).toBe(200);
  expect(await many(7, () => from("203.0.113.3"))).toBe(5);
  use({ keys: [{ by: "header", name: "X-Api-Key" }, { by: "path" }] });
  expect(await many(7, () => from("203.0.113.4", "X-Api-Key: k\r\n", "/login"))).toBe(5);
  expect(await from("203.0.113.4", "X-Api-Key: k\r\n", "/%6cogin")).toBe(429);
  expect(await from("203.0.113.4", "X-Api-Key: k\r\n", "/other")).toBe(200);
});

test("two workers count together: what one has let through, the other does not add to", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gateway-"));
  const origin = await startOrigin((_request, response) => response.end("x"));
  const limit = limitOf({ requestsMax: 60, banSeconds: 60, banSecondsMax: 60 });
  const policy = policyOf({ rules: [ruleOf({ action: { kind: "rateLimit", limit } })] });
  let running = 0;
  const master = await startMaster({
    workers: 2,
    host: "127.0.0.1",
    httpPort: 0,
    httpsPort: 0,
    folder: join(folder, "gateway"),
    spoolFolder: join(folder, "spool"),
    recordsFolder: join(folder, "records"),
    intents: (async function* () {
      yield intentOf([siteFor([origin.url], { mode: "block", policy })]);
      await new Promise(() => {});
    })(),
    onStatus: ({ runningVersion }) => {
      running = runningVersion;
    },
  });
  await eventually(() => running === 1);
  const request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
  let passed = 0;
  for (let at = 0; at < 160; at++) {
    if (statusOf(await exchangeRaw(master.httpPort, request)) === 200) passed++;
    // Slower than the exchange of counts, so that its delay is no part of what is seen.
    if (at % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(passed).toBeGreaterThanOrEqual(60);
  expect(passed).toBeLessThanOrEqual(70);
  await master.stop(50);
  await origin.close();
  await rm(folder, { recursive: true, force: true });
});
