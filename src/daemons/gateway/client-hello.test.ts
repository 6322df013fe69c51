/** The fingerprint of a TLS hello: whose it is, where it is told, what can be asked of it. */
import { createHook } from "node:async_hooks";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectSocket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { certificateFolder, hasProgram } from "../../../test/certificate-files.ts";
import {
  protocolDefaults,
  type SiteDelivery,
  tlsDefaults,
} from "../../kernel/intent/site-delivery.ts";
import type {
  RateLimit,
  RuleCondition,
  RuleIntent,
} from "../../kernel/intent/site-policy-document.ts";
import type { GatewayEvent } from "./event.ts";
import { type HelloJudge, startHelloJudge } from "./hello-judge.ts";
import type { SiteIntent } from "./intent.ts";
import { policyOf, ruleOf } from "./policy/test-kit.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const CHROMIUM = "/usr/bin/chromium";
const FORM = /^t1[23][di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/;

const files = certificateFolder();
const pair = files.issue("a", ["a.test", "m.test"]);
const owner = files.issue("Ann", ["ann.test"]);
let origin: Awaited<ReturnType<typeof startOrigin>>;
let judge: HelloJudge;
let worker: GatewayWorker;
let events: GatewayEvent[];

beforeAll(async () => {
  origin = await startOrigin((_request, response) => response.end("hello"));
  judge = await startHelloJudge(pair);
});
afterAll(async () => {
  await judge.stop();
  await origin.close();
  files.remove();
});
beforeEach(async () => {
  ({ worker, events } = await startTestWorker());
  serve();
});
afterEach(() => worker.close(50));

const siteA = (changes: Partial<SiteIntent> = {}) => siteFor([origin.url], { ...pair, ...changes });
const serve = (...changes: Partial<SiteIntent>[]) =>
  worker.apply(intentOf((changes.length === 0 ? [{}] : changes).map((one) => siteA(one))));
const serveRule = (rule: RuleIntent, more: Partial<SiteIntent> = {}) =>
  serve({ mode: "block", policy: policyOf({ rules: [rule] }), ...more });
const blockWhen = (when: RuleCondition) => serveRule(ruleOf({ when }));
const printOf = (event: GatewayEvent | undefined): string =>
  event?.ja4_fingerprint_list?.[0]?.value ?? "";
const lastPrint = () => printOf(events.at(-1));

const get = (more = "") => `GET / HTTP/1.1\r\nHost: a.test\r\n${more}Connection: close\r\n\r\n`;
const statusOf = (answer: string): number => Number(answer.slice(9, 12));

type Asked = ConnectionOptions & { send?: string; onSocket?: (socket: TLSSocket) => void };

/** The answer to a request of Node's TLS client, whole. */
function ask({ send = get(), onSocket, ...options }: Asked = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const ca = files.read("root.pem");
    const address = { port: worker.httpsPort, host: "127.0.0.1", servername: "a.test", ca };
    const socket = connectTls({ ...address, ...options }, () => socket.write(send, "latin1"));
    onSocket?.(socket);
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}

/** Runs a program to its end, whatever it says of what it got. */
function run(program: string, args: readonly string[], input = ""): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", reject);
    child.on("close", () => resolve());
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

const curl =
  (...more: string[]) =>
  (port: number) =>
    run("curl", [
      "-sk",
      ...more,
      "--resolve",
      `a.test:${port}:127.0.0.1`,
      `https://a.test:${port}/`,
    ]);
const openssl =
  (...more: string[]) =>
  (port: number) =>
    run("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-quiet", ...more], get());

const clients: [string, (port: number) => Promise<void>][] = [
  ["curl", curl()],
  ["curl --http1.1 --tls-max 1.2", curl("--http1.1", "--tls-max", "1.2")],
  ["openssl s_client", openssl("-servername", "a.test")],
];

