/**
 * Cordon's own ACME client, judged by a server nobody here wrote (pebble) over both challenges,
 * against Cordon's own server, through a renewal, and through kill -9 in the middle of orders.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readConfig } from "../src/kernel/config.ts";
import { connectionFor } from "../src/kernel/postgres/connection.ts";
import { certificateFolder, hasProgram } from "./certificate-files.ts";
import { freePorts, type Stack, startStack, until } from "./stack.ts";

const BASE = "/v1/certificates";
/** 1,000 rounds by hand (`CORDON_ORDER_CRASH_ROUNDS=1000`); fewer in the ordinary run. */
const ROUNDS = Number(process.env.CORDON_ORDER_CRASH_ROUNDS ?? "4");
/** A process killed again and again waits before each start, and the machine may be busy. */
const ISSUED_MAX_MS = 180_000;
const here =
  hasProgram("openssl", "version") &&
  hasProgram("pebble-challtestsrv", "-help") &&
  hasProgram("pebble", "-help");

describe.skipIf(!here)("the ACME client (needs openssl and pebble)", () => {
  let stack: Stack;
  let files: ReturnType<typeof certificateFolder>;
  const children: ChildProcess[] = [];
  const servers: { close(): unknown }[] = [];
  let pebbleId = "";
  let ownId = "";
  let management = "";
  let siteId = "";

  beforeAll(async () => {
    files = certificateFolder();
    const [dnsPort = 0, manage = 0] = await freePorts(2);
    management = `http://127.0.0.1:${manage}`;
    const off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
    const ports = ["-dns01", `127.0.0.1:${dnsPort}`, "-management", `127.0.0.1:${manage}`];
    children.push(spawn("pebble-challtestsrv", [...off, ...ports], { stdio: "ignore" }));
    stack = await startStack({
      settings: ({ httpPort }) => ({
        CORDON_ACME_VALIDATION_PORT: String(httpPort),
        CORDON_ACME_RESOLVER: `127.0.0.1:${dnsPort}`,
        CORDON_PRIVATE_TARGETS: "127.0.0.0/8",
      }),
    });
    // Chosen late: another test may take a port that stays free for the start of a whole stack.
    const [pebblePort = 0, pebbleManage = 0] = await freePorts(2);
    startPebble({ pebblePort, pebbleManage, dnsPort });
    await until("pebble listens", () => connects(pebblePort), 30_000);
    pebbleId = await provider("pebble", {
      directoryUrl: `https://localhost:${pebblePort}/dir`,
      trustPem: files.read("root.pem"),
    });
    ownId = await ownProvider();
    const domains = ["www.shop.test", "crash.shop.test"];
    const site = { domains, upstreams: ["http://127.0.0.1:9"], mode: "off" };
    siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  });
  afterAll(async () => {
    for (const child of children) child.kill();
    for (const server of servers) server.close();
    await stack?.stop();
    files?.remove();
  });

  function startPebble(ports: { pebblePort: number; pebbleManage: number; dnsPort: number }) {
    files.issue("pebble", ["localhost"]);
    const config = {
      pebble: {
        listenAddress: `127.0.0.1:${ports.pebblePort}`,
        managementListenAddress: `127.0.0.1:${ports.pebbleManage}`,
        certificate: join(files.folder, "pebble.pem"),
        privateKey: join(files.folder, "pebble.key"),
        httpPort: stack.httpPort,
        tlsPort: 9,
        ocspResponderURL: "",
        externalAccountBindingRequired: false,
      },
    };
    writeFileSync(join(files.folder, "pebble.json"), JSON.stringify(config));
    const args = ["-config", "pebble.json", "-dnsserver", `127.0.0.1:${ports.dnsPort}`];
    const env = { ...process.env, PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "20" };
    children.push(spawn("pebble", args, { cwd: files.folder, env, stdio: "ignore" }));
  }

  async function provider(name: string, given: object): Promise<string> {
    const body = { name, contacts: ["ops@shop.test"], ...given };
    return (await stack.api("POST", `${BASE}/acmeProviders`, body)).result.acmeProviderId;
  }

  /** Cordon's own server as a provider, with an external account. */
  async function ownProvider(): Promise<string> {
    const { result: authority } = await stack.api("POST", `${BASE}/authorities`, { name: "Own" });
    const { result: policy } = await stack.api("POST", `${BASE}/issuancePolicies`, {
      ...{ name: "own", authorityId: authority.authorityId, allowedNames: ["*.shop.test"] },
      lifetimeSeconds: 86_400,
    });
    const { result: key } = await stack.api("POST", `${BASE}/externalAccounts`, {
      ...{ issuancePolicyId: policy.issuancePolicyId, name: "own" },
    });
    return provider("own", {
      directoryUrl: `https://localhost:${stack.consolePort}${policy.directoryPath}`,
      trustPem: readFileSync(join(stack.dataFolder, "keys", "authority.pem"), "utf8"),
      externalKeyId: key.externalAccountId,
      externalHmacKey: key.hmacKey,
    });
  }

  const order = (given: object) => stack.api("POST", `${BASE}/orders`, given);
  const orderOf = async (id: string) => (await stack.api("GET", `${BASE}/orders/${id}`)).result;
  const certificateOf = async (id: string) =>
    (await stack.api("GET", `${BASE}/certificates/${id}`)).result;

  /** Waits until an order is issued; the error says where it stood. */
  async function issued(orderId: string) {
    let last = "";
    await until(
      `order ${orderId} is issued`,
      async () => {
        const { state, stateReason } = await orderOf(orderId);
        last = `${state}: ${stateReason}`;
        return state === "issued";
      },
      ISSUED_MAX_MS,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it is ${last}`);
    });
    return certificateOf((await orderOf(orderId)).certificateId);
  }

  test("pebble issues over HTTP-01 that the gateway answers", { timeout: 120_000 }, async () => {
    const { result } = await order({
      ...{ acmeProviderId: pebbleId, names: ["www.shop.test"], challenge: "http-01" },
    });
    const certificate = await issued(result.orderId);
    expect(certificate.names).toEqual(["www.shop.test"]);
    expect(certificate.issuer).toContain("Pebble Intermediate");
    expect(certificate.renewTime).not.toBeNull();
    expect((await stack.api("GET", `${BASE}/acmeProviders`)).result.acmeProviders).toHaveLength(2);
  });

  /** Tells the test's DNS; the form is pebble-challtestsrv's own. */
  const tellDns = (action: string, host: string, value: string) =>
    fetch(`${management}/${action === "present" ? "set-txt" : "clear-txt"}`, {
      method: "POST",
      body: JSON.stringify({ host: `${host.replace(/\.$/, "")}.`, value }),
    });

  test("pebble issues a wildcard over DNS-01 by a webhook", { timeout: 120_000 }, async () => {
    const seen: string[] = [];
    const hook = createServer(async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(Buffer.from(piece));
      const { action, name, value } = JSON.parse(Buffer.concat(pieces).toString());
      seen.push(`${action} ${name} ${request.headers.authorization}`);
      await tellDns(action, name, value);
      response.end("{}");
    });
    const port = await listening(hook);
    servers.push(hook);
    const { result: dns } = await stack.api("POST", `${BASE}/dnsProviders`, {
      ...{
        name: "hook",
        kind: "webhook",
        url: `http://127.0.0.1:${port}/`,
        secret: "s3cret-token",
      },
      propagationSeconds: 0,
    });
    const { result } = await order({
      ...{ acmeProviderId: pebbleId, names: ["*.wild.test"], challenge: "dns-01" },
      ...{ dnsProviderId: dns.dnsProviderId, keyAlgorithm: "RSA-2048" },
    });
    const certificate = await issued(result.orderId);
    expect(certificate.keyAlgorithm).toBe("RSA-2048");
    await until("the record is taken away", async () => seen.length >= 2);
    const who = "_acme-challenge.wild.test Bearer s3cret-token";
    expect(seen).toEqual([`present ${who}`, `remove ${who}`]);
  });

  test("own server issues over DNS-01 by an update of RFC 2136", { timeout: 120_000 }, async () => {
    const updates: string[] = [];
    const dnsServer = createTcpServer((socket) => {
      socket.once("data", async (bytes: Buffer) => {
        const { action, name, value } = readUpdate(bytes.subarray(2));
        updates.push(`${action} ${name}`);
        await tellDns(action, name, value);
        const answer = Buffer.from([
          0,
          12,
          ...bytes.subarray(2, 4),
          0xa8,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
        ]);
        socket.end(answer);
      });
    });
    await new Promise<void>((resolve) => dnsServer.listen(0, "127.0.0.1", resolve));
    servers.push(dnsServer);
    const bound = dnsServer.address();
    const port = typeof bound === "object" && bound !== null ? bound.port : 0;
    const { result: dns } = await stack.api("POST", `${BASE}/dnsProviders`, {
      ...{ name: "update", kind: "rfc2136", server: `127.0.0.1:${port}`, zone: "shop.test" },
      ...{ keyName: "cordon", secret: "c2VjcmV0IGtleSBmb3IgdGVzdHM=", propagationSeconds: 0 },
    });
    const { result } = await order({
      ...{ acmeProviderId: ownId, names: ["*.shop.test", "shop.shop.test"], challenge: "dns-01" },
      dnsProviderId: dns.dnsProviderId,
    });
    const certificate = await issued(result.orderId);
    expect(certificate.names.toSorted()).toEqual(["*.shop.test", "shop.shop.test"]);
    expect(updates).toContain("present _acme-challenge.shop.test");
  });

  test("a renewal replaces the certificate at its site, and the server is told which", {
    timeout: 120_000,
  }, async () => {
    const names = ["crash.shop.test", "www.shop.test"];
    const startedMs = Date.now();
    const { result } = await order({ acmeProviderId: ownId, names, challenge: "http-01" });
    const before = await issued(result.orderId);
    await stack.api("POST", `${BASE}/bindings`, { siteId, certificateId: before.certificateId });
    const binding = async () => (await stack.api("GET", `${BASE}/bindings/${siteId}`)).result;
    await until("it is served", async () => (await binding()).state === "served");
    process.stdout.write(`issued, deployed and verified in ${Date.now() - startedMs} ms\n`);
    const client = new pg.Client({ ...connectionFor(readConfig(stack.env)) });
    await client.connect();
    await client.query(
      `update certificate set renew_time = now(), window_check_time = now() + interval '1 day'
       where certificate_id = $1`,
      [before.certificateId],
    );
    await until(
      "renewed",
      async () => (await certificateOf(before.certificateId)).replacedBy,
      60_000,
    );
    const { replacedBy } = await certificateOf(before.certificateId);
    await until("the new one is served", async () => {
      const { state, certificateId } = await binding();
      return state === "served" && certificateId === replacedBy;
    });
    const { rows } = await client.query(
      "select replaced from issued_certificate where serial_number = $1",
      [before.serialNumber],
    );
    await client.end();
    expect(rows).toEqual([{ replaced: true }]);
  });

  test("a name of nobody's site, or a wildcard, is not ordered over HTTP-01", async () => {
    for (const name of ["victim.test", "*.shop.test"]) {
      const { error } = await order({
        ...{ acmeProviderId: pebbleId, names: [name], challenge: "http-01" },
      });
      expect(error?.reason).toBe("certificates.challengeImpossible");
    }
  });

  test("a provider at an address that is not public is refused with its reason", async () => {
    const away = await provider("away", { directoryUrl: "https://10.0.0.1/dir" });
    const { result } = await order({
      ...{ acmeProviderId: away, names: ["www.shop.test"], challenge: "http-01" },
    });
    await until("waiting", async () => (await orderOf(result.orderId)).state === "waiting");
    expect((await orderOf(result.orderId)).stateReason).toContain("not a public address");
    await stack.api("POST", `${BASE}/orders/${result.orderId}:cancel`, {});
  });

  test("a bound certificate that its authority's list revokes becomes a critical finding", {
    timeout: 120_000,
  }, async () => {
    const server = createServer((_request, response) =>
      response.end(readFileSync(join(files.folder, "list.crl"))),
    );
    servers.push(server);
    const port = await listening(server);
    makeListed(files, `http://127.0.0.1:${port}/list.crl`);
    const uploaded = await stack.api("POST", `${BASE}/certificates`, {
      name: "listed",
      certificatePem: files.read("listed.pem") + files.read("middle.pem"),
      privateKeyPem: files.read("listed.key"),
    });
    const { certificateId } = uploaded.result;
    const domains = ["listed.test"];
    const site = { domains, upstreams: ["http://127.0.0.1:9"], mode: "off" };
    const listed = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
    await stack.api("POST", `${BASE}/bindings`, { siteId: listed, certificateId });
    await until(
      "revoked",
      async () => (await certificateOf(certificateId)).state === "revoked",
      90_000,
    );
    expect((await certificateOf(certificateId)).statusReason).toBe("Its list says it is revoked");
    const { findings } = (await stack.api("GET", `${BASE}/findings`)).result;
    expect(findings).toContainEqual(
      expect.objectContaining({ certificateId, kind: "revoked", severity: "critical" }),
    );
  });

  test(`${ROUNDS} rounds of kill -9 in an order: it is issued once, and its key opens`, {
    timeout: 60_000 + ROUNDS * 70_000,
  }, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const waitMs = Math.floor((1_500 * round) / Math.max(1, ROUNDS - 1)) + 100;
      const names = ["crash.shop.test"];
      const { result } = await order({ acmeProviderId: pebbleId, names, challenge: "http-01" });
      await sleep(waitMs);
      // Every third time it is the process that has the keys.
      process.kill(await stack.pid(round % 3 === 2 ? "keyd" : "server"), "SIGKILL");
      const certificate = await issued(result.orderId);
      const path = `${BASE}/certificates/${certificate.certificateId}:download`;
      const download = await stack.api("POST", path, { server: "nginx" });
      expect(download.code, `killed after ${waitMs} ms`).toBe(200);
      const found = await stack.api("GET", `${BASE}/certificates?text=${certificate.fingerprint}`);
      expect(found.result.totalCount).toBe(1);
    }
  });
});

