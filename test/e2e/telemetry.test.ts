/** What a running Cordon tells of itself, and that no secret is in any of it. */
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePorts, PASSWORD, rawApi, type Stack, startStack } from "../stack.ts";

let stack: Stack;
let metricsPort = 0;
let collector: http.Server;
const exported: { path: string; body: string }[] = [];

beforeAll(async () => {
  const [metrics = 0, otlp = 0] = await freePorts(2);
  metricsPort = metrics;
  collector = http.createServer((request, response) => {
    let body = "";
    request.on("data", (piece) => {
      body += piece;
    });
    request.on("end", () => {
      exported.push({ path: request.url ?? "", body });
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => collector.listen(otlp, "127.0.0.1", resolve));
  stack = await startStack({
    env: {
      CORDON_METRICS_PORT: String(metrics),
      CORDON_OTLP_URL: `http://127.0.0.1:${otlp}`,
    },
  });
});
afterAll(async () => {
  await stack?.stop();
  collector?.close();
});

async function loopback(path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
  return { status: response.status, text: await response.text() };
}

test("the program says that it is well, ready, and by which parts", async () => {
  const health = await rawApi(stack.consolePort, { method: "GET", path: "/healthz" });
  expect([health.code, JSON.parse(health.text)]).toEqual([200, { status: "ok", alarms: [] }]);
  const ready = await rawApi(stack.consolePort, { method: "GET", path: "/readyz" });
  const parts = { database: "ok", audit: "ok", keyd: "ok", lake: "ok" };
  expect([ready.code, JSON.parse(ready.text)]).toEqual([200, { ready: true, parts }]);
  expect((await loopback("/readyz")).status).toBe(200);
});

test("metrics need the action of their own on the API's port, and none on the loopback's", async () => {
  const path = "/metrics";
  expect((await rawApi(stack.consolePort, { method: "GET", path })).code).toBe(401);
  const { text, code } = await rawApi(stack.consolePort, { method: "GET", path, key: stack.key });
  expect(code).toBe(200);
  for (const name of [
    "cordon_api_calls_total{",
    "cordon_api_call_duration_seconds_bucket{",
    "cordon_audit_appends_total{",
    "cordon_audit_entries ",
    "cordon_spool_bytes{",
    "cordon_lake_rows ",
    "cordon_keyd_uses_total{",
    "cordon_job_runs_total{",
    "cordon_intent_version{",
    "process_cpu_seconds_total ",
  ]) {
    expect(text).toContain(`\n${name}`);
  }
  expect((await loopback(path)).text).toContain("# TYPE cordon_api_calls_total counter");
  const body = { name: "watcher", password: PASSWORD, policyIds: [] };
  const { result: user } = await stack.api("POST", "/v1/iam/users", body);
  const made = await stack.api("POST", "/v1/iam/bearerKeys", { userId: user.userId, name: "w" });
  const key = made.result.secret;
  expect((await rawApi(stack.consolePort, { method: "GET", path, key })).code).toBe(403);
});

test("a gateway's counters come with the name of its node", async () => {
  const site = { domains: ["counted.test"], upstreams: ["http://127.0.0.1:1"] };
  await stack.api("POST", "/v1/waf/sites", site);
  const find = (text: string, name: string) =>
    Number(new RegExp(`^${name}\\{[^}]*\\} (\\d+)`, "m").exec(text)?.[1] ?? 0);
  await expect
    .poll(async () => (await stack.site("counted.test", "/")).code, { timeout: 20_000 })
    .toBe(502);
  await expect
    .poll(
      async () => find((await loopback("/metrics")).text, "cordon_gateway_upstream_failures_total"),
      { timeout: 30_000, interval: 1_000 },
    )
    .toBeGreaterThan(0);
});

/** Does what carries secrets, well and badly; gives what must be found nowhere. */
async function plantSecrets(): Promise<{ secrets: string[]; answers: string[] }> {
  const answers: string[] = [];
  const send = async (method: string, path: string, more: object) => {
    const reply = await rawApi(stack.consolePort, { method, path, ...more });
    answers.push(reply.text);
    return reply;
  };
  const wrong = "planted-wrong-password-1";
  const signIn = { accountName: "main", userName: "admin", password: PASSWORD };
  const path = "/v1/iam/session:signIn";
  const signedIn = await rawApi(stack.consolePort, { method: "POST", path, body: signIn });
  await send("POST", path, { body: { ...signIn, password: wrong } });
  await send("POST", path, { body: { ...signIn, password: { planted: wrong } } });
  await send("GET", "/v1/waf/sites", { key: "planted-bearer-key-2" });
  const cookie = signedIn.cookie.split("=")[1] ?? "no cookie";
  await send("GET", "/v1/iam/caller", { headers: { cookie: signedIn.cookie } });
  await send("POST", "/v1/waf/sites", { headers: { cookie: signedIn.cookie }, body: {} });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const upload = { name: "planted", certificatePem: "no certificate", privateKeyPem: pem };
  await send("POST", "/v1/certificates/certificates:upload", { body: upload, key: stack.key });
  await send("POST", "/v1/certificates/certificates", { body: upload, key: stack.key });
  const url = "https://chat.test/planted-chat-token-3";
  const room = { name: "planted", kind: "feishu", url, signingSecret: "planted-signing-4" };
  await send("POST", "/v1/notify/channels", { body: room, key: stack.key });
  await send("POST", "/v1/notify/channels", { body: { ...room, kind: "none" }, key: stack.key });
  const line = pem.split("\n")[1] ?? "";
  const planted = [wrong, "planted-bearer-key-2", "planted-chat-token-3", "planted-signing-4"];
  return { secrets: [...planted, PASSWORD, stack.key, cookie, line], answers };
}

function logs(): string {
  const folder = join(stack.seenFolder, "logs");
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

test("no password, key, cookie, token or private key is in a log, metric, trace or error answer", async () => {
  const { secrets, answers } = await plantSecrets();
  const before = exported.length;
  await expect
    .poll(() => exported.slice(before).map(({ path }) => path), { timeout: 40_000 })
    .toEqual(expect.arrayContaining(["/v1/metrics", "/v1/traces"]));
  await sleep(2_500);
  const traces = exported.filter(({ path }) => path === "/v1/traces").map(({ body }) => body);
  expect(traces.join()).toContain("cordon.request_id");
  expect(traces.join()).toContain('"iam.signIn"');
  const metrics = (await loopback("/metrics")).text;
  const places = {
    ...{ logs: logs(), metrics, answers: answers.join("\n") },
    exported: exported.map(({ body }) => body).join("\n"),
  };
  expect(places.logs.length).toBeGreaterThan(100);
  for (const [place, text] of Object.entries(places)) {
    for (const [at, secret] of secrets.entries()) {
      expect(secret.length).toBeGreaterThan(12);
      expect(text.includes(secret), `secret ${at} in ${place}`).toBe(false);
    }
  }
});