describe("clients that others wrote", () => {
  test.skipIf(!hasProgram("curl", "--version"))(
    "each has one fingerprint, its own, and the one that OpenSSL's reading of its hello gives",
    { timeout: 60_000 },
    async () => {
      const known = new Set<string>();
      for (const [name, connect] of clients) {
        const before = events.length;
        await connect(worker.httpsPort);
        await connect(worker.httpsPort);
        await eventually(() => events.length === before + 2);
        const [first, second] = events.slice(before).map(printOf);
        expect(first, name).toMatch(FORM);
        expect(second, name).toBe(first);
        const judged = judge.prints().length;
        await connect(judge.port);
        await expect.poll(() => judge.prints().slice(judged), { timeout: 20_000 }).toContain(first);
        known.add(first ?? "");
      }
      expect(known.size).toBe(3);
    },
  );

  test.skipIf(!existsSync(CHROMIUM))(
    "Chromium has one, although it shuffles extensions and adds GREASE each time",
    { timeout: 90_000 },
    async () => {
      const prints: string[] = [];
      for (let count = 0; count < 2; count++) {
        const before = events.length;
        await browse(worker.httpsPort);
        prints.push(printOf(events[before]));
      }
      const [first = ""] = prints;
      expect(first).toMatch(/^t13d\d{4}h2_/);
      expect(prints).toEqual([first, first]);
      const judged = judge.prints().length;
      await browse(judge.port);
      await expect.poll(() => judge.prints().slice(judged), { timeout: 20_000 }).toContain(first);
    },
  );
});

/** Opens one page in a browser without a past; an empty answer is no fault here. */
async function browse(port: number): Promise<void> {
  const args = ["--no-sandbox", "--host-resolver-rules=MAP a.test 127.0.0.1"];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  try {
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    await page.goto(`https://a.test:${port}/`).catch(() => {});
  } finally {
    await browser.close();
  }
}

describe("how a connection is taken", () => {
  test.skipIf(!hasProgram("curl", "--version"))(
    "the TLS library reads the socket itself: no stream of JavaScript stands between",
    async () => {
      const made: string[] = [];
      const hook = createHook({ init: (_id, type) => made.push(type) }).enable();
      await curl()(worker.httpsPort);
      hook.disable();
      await eventually(() => events.length === 1);
      expect(made.filter((type) => type === "TLSWRAP")).toHaveLength(1);
      expect(made).not.toContain("JSSTREAM");
    },
  );

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "a session of %s is resumed, and its hello has one extension more in TLS 1.3",
    async (version) => {
      let session: Buffer | undefined;
      const onSocket = (socket: TLSSocket) => {
        socket.on("session", (ticket: Buffer) => {
          session = ticket;
        });
      };
      const only = { minVersion: version, maxVersion: version };
      expect(statusOf(await ask({ ...only, onSocket }))).toBe(200);
      const first = lastPrint();
      await eventually(() => session !== undefined);
      let isReused = false;
      const onReuse = (socket: TLSSocket) => {
        socket.on("secureConnect", () => {
          isReused = socket.isSessionReused();
        });
      };
      const again = session === undefined ? only : { ...only, session };
      expect(statusOf(await ask({ ...again, onSocket: onReuse }))).toBe(200);
      expect(isReused).toBe(true);
      const countOf = (print: string) => Number(print.slice(6, 8));
      const more = version === "TLSv1.3" ? 1 : 0;
      expect(countOf(lastPrint())).toBe(countOf(first) + more);
      expect(lastPrint() === first).toBe(more === 0);
    },
  );

  test("every stream of an HTTP/2 session has the fingerprint of its connection", async () => {
    const ca = files.read("root.pem");
    const session = connectHttp2(`https://127.0.0.1:${worker.httpsPort}`, {
      ca,
      servername: "a.test",
    });
    for (let count = 0; count < 3; count++) {
      const stream = session.request({ ":path": "/", ":authority": "a.test" });
      stream.resume().end();
      await new Promise((resolve) => stream.on("close", resolve));
    }
    session.close();
    await eventually(() => events.length === 3);
    expect(new Set(events.map(printOf))).toEqual(new Set([lastPrint()]));
    expect(lastPrint()).toMatch(/^t13d\d{4}h2_/);
    expect(events.map(({ http_request: { version } }) => version)).toContain("HTTP/2.0");
  });

  test("a site that asks for certificates of clients, and a PROXY header before the hello", async () => {
    expect(statusOf(await ask())).toBe(200);
    const known = lastPrint();
    const delivery: SiteDelivery = {
      tls: {
        ...tlsDefaults,
        clientCertificates: "required",
        clientAuthoritiesPem: files.read("root.pem"),
      },
      protocol: { ...protocolDefaults, proxyProtocolFrom: ["127.0.0.1"] },
    };
    serve({}, { siteId: "site-m", domains: ["m.test"], delivery });
    const socket = connectSocket(worker.httpsPort, "127.0.0.1");
    socket.write("PROXY TCP4 203.0.113.7 127.0.0.1 12345 443\r\n");
    const { certificatePem: cert, privateKeyPem: key } = owner;
    const send = get().replace("a.test", "m.test");
    const answer = await ask({ socket, servername: "m.test", cert, key, send });
    expect(statusOf(answer)).toBe(200);
    expect(events.at(-1)?.src_endpoint.ip).toBe("203.0.113.7");
    expect(lastPrint()).toBe(known);
  });

  test("in clear text there is none, whatever the connection before it had", async () => {
    expect(statusOf(await ask())).toBe(200);
    expect(lastPrint()).toMatch(FORM);
    expect(statusOf(await exchangeRaw(worker.httpPort, get()))).toBe(200);
    expect(events.at(-1)).not.toHaveProperty("ja4_fingerprint_list");
  });
});