/** `listed.pem`, issued by `middle.pem`, and the list that revokes it. */
function makeListed(files: ReturnType<typeof certificateFolder>, listUrl: string): void {
  const put = (name: string, text: string) => writeFileSync(join(files.folder, name), text);
  const ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  put("middle.cnf", "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n");
  put("listed.cnf", `subjectAltName=DNS:listed.test\ncrlDistributionPoints=URI:${listUrl}\n`);
  for (const [name, by] of [
    ["middle", "root"],
    ["listed", "middle"],
  ]) {
    files.openssl(`req ${ec} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    const signed = `-CA ${by}.pem -CAkey ${by}.key -days 60 -extfile ${name}.cnf`;
    files.openssl(`x509 -req -in ${name}.csr ${signed} -out ${name}.pem`);
  }
  put("index.txt", "");
  put("number", "01\n");
  const lines = ["[ca]", "default_ca=c", "[c]", "database=index.txt", "crlnumber=number"];
  put("ca.cnf", `${[...lines, "default_md=sha256", "default_crl_days=2"].join("\n")}\n`);
  const by = "-config ca.cnf -keyfile middle.key -cert middle.pem";
  files.openssl(`ca ${by} -revoke listed.pem`);
  files.openssl(`ca ${by} -gencrl -out list.pem`);
  files.openssl("crl -in list.pem -outform DER -out list.crl");
}

/** True when something listens on the port. */
function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

/** Name, value and kind of the one record of an update (RFC 2136 §2). */
function readUpdate(message: Buffer): { action: string; name: string; value: string } {
  const nameAt = (start: number): { name: string; end: number } => {
    const labels: string[] = [];
    let at = start;
    for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
      labels.push(message.subarray(at + 1, at + 1 + length).toString("latin1"));
      at += 1 + length;
    }
    return { name: labels.join("."), end: at + 1 };
  };
  const zone = nameAt(12);
  const record = nameAt(zone.end + 4);
  const recordClass = message.readUInt16BE(record.end + 2);
  const length = message[record.end + 10] ?? 0;
  const value = message.subarray(record.end + 11, record.end + 11 + length).toString("latin1");
  return { action: recordClass === 1 ? "present" : "remove", name: record.name, value };
}
