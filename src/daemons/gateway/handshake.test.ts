import { connect as connectSocket } from "node:net";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { certificateFolder } from "../../../test/certificate-files.ts";
import { freePorts } from "../../../test/stack.ts";
import {
  type ProtocolSettings,
  protocolDefaults,
  type SiteDelivery,
  type TlsSettings,
  tlsDefaults,
} from "../../kernel/intent/site-delivery.ts";
import type { GatewayEvent } from "./event.ts";
import {
  eventually,
  exchangeRaw,
  intentOf,
  rawClient,
  siteFor,
  startOrigin,
  startTestWorker,
} from "./test-kit.ts";
import type { GatewayWorker } from "./worker.ts";

const files = certificateFolder();
const pair = files.issue("a", ["a.test", "b.test", "m.test"]);
const client = files.issue("Ann", ["ann.test"]);
const strangers = certificateFolder();
const stranger = strangers.issue("Eve", ["eve.test"]);
let origin: Awaited<ReturnType<typeof startOrigin>>;
let worker: GatewayWorker;
let events: GatewayEvent[];
let fields: string[] = [];

beforeAll(async () => {
  origin = await startOrigin((request, response) => {
    fields = request.rawHeaders;
    response.setHeader("Strict-Transport-Security", "max-age=1");
    response.end("hello");
  });
});
afterAll(async () => {
  await origin.close();
  files.remove();
  strangers.remove();
});
beforeEach(async () => {
  ({ worker, events } = await startTestWorker());
});
afterEach(() => worker.close(50));

const siteNamed = (name: string, delivery?: SiteDelivery) =>
  siteFor([origin.url], {
    siteId: `site-${name}`,
    domains: [`${name}.test`],
    ...pair,
    ...(delivery === undefined ? {} : { delivery }),
  });
const tls = (changes: Partial<TlsSettings>) => ({ tls: { ...tlsDefaults, ...changes } });
const protocol = (changes: Partial<ProtocolSettings>) => ({
  protocol: { ...protocolDefaults, ...changes },
});
const mutual = (mode: "optional" | "required") =>
  tls({ clientCertificates: mode, clientAuthoritiesPem: files.read("root.pem") });