describe("what a site's policy asks of it", () => {
  const other = { ALPNProtocols: ["http/1.1"] };

  test("a rule meets the clients on its list, by the whole or a part, and nobody else", async () => {
    await ask();
    const known = lastPrint();
    await ask(other);
    expect(lastPrint()).not.toBe(known);
    blockWhen({ field: "ja4", operator: "equals", values: ["t13d", known] });
    expect(statusOf(await ask())).toBe(403);
    expect(lastPrint()).toBe(known);
    expect(statusOf(await ask(other))).toBe(200);
    expect(statusOf(await exchangeRaw(worker.httpPort, get()))).toBe(200);
    // The last two parts do not depend on name and protocol: one software, however it asks.
    const parts = known.slice(10);
    blockWhen({ field: "ja4", operator: "endsWith", values: [parts] });
    expect(statusOf(await ask())).toBe(403);
    expect(statusOf(await ask({ maxVersion: "TLSv1.2" }))).toBe(200);
    blockWhen({ not: { field: "ja4", operator: "exists" } });
    expect(statusOf(await ask())).toBe(200);
    expect(statusOf(await exchangeRaw(worker.httpPort, get()))).toBe(403);
  });

  test("a limit by it counts one software from all its addresses, and clear text by address", async () => {
    const limit: RateLimit = {
      keys: [{ by: "ja4" }],
      requestsMax: 3,
      windowSeconds: 600,
      banSeconds: 0,
      banSecondsMax: 0,
      exceeded: "refuse",
    };
    const rule = ruleOf({ action: { kind: "rateLimit", limit } });
    serveRule(rule, { trustedProxies: ["127.0.0.1"] });
    const from = (host: number) => get(`X-Forwarded-For: 203.0.113.${host}\r\n`);
    for (let host = 1; host <= 3; host++) {
      expect(statusOf(await ask({ send: from(host) }))).toBe(200);
    }
    expect(statusOf(await ask({ send: from(4) }))).toBe(429);
    expect(statusOf(await ask({ ...other, send: from(4) }))).toBe(200);
    for (let count = 0; count < 3; count++) {
      expect(statusOf(await exchangeRaw(worker.httpPort, from(5)))).toBe(200);
    }
    expect(statusOf(await exchangeRaw(worker.httpPort, from(5)))).toBe(429);
    expect(statusOf(await exchangeRaw(worker.httpPort, from(6)))).toBe(200);
  });
});
