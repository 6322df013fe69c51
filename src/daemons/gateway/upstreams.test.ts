import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import {
  type SiteDelivery,
  type UpstreamSettings,
  upstreamDefaults,
} from "../../kernel/intent/site-delivery.ts";
import { readIntent } from "./intent.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";
import type { UpstreamEvent } from "./upstream-event.ts";
import type { GatewayWorker } from "./worker.ts";

type Origin = Awaited<ReturnType<typeof startOrigin>>;
const files = certificateFolder();
const served = files.issue("up", ["up.test", "localhost"]);
const client = files.issue("gateway", ["gateway.test"]);
const origins: Origin[] = [];
let worker: GatewayWorker;
let upstreamEvents: UpstreamEvent[];
let status = 200;
let secure: HttpsServer | undefined;

beforeEach(async () => {
  status = 200;
  for (const name of ["one", "two", "three"]) {
    origins.push(
      await startOrigin((request, response) => {
        response.statusCode = name === "one" ? status : 200;
        response.end(request.url === "/up" ? "ok" : name);
      }),
    );
  }
  ({ worker, upstreamEvents } = await startTestWorker({ limits: { sweepMs: 10 } }));
});
afterEach(async () => {
  await worker.close(50);
  await Promise.all(origins.splice(0).map((origin) => origin.close()));
  secure?.closeAllConnections();
  await new Promise<void>((resolve) =>
    secure === undefined ? resolve() : secure.close(() => resolve()),
  );
  secure = undefined;
});
afterAll(() => files.remove());

const urls = () => origins.map(({ url }) => url);
function apply(changes: Partial<UpstreamSettings>, more: SiteDelivery = {}, upstreams = urls()) {
  const upstream = { ...upstreamDefaults, ...changes };
  worker.apply(intentOf([siteFor(upstreams, { delivery: { ...more, upstream } })]));
}
const ask = (more = "") =>
  exchangeRaw(
    worker.httpPort,
    `GET / HTTP/1.1\r\nHost: a.test\r\n${more}Connection: close\r\n\r\n`,
  );
async function names(count: number): Promise<string[]> {
  const found: string[] = [];
  for (let at = 0; at < count; at++) found.push((await ask()).split("\r\n\r\n")[1] ?? "");
  return found;
}
const shares = (found: string[]) =>
  ["one", "two", "three"].map((name) => found.filter((one) => one === name).length);
const stateOf = (at: number) =>
  worker.status().upstreams.find(({ upstream }) => upstream === urls()[at])?.state;

