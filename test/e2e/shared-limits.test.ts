/** Two gateways and one control plane: what one has counted, the other knows. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../../src/kernel/config.ts";
import { joinTicketFile } from "../../src/kernel/intent/protocol.ts";
import { freePorts, type Stack, startStack, until } from "../stack.ts";

const HOST = "shared.localhost";
const OTHER_HOST = "other.localhost";
const REQUESTS_MAX = 400;
const START_MAX_MS = 90_000;

let stack: Stack;
let second: ChildProcess;
let folder = "";
/** HTTP ports of the two gateways. */
let ports: [number, number];

beforeAll(async () => {
  stack = await startStack();
  const secondPort = await startSecondGateway();
  ports = [stack.httpPort, secondPort];
  for (const [domain, path] of [
    [HOST, "/"],
    [OTHER_HOST, "/"],
  ]) {
    const site = { domains: [domain], upstreams: ["http://127.0.0.1:9"], mode: "block" };
    const { siteId } = (await stack.api("POST", "/v1/waf/sites", site)).result;
    await limitBy(siteId, { path: "/small", requestsMax: 5 });
    await limitBy(siteId, { path: "/large", requestsMax: REQUESTS_MAX });
    const bots = { honeypotPaths: ["/trap"], honeypotBanSeconds: 600 };
    await stack.api("PATCH", `/v1/waf/sites/${siteId}/policy`, { bots: { ...noBots, ...bots } });
    for (const port of ports) {
      const isServed = async () => (await ask(port, { domain, path })) === 502;
      await until(`${domain} is served at ${port}`, isServed, START_MAX_MS);
    }
  }
}, 3 * START_MAX_MS);

afterAll(async () => {
  second?.kill("SIGTERM");
  await stack?.stop();
  if (folder !== "") rmSync(folder, { recursive: true, force: true });
});

const noBots = {
  badAgents: "off",
  fakeCrawlers: "off",
  letCrawlersPass: false,
  challengeAll: false,
  challengeBits: 16,
  passSeconds: 3_600,
};

/** A gateway with a folder and an identity of its own, as on another machine. */
async function startSecondGateway(): Promise<number> {
  folder = mkdtempSync(join(tmpdir(), "cordon-second-"));
  const [httpPort = 0, httpsPort = 0] = await freePorts(2);
  const wanted = { name: "second", plane: "gateway" };
  const made = await stack.api("POST", "/v1/fleet/joinTokens", wanted);
  const ticket = {
    url: `https://127.0.0.1:${stack.env.CORDON_FLEET_PORT}`,
    token: made.result.token,
    authorityPem: readFileSync(join(stack.dataFolder, "keys", "authority.pem"), "utf8"),
  };
  mkdirSync(join(folder, "gateway"), { mode: 0o700 });
  writeFileSync(join(folder, "gateway", joinTicketFile), JSON.stringify(ticket));
  const env = {
    ...stack.env,
    CORDON_DATA: folder,
    CORDON_GATEWAY_HTTP_PORT: String(httpPort),
    CORDON_GATEWAY_HTTPS_PORT: String(httpsPort),
  };
  const main = join(programFolder, "src", "daemons", "gateway", "main.ts");
  second = spawn(process.execPath, [main], { env, stdio: ["ignore", "ignore", "inherit"] });
  return httpPort;
}

async function limitBy(
  siteId: string,
  { path, requestsMax }: { path: string; requestsMax: number },
) {
  const limit = {
    keys: [{ by: "header", name: "x-client" }],
    requestsMax,
    windowSeconds: 3_600,
    banSeconds: 3_600,
    banSecondsMax: 3_600,
    exceeded: "refuse",
  };
  const when = { field: "path", operator: "equals", values: [path] };
  const rule = { siteId, name: path, when, action: { kind: "rateLimit", limit }, enabled: true };
  expect((await stack.api("POST", "/v1/waf/customRules", rule)).code).toBe(200);
}

function ask(
  port: number,
  { domain = HOST, path = "/small", client = "nobody", from = "127.0.0.1" } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      host: domain,
      "user-agent": "Mozilla/5.0",
      accept: "*/*",
      "x-client": client,
    };
    const options = { host: "127.0.0.1", port, path, agent: false, headers, localAddress: from };
    const request = http.get(options, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    });
    request.on("error", reject);
  });
}

/** How many of so many requests passed, one after the other. */
async function passed(port: number, times: number, asked: Parameters<typeof ask>[1]) {
  let count = 0;
  for (let at = 0; at < times; at++) if ((await ask(port, asked)) === 502) count++;
  return count;
}

let clients = 0;

/**
 * A client that `first` banned and that the other refuses for that: asked there less often than its
 * limit. Until both take part each counts for itself, so it is tried with new ones.
 */
async function bannedClient([first, other]: readonly [number, number]): Promise<string> {
  let client = "";
  const isRefused = async () => {
    client = `banned-${clients++}`;
    await passed(first, 6, { client });
    for (let at = 0; at < 4; at++) {
      if ((await ask(other, { client })) === 429) return true;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    return false;
  };
  await until("a client that one gateway banned is refused by the other", isRefused, 60_000);
  return client;
}

test("a ban in one gateway holds in the other, for that client and that site only", async () => {
  const client = await bannedClient(ports);
  expect(await ask(ports[0], { client })).toBe(429);
  expect(await ask(ports[1], { client: "somebody" })).toBe(502);
  for (const port of ports) expect(await ask(port, { client, domain: OTHER_HOST })).toBe(502);
}, 90_000);

test("two gateways that each saw half of a limit refuse what comes after it", async () => {
  const asked = { path: "/large", client: "spread" };
  const half = REQUESTS_MAX / 2;
  expect(await passed(ports[0], half, asked)).toBe(half);
  expect(await passed(ports[1], half, asked)).toBe(half);
  let over = 0;
  for (const port of ports) {
    await until(
      "the client is refused",
      async () => {
        const isRefused = (await ask(port, asked)) === 429;
        if (!isRefused) over++;
        return isRefused;
      },
      // At ten requests a second it stays below the limit of one gateway alone.
      half * 90,
    );
  }
  expect(over).toBeLessThan(half);
}, 90_000);

test("who asks one gateway for a honeypot path is refused by the other", async () => {
  const from = "127.0.0.9";
  expect(await ask(ports[0], { path: "/trap", from })).toBe(403);
  await until("the other refuses", async () => (await ask(ports[1], { path: "/", from })) === 403);
  expect(await ask(ports[1], { path: "/" })).toBe(502);
}, 60_000);

test("while the control plane stands still each gateway counts alone, and bans hold", async () => {
  const banned = { client: await bannedClient(ports) };
  const server = await stack.pid("server");
  process.kill(server, "SIGSTOP");
  try {
    for (const port of ports) {
      expect(await ask(port, banned)).toBe(429);
      expect(await passed(port, 8, { client: "meanwhile" })).toBe(5);
    }
  } finally {
    process.kill(server, "SIGCONT");
  }
  await bannedClient([ports[1], ports[0]]);
}, 180_000);
