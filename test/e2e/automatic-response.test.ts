/** A source that Cordon blocks by itself, from the first attack to the end of the block. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startShop } from "../../examples/shop/main.ts";
import { PASSWORD, type Stack, signInForKey, startStack, until } from "../stack.ts";

const HOST = "automatic.localhost";
const ATTACKER = "127.0.0.51";
const NEIGHBOR = "127.0.0.52";
const ATTACK = `/?id=${encodeURIComponent("1' union select password from customer -- ")}`;
const THRESHOLD = 40;
const hasRules = existsSync("/usr/share/modsecurity-crs/rules");
const isRoot = process.getuid?.() === 0;
const settings = {
  enabled: true,
  scoreThreshold: THRESHOLD,
  windowSeconds: 600,
  blockSeconds: 600,
};

let stack: Stack;
let shop: Awaited<ReturnType<typeof startShop>>;

beforeAll(async () => {
  stack = await startStack();
  shop = await startShop();
  await stack.api("POST", "/v1/waf/sites", {
    domains: [HOST],
    upstreams: [`http://127.0.0.1:${shop.port}`],
    mode: "block",
  });
  await until("the site is served", async () => (await codeFrom(NEIGHBOR, "/")) === 200);
});

afterAll(async () => {
  await shop?.stop();
  await stack?.stop();
});

const codeFrom = async (localAddress: string, path: string) =>
  (await stack.site(HOST, path, { localAddress })).code;

const responses = async () =>
  (await stack.api("GET", "/v1/incident/responses")).result.responses as {
    responseId: string;
    cidr: string;
    state: string;
    automatic: boolean;
    incidentId: string;
    reason: string;
  }[];

test.skipIf(!hasRules)(
  "attacks alone block nobody while automatic response is off (needs modsecurity-crs)",
  async () => {
    for (let count = 0; count < 10; count += 1) await codeFrom(ATTACKER, ATTACK);
    await until("the incident is there", async () => {
      const { result } = await stack.api("GET", "/v1/incident/incidents");
      return result.incidents.length === 1;
    });
    expect(await responses()).toEqual([]);
    expect(await codeFrom(ATTACKER, "/")).toBe(200);
  },
);

test.skipIf(!hasRules)(
  "a source whose score reaches the threshold is blocked, told of, and let in when it is undone (needs modsecurity-crs)",
  { timeout: 60_000 },
  async () => {
    expect((await stack.api("PUT", "/v1/incident/automaticResponse", settings)).code).toBe(200);
    await until("it is blocked", async () => {
      await codeFrom(ATTACKER, ATTACK);
      return (await codeFrom(ATTACKER, "/")) === 403;
    });
    expect(await codeFrom(NEIGHBOR, "/")).toBe(200);
    const [response] = await responses();
    expect(response).toMatchObject({ cidr: `${ATTACKER}/32`, state: "active", automatic: true });
    expect(Number(/Score (\d+)/.exec(response?.reason ?? "")?.[1])).toBeGreaterThanOrEqual(
      THRESHOLD,
    );
    const incident = await stack.api("GET", `/v1/incident/incidents/${response?.incidentId}`);
    const titles = incident.result.timeline.map((entry: { title: string }) => entry.title);
    expect(titles).toContain(`${ATTACKER}/32 blocked automatically`);
    const undo = `/v1/incident/responses/${response?.responseId}:revoke`;
    expect((await stack.api("POST", undo, {})).code).toBe(200);
    await until("it is let in", async () => (await codeFrom(ATTACKER, "/")) === 200);
    expect(await responses()).toHaveLength(1);
  },
);

test.skipIf(!isRoot)(
  "the packet filter is told of the operator's blocks only, not of another account's (root)",
  { timeout: 60_000 },
  async () => {
    await stack.api("POST", "/v1/account/accounts", {
      name: "tenant",
      userName: "owner",
      password: PASSWORD,
    });
    const tenant = { accountName: "tenant", userName: "owner", password: PASSWORD };
    const key = await signInForKey(stack.consolePort, tenant);
    const block = (cidr: string) => ({ cidr, ttlSeconds: 600 });
    const path = "/v1/incident/responses:blockSource";
    const ofTenant = await stack.api("POST", path, block("198.51.100.1"), key);
    expect(ofTenant.result.state).toBe("active");
    await stack.api("POST", path, block("198.51.100.2"));
    const told = (plane: string) => {
      const file = join(stack.dataFolder, plane, "intent.json");
      return existsSync(file) ? readFileSync(file, "utf8") : "";
    };
    await until("both planes have the operator's", async () =>
      ["netd", "gateway"].every((plane) => told(plane).includes("198.51.100.2")),
    );
    expect(told("gateway")).toContain("198.51.100.1");
    expect(told("netd")).not.toContain("198.51.100.1");
  },
);