describe("sharing out", () => {
  test("requests follow the weights, evenly spread; weight 0 gets none", async () => {
    const [one, two] = urls();
    apply({ weights: [`${one}=3`, `${two}=0`] });
    const found = await names(8);
    expect(shares(found)).toEqual([6, 0, 2]);
    expect(found.slice(0, 4)).toContain("three");
    expect(stateOf(1)).toBe("drained");
  });

  test("a cookie keeps a client on its upstream until that is gone", async () => {
    apply({ stickyCookie: "route" });
    const first = await ask();
    const cookie = /Set-Cookie: (route=[0-9a-f]{16}); Path=\/; HttpOnly; SameSite=Lax\r/.exec(
      first,
    );
    const name = first.split("\r\n\r\n")[1];
    for (let at = 0; at < 4; at++) {
      const again = await ask(`Cookie: x=1; ${cookie?.[1]}\r\n`);
      expect(again.split("\r\n\r\n")[1]).toBe(name);
      expect(again).not.toContain("Set-Cookie");
    }
    await origins[["one", "two", "three"].indexOf(name ?? "")]?.close();
    expect(await ask(`Cookie: ${cookie?.[1]}\r\n`)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*Set-Cookie: route=/,
    );
    expect(await ask("Cookie: route=forged\r\n")).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("health", () => {
  test("an upstream that fails its checks gets no request, and some again once it is well", async () => {
    apply({
      healthPath: "/up",
      healthIntervalSeconds: 1,
      unhealthyThreshold: 1,
      healthyThreshold: 1,
    });
    status = 500;
    await expect.poll(() => stateOf(0), { timeout: 4_000 }).toBe("down");
    expect(shares(await names(6))[0]).toBe(0);
    expect(upstreamEvents[0]).toMatchObject({
      activity_name: "Fail",
      status_detail: "upstream:down",
    });
    expect(worker.status().upstreams[0]?.stateReason).toBe("/up gave 500");
    status = 200;
    await expect.poll(() => stateOf(0), { timeout: 4_000 }).toBe("up");
    expect(upstreamEvents[1]).toMatchObject({
      activity_name: "Open",
      cloud: { account: { uid: "acct-a" } },
    });
    expect(shares(await names(6))[0]).toBe(2);
  });

  test("failed requests in a row eject an upstream for its time; the others serve meanwhile", async () => {
    apply({ ejectAfterFailures: 2, ejectSeconds: 60 });
    status = 503;
    const found = await Promise.all([1, 2, 3, 4, 5, 6].map(() => ask()));
    expect(found.filter((text) => text.startsWith("HTTP/1.1 503"))).toHaveLength(2);
    expect(stateOf(0)).toBe("ejected");
    expect(shares(await names(6))).toEqual([0, 3, 3]);
    expect(upstreamEvents.map(({ status_detail }) => status_detail)).toEqual(["upstream:ejected"]);
  });

  test("when every upstream is ejected they are used all the same", async () => {
    apply({ ejectAfterFailures: 1, ejectSeconds: 60 }, {}, urls().slice(0, 1));
    status = 503;
    await ask();
    status = 200;
    expect(await ask()).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("a connection that is refused leads to the next upstream, for any method", async () => {
    await origins[0]?.close();
    apply({});
    const post =
      "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
    for (let at = 0; at < 3; at++) {
      expect(await exchangeRaw(worker.httpPort, post)).toMatch(/^HTTP\/1\.1 200 /);
    }
  });

  test("a request beyond the connections of its upstream is refused, and ejects nothing", async () => {
    const held: (() => void)[] = [];
    const slow = await startOrigin((_request, response) => held.push(() => response.end("slow")));
    origins.push(slow);
    apply({ connectionsMax: 1, ejectAfterFailures: 1 }, {}, [slow.url]);
    const first = ask();
    await eventually(() => held.length === 1);
    expect(await ask()).toMatch(/^HTTP\/1\.1 503 /);
    held[0]?.();
    expect(await first).toMatch(/slow$/);
    expect(worker.status().upstreams[0]?.state).toBe("up");
  });
});

describe("TLS towards upstreams", () => {
  let shown = "";
  async function startSecure(options: object = {}): Promise<string> {
    const made = createHttpsServer(
      { cert: served.certificatePem, key: served.privateKeyPem, ...options },
      (request, response) => {
        shown = String((request.socket as TLSSocket).getPeerCertificate().subject?.CN);
        response.end("secure");
      },
    );
    secure = made;
    await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
    return `https://127.0.0.1:${(made.address() as AddressInfo).port}`;
  }
  const trusting = () => ({ authoritiesPem: files.read("root.pem"), serverName: "up.test" });

  test("an upstream is verified by authority and name, and refused by default", async () => {
    const url = await startSecure();
    worker.apply(intentOf([siteFor([url])]));
    expect(await ask()).toMatch(/^HTTP\/1\.1 502 /);
    apply({ authoritiesPem: files.read("root.pem"), serverName: "other.test" }, {}, [url]);
    expect(await ask()).toMatch(/^HTTP\/1\.1 502 /);
    apply(trusting(), {}, [url]);
    expect(await ask()).toMatch(/secure$/);
    apply({ verifyCertificate: false }, {}, [url]);
    expect(await ask()).toMatch(/secure$/);
  });

  test("the gateway shows its own certificate to an upstream that asks for one", async () => {
    const url = await startSecure({ requestCert: true, ca: files.read("root.pem") });
    apply(trusting(), {}, [url]);
    expect(await ask()).toMatch(/^HTTP\/1\.1 502 /);
    apply(trusting(), { upstreamIdentity: client }, [url]);
    expect(await ask()).toMatch(/secure$/);
    expect(shown).toBe("gateway");
  });

  test("what cannot be used is a fault of its site", () => {
    const upstream = { ...upstreamDefaults, authoritiesPem: "-----BEGIN CERTIFICATE-----\nx" };
    const gone = { certificatePem: "", privateKeyPem: "" };
    const delivery = { upstream, upstreamIdentity: gone };
    const { faults } = readIntent(intentOf([siteFor(["http://127.0.0.1:1"], { delivery })]));
    expect(faults.map(({ path, siteId }) => [siteId, path])).toEqual([
      ["site-a", "/sites/0/delivery/upstream/authoritiesPem"],
      ["site-a", "/sites/0/delivery/upstreamIdentity"],
    ]);
  });
});