const get = (host: string, more = "") =>
  `GET / HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;

/** The answer over TLS, or the reason why there was none. */
function ask(
  servername: string,
  options: ConnectionOptions & { host?: string; send?: string } = {},
) {
  const { send = get(servername), ...rest } = options;
  return new Promise<string>((resolve) => {
    let text = "";
    const socket: TLSSocket = connectTls(
      {
        port: worker.httpsPort,
        ca: files.read("root.pem"),
        servername,
        host: "127.0.0.1",
        ...rest,
      },
      () => socket.write(send, "latin1"),
    );
    socket.on("data", (piece: Buffer) => {
      text += piece.toString("latin1");
    });
    socket.on("error", (error) => {
      text ||= `failed: ${error.message}`;
    });
    socket.on("close", () => resolve(text));
  });
}
const header = (name: string) => fields[fields.indexOf(name) + 1];

describe("TLS of a site", () => {
  test("versions are those of the site asked for, and other sites keep theirs", async () => {
    const modern = tls({ minimumVersion: "TLSv1.3", cipherPolicy: "modern" });
    worker.apply(intentOf([siteNamed("a", modern), siteNamed("b")]));
    expect(await ask("a.test", { maxVersion: "TLSv1.2" })).toMatch(/^failed: /);
    expect(await ask("a.test")).toMatch(/^HTTP\/1\.1 200 /);
    expect(await ask("b.test", { maxVersion: "TLSv1.2" })).toMatch(/^HTTP\/1\.1 200 /);
    worker.apply(intentOf([siteNamed("a", tls({ maximumVersion: "TLSv1.2" })), siteNamed("b")]));
    expect(await ask("a.test", { minVersion: "TLSv1.3" })).toMatch(/^failed: /);
    expect(await ask("a.test", { maxVersion: "TLSv1.2" })).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("ciphers outside the guidelines are refused for every site", async () => {
    worker.apply(intentOf([siteNamed("a")]));
    const weak = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" } as const;
    expect(await ask("a.test", weak)).toMatch(/^failed: /);
  });

  test("HSTS replaces the upstream's on HTTPS, and is not sent in clear text", async () => {
    const hsts = tls({ hstsMaxAgeSeconds: 600, hstsIncludeSubdomains: true });
    worker.apply(intentOf([siteNamed("a", hsts)]));
    const answer = await ask("a.test");
    expect(answer.match(/strict-transport-security: .*/gi)).toEqual([
      "Strict-Transport-Security: max-age=600; includeSubDomains",
    ]);
    expect(await exchangeRaw(worker.httpPort, get("a.test"))).not.toContain("includeSubDomains");
  });
});

describe("certificates of clients", () => {
  const own = { cert: client.certificatePem, key: client.privateKeyPem };
  const foreign = { cert: stranger.certificatePem, key: stranger.privateKeyPem };
  const forged =
    "X-Client-Certificate-Subject: CN=root\r\nX_Client-Certificate_Verify: SUCCESS\r\n";

  test("required: only a certificate of the site's authorities gets in, and its subject is told", async () => {
    worker.apply(intentOf([siteNamed("m", mutual("required"))]));
    expect(await ask("m.test")).not.toMatch(/200/);
    expect(await ask("m.test", foreign)).not.toMatch(/200/);
    expect(await ask("m.test", { ...own, send: get("m.test", forged) })).toMatch(/ 200 /);
    expect(header("X-Client-Certificate-Subject")).toBe("CN=Ann");
    expect(fields.filter((name) => /certificate.subject$/i.test(name))).toHaveLength(1);
    expect(fields.filter((name) => /certificate.verify$/i.test(name))).toHaveLength(1);
  });

  test("required: neither another site's handshake nor clear text leads to the site", async () => {
    worker.apply(intentOf([siteNamed("m", mutual("required")), siteNamed("b")]));
    expect(await ask("b.test", { send: get("m.test") })).toMatch(/^HTTP\/1\.1 421 /);
    expect(events.at(-1)?.status_detail).toBe("hostOfAnotherHandshake");
    expect(await exchangeRaw(worker.httpPort, get("m.test"))).toMatch(/^HTTP\/1\.1 403 /);
    // And the other way: what was shown for one site is not told to another.
    expect(await ask("m.test", { ...own, send: get("b.test") })).toMatch(/^HTTP\/1\.1 421 /);
  });

  test("optional: without one the upstream is told so, and a strange one is refused", async () => {
    worker.apply(intentOf([siteNamed("m", mutual("optional"))]));
    expect(await ask("m.test", { send: get("m.test", forged) })).toMatch(/ 200 /);
    expect(header("X-Client-Certificate-Verify")).toBe("NONE");
    expect(fields).not.toContain("X-Client-Certificate-Subject");
    expect(await ask("m.test", foreign)).toMatch(/^HTTP\/1\.1 403 /);
    expect(await ask("m.test", own)).toMatch(/ 200 /);
    expect(header("X-Client-Certificate-Fingerprint")).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("ports, PROXY headers and addresses", () => {
  test("a port of a site serves that site only, and is closed when it is taken away", async () => {
    const [plain = 0, secure = 0] = await freePorts(2);
    const ports = protocol({ httpPorts: [plain], httpsPorts: [secure] });
    worker.apply(intentOf([siteNamed("a", ports), siteNamed("b")]));
    const answer = async (host: string) => (await exchangeRaw(plain, get(host))).slice(9, 12);
    await expect.poll(() => answer("a.test")).toBe("200");
    expect(await answer("b.test")).toBe("404");
    expect(await ask("a.test", { port: secure })).toMatch(/ 200 /);
    expect(await ask("b.test", { port: secure })).toMatch(/ 404 /);
    worker.apply(intentOf([siteNamed("a"), siteNamed("b")]));
    await expect.poll(() => answer("a.test")).toBe("");
  });

  test("a port that is taken already is told, and everything else goes on", async () => {
    const port = origin.port;
    worker.apply(intentOf([siteNamed("a", protocol({ httpPorts: [port] }))]));
    await eventually(() => worker.status().troubles.some((text) => text.includes(String(port))));
    expect(await exchangeRaw(worker.httpPort, get("a.test"))).toMatch(/ 200 /);
  });

  const v2 = Buffer.concat([
    Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1"),
    Buffer.from([0x21, 0x11, 0, 12, 203, 0, 113, 7, 127, 0, 0, 1, 0x30, 0x39, 0, 80]),
  ]).toString("latin1");

  test("PROXY headers of a named balancer tell the client's address, in clear text and before TLS", async () => {
    worker.apply(
      intentOf([
        siteNamed("a", protocol({ proxyProtocolFrom: ["127.0.0.0/8"], forwardedHeader: true })),
      ]),
    );
    const lines = ["PROXY TCP4 203.0.113.7 127.0.0.1 12345 80\r\n", v2];
    for (const line of lines) {
      expect(await exchangeRaw(worker.httpPort, line + get("a.test"))).toMatch(/ 200 /);
      expect(events.at(-1)?.src_endpoint).toEqual({ ip: "203.0.113.7", port: 12_345 });
      expect(header("X-Forwarded-For")).toBe("203.0.113.7");
      expect(header("Forwarded")).toBe("for=203.0.113.7;host=a.test;proto=http");
      const raw = connectSocket(worker.httpsPort, "127.0.0.1");
      raw.write(line, "latin1");
      expect(await ask("a.test", { socket: raw })).toMatch(/ 200 /);
      expect(events.at(-1)?.src_endpoint.ip).toBe("203.0.113.7");
    }
    // In pieces, as a slow network brings it.
    const slow = rawClient(worker.httpPort);
    slow.socket.setNoDelay(true);
    for (const char of `PROXY TCP6 2001:db8::1 ::1 1 80\r\n${get("a.test")}`) {
      slow.send(char);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await slow.closed).toMatch(/ 200 /);
    expect(header("Forwarded")).toBe('for="[2001:db8::1]";host=a.test;proto=http');
  });

  test("a header that is missing, broken, or sent by others is never believed", async () => {
    worker.apply(intentOf([siteNamed("a", protocol({ proxyProtocolFrom: ["127.0.0.1"] }))]));
    expect(await exchangeRaw(worker.httpPort, get("a.test"))).toMatch(/^HTTP\/1\.1 400 /);
    expect(events.at(-1)?.status_detail).toBe("proxyHeaderMissing");
    const broken = [
      "PROXY TCP4 203.0.113.7 1 2\r\n",
      "PROXY TCP4 a b 1 2\r\n",
      `${v2.slice(0, 13)}\x11\0\x04abcd`,
    ];
    for (const line of broken) {
      const client = rawClient(worker.httpPort);
      client.send(line + get("a.test"));
      client.socket.end();
      expect(await client.closed, line).not.toMatch(/ 200 /);
    }
    worker.apply(intentOf([siteNamed("a", protocol({ proxyProtocolFrom: ["10.0.0.1"] }))]));
    const line = "PROXY TCP4 203.0.113.7 127.0.0.1 12345 80\r\n";
    expect(await exchangeRaw(worker.httpPort, line + get("a.test"))).toMatch(/^HTTP\/1\.1 400 /);
    expect(events.at(-1)?.src_endpoint.ip).toBe("127.0.0.1");
  });

  test("IPv6: clients and upstreams", async () => {
    await worker.close(50);
    const six = await startOrigin((_request, response) => response.end("six"), 0, "::1");
    ({ worker, events } = await startTestWorker({ host: "::" }));
    worker.apply(intentOf([siteFor([`http://[::1]:${six.port}`])]));
    const client = rawClient(worker.httpPort, connectSocket(worker.httpPort, "::1"));
    client.send(get("a.test"));
    expect(await client.closed).toMatch(/six$/);
    expect(events.at(-1)?.src_endpoint.ip).toBe("::1");
    expect(await exchangeRaw(worker.httpPort, get("a.test"))).toMatch(/six$/);
    expect(events.at(-1)?.src_endpoint.ip).toBe("127.0.0.1");
    await six.close();
  });
});
