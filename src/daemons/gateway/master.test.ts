import { execFileSync, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeMmdb } from "../../kernel/geo/mmdb-test-kit.ts";
import { sitePolicyDefaults } from "../../kernel/intent/site-policy-document.ts";
import { packRuleFiles, sha256Of } from "../../kernel/rules/packed.ts";
import type { GatewayIntent } from "./intent.ts";
import { type Master, startMaster } from "./master.ts";
import type { GatewayStatus } from "./messages.ts";
import { eventually, exchangeRaw, intentOf, rawClient, siteFor, startOrigin } from "./test-kit.ts";

let folder: string;
let origin: Awaited<ReturnType<typeof startOrigin>>;
let master: Master | null = null;
let status: GatewayStatus | null = null;
let give: (document: unknown) => void = () => {};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "gateway-"));
  origin = await startOrigin((_request, response) => response.end("from the origin"));
});
afterEach(async () => {
  await master?.stop(50);
  master = null;
  await origin.close();
  await rm(folder, { recursive: true, force: true });
});

async function* given(): AsyncGenerator<unknown> {
  const queue: unknown[] = [];
  let wake = () => {};
  give = (document) => {
    queue.push(document);
    wake();
  };
  for (;;) {
    if (queue.length > 0) yield queue.shift();
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}

async function start(workers = 1): Promise<Master> {
  const started = await startMaster({
    workers,
    host: "127.0.0.1",
    httpPort: 0,
    httpsPort: 0,
    folder: join(folder, "gateway"),
    spoolFolder: join(folder, "spool"),
    recordsFolder: join(folder, "records"),
    intents: given(),
    fetchContent: async (sha256) => contents.get(sha256),
    onStatus: (next) => {
      status = next;
    },
  });
  master = started;
  return started;
}

/** What the control plane would send of rule sets, by digest. */
const contents = new Map<string, Buffer>();

/** A rule set of one rule: requests with this word in their path are refused. */
function setOf(name: string, rules: string): GatewayIntent["rulesets"][number] {
  const packed = packRuleFiles(new Map([["rules/own.conf", rules]]));
  contents.set(sha256Of(packed), packed);
  return { name, folder: "", sha256: sha256Of(packed) };
}
const refusing = (word: string) =>
  `SecRule REQUEST_URI "@contains ${word}" "id:100001,phase:1,deny,status:403,msg:'${word}'"\n`;

async function apply(intent: GatewayIntent): Promise<void> {
  give(intent);
  await eventually(() => status?.runningVersion === intent.version);
}

const request = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
const statusCode = async (port: number) => (await exchangeRaw(port, request)).substring(9, 12);

test("a killed worker comes back with the intent, and the other serves meanwhile", async () => {
  const { httpPort, pids } = await start(2);
  await apply(intentOf([siteFor([origin.url])]));
  const before = pids();
  expect(before).toHaveLength(2);
  process.kill(before[0] ?? 0, "SIGKILL");
  await eventually(() => pids().length === 2 && !pids().includes(before[0] ?? 0));
  await eventually(() => status?.workers.length === 2 && status.runningVersion === 1);
  for (let count = 0; count < 8; count++) expect(await statusCode(httpPort)).toBe("200");
});

test("a worker killed mid-request loses only its own connections", async () => {
  const held: (() => void)[] = [];
  origin.server.removeAllListeners("request");
  origin.server.on("request", (_request, response) => {
    held.push(() => response.end("from the origin"));
  });
  const { httpPort, pids } = await start(2);
  await apply(intentOf([siteFor([origin.url])]));
  const clients = Array.from({ length: 24 }, () => rawClient(httpPort));
  for (const client of clients) client.send(request);
  await eventually(() => held.length === clients.length);
  const connectionsOf = () => status?.workers.map(({ connections }) => connections) ?? [];
  await eventually(() => connectionsOf().reduce((sum, one) => sum + one, 0) === clients.length);
  const [lost = 0, kept = 0] = connectionsOf();
  expect(Math.min(lost, kept)).toBeGreaterThan(0);
  let closed = 0;
  for (const client of clients) void client.closed.then(() => closed++);
  process.kill(pids()[0] ?? 0, "SIGKILL");
  await eventually(() => closed === lost);
  // New clients are served while the rest still wait.
  const late = rawClient(httpPort);
  late.send(request);
  await eventually(() => held.length === clients.length + 1);
  for (const release of held) release();
  const texts = await Promise.all(clients.map((client) => client.closed));
  expect(texts.filter((text) => text.endsWith("from the origin"))).toHaveLength(kept);
  expect(texts.filter((text) => text === "")).toHaveLength(lost);
  expect(await late.closed).toContain("from the origin");
});

test("the last good intent is enforced after a restart without any control plane", async () => {
  await start();
  await apply(intentOf([siteFor([origin.url])], { version: 7 }));
  const kept = join(folder, "gateway", "intent.json");
  expect((await stat(kept)).mode & 0o777).toBe(0o600);
  expect(JSON.parse(await readFile(kept, "utf8"))).toMatchObject({ version: 7 });
  await master?.stop(50);
  const { httpPort } = await start();
  await eventually(() => status?.runningVersion === 7);
  expect(await statusCode(httpPort)).toBe("200");
});

test("a site that cannot be applied keeps its last good settings and shows why; others change", async () => {
  const { httpPort } = await start();
  const other = siteFor([origin.url], { siteId: "site-b", domains: ["b.test"] });
  await apply(intentOf([siteFor([origin.url])]));
  const broken = siteFor([origin.url], { certificatePem: "no certificate" });
  await apply(intentOf([broken, other], { version: 2 }));
  expect(status?.failures).toMatchObject([{ siteId: "site-a" }]);
  expect(await statusCode(httpPort)).toBe("200");
  const forB = request.replace("a.test", "b.test");
  expect(await exchangeRaw(httpPort, forB)).toContain("from the origin");
});

test("a site whose rule set does not compile keeps its last good one and says why; others change", async () => {
  const walnut = setOf("rset-walnut", refusing("walnut"));
  const broken = setOf("rset-broken", '\nSecRule ARGS "@noSuchOperator x" "id:1,pass"\n');
  const guarded = { mode: "block", ruleset: walnut.name } as const;
  let { httpPort } = await start(2);
  const ask = async (host: string, path: string) =>
    (
      await exchangeRaw(
        httpPort,
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
    ).substring(9, 12);
  await apply(intentOf([siteFor([origin.url], guarded)], { rulesets: [walnut] }));
  expect([await ask("a.test", "/walnut"), await ask("a.test", "/")]).toEqual(["403", "200"]);
  // One site follows a broken set, a second is new.
  const faulty = siteFor([origin.url], { ...guarded, ruleset: broken.name });
  const other = siteFor([origin.url], { siteId: "site-b", domains: ["b.test"] });
  await apply(intentOf([faulty, other], { version: 2, rulesets: [broken] }));
  const isTold = () => {
    expect(status?.failures).toMatchObject([{ siteId: "site-a" }]);
    expect(status?.failures[0]?.message).toMatch(/ruleset: own\.conf:2: .*noSuchOperator/);
  };
  isTold();
  expect([await ask("a.test", "/walnut"), await ask("b.test", "/")]).toEqual(["403", "200"]);
  // The control plane is gone and the gateway starts again: from its disk, by the same rules.
  await master?.stop(50);
  ({ httpPort } = await start());
  await eventually(() => status?.runningVersion === 2);
  expect([await ask("a.test", "/walnut"), await ask("a.test", "/")]).toEqual(["403", "200"]);
  // A new site that never had a good set is guarded by the one that is installed.
  const installed = { name: "crs", folder: join(folder, "installed", "rules") };
  await mkdir(installed.folder, { recursive: true });
  await writeFile(join(installed.folder, "own.conf"), refusing("pecan"));
  const fresh = { ...faulty, siteId: "site-c", domains: ["c.test"] };
  const sites = [faulty, other, fresh];
  await apply(intentOf(sites, { version: 3, rulesets: [installed, broken] }));
  expect(status?.failures.map(({ siteId }) => siteId)).toEqual(["site-a", "site-c"]);
  expect([await ask("c.test", "/pecan"), await ask("c.test", "/")]).toEqual(["403", "200"]);
  expect(await ask("a.test", "/walnut")).toBe("403");
  // Mended: the site follows what it is told to.
  const pecan = setOf("rset-pecan", refusing("pecan"));
  const mended = siteFor([origin.url], { ...guarded, ruleset: pecan.name });
  await apply(intentOf([mended, other], { version: 4, rulesets: [pecan] }));
  expect(status?.failures).toEqual([]);
  expect([await ask("a.test", "/pecan"), await ask("a.test", "/walnut")]).toEqual(["403", "200"]);
});

test("rules of a site's own that do not compile leave that site as it was", async () => {
  const { httpPort } = await start();
  await apply(intentOf([siteFor([origin.url])]));
  const policy = { ...sitePolicyDefaults, patches: [], routes: [], rules: [] };
  const own = { ...policy, secLang: 'SecRule ARGS "@oops x" "id:1,pass"' };
  const other = siteFor([origin.url], { siteId: "site-b", domains: ["b.test"] });
  await apply(intentOf([siteFor([origin.url], { policy: own }), other], { version: 2 }));
  expect(status?.failures).toMatchObject([{ siteId: "site-a" }]);
  expect(await statusCode(httpPort)).toBe("200");
  expect(await exchangeRaw(httpPort, request.replace("a.test", "b.test"))).toContain("from the");
});

test("an intent that names a rule set of other bytes is not applied", async () => {
  const { httpPort } = await start();
  await apply(intentOf([siteFor([origin.url])]));
  const { sha256 = "" } = setOf("rset-walnut", refusing("walnut"));
  contents.set(sha256, packRuleFiles(new Map([["rules/own.conf", refusing("other")]])));
  const site = siteFor([origin.url], { mode: "block", ruleset: "rset-walnut" });
  give(intentOf([site], { version: 2, rulesets: [{ name: "rset-walnut", folder: "", sha256 }] }));
  await eventually(() => status?.messages.some((text) => text.includes("other bytes")) === true);
  expect(status?.runningVersion).toBe(1);
  expect(await statusCode(httpPort)).toBe("200");
});

test("a document that is no intent is refused whole and the running one stays", async () => {
  const { httpPort } = await start();
  await apply(intentOf([siteFor([origin.url])]));
  give({ version: 2, sites: "none" });
  await eventually(() => (status?.messages.length ?? 0) > 0);
  expect(status?.runningVersion).toBe(1);
  expect(await statusCode(httpPort)).toBe("200");
});

test("changing the intent under load drops no request", async () => {
  const { httpPort } = await start();
  await apply(intentOf([siteFor([origin.url])]));
  let isDone = false;
  let answered = 0;
  const load = Array.from({ length: 4 }, async () => {
    const client = rawClient(httpPort);
    for (let count = 1; !isDone; count++) {
      client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      const text = await client.until((all) => all.split("from the origin").length > count);
      expect(text).not.toMatch(/HTTP\/1\.1 [^2]/);
      answered++;
    }
    client.socket.destroy();
  });
  for (let version = 2; version < 30; version++) {
    give(intentOf([siteFor([origin.url])], { version }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await eventually(() => status?.runningVersion === 29);
  isDone = true;
  await Promise.all(load);
  expect(answered).toBeGreaterThan(4);
});

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;

/** A self-signed certificate for one name. */
function selfSigned(name: string): { certificatePem: string; privateKeyPem: string } {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-days", "2"];
  const options = ["req", "-x509", ...curve, ...subject, "-keyout", "-", "-out", "-"];
  const text = execFileSync("openssl", options, { encoding: "utf8", stdio: "pipe" });
  const at = text.indexOf("-----BEGIN CERTIFICATE");
  return { privateKeyPem: text.slice(0, at), certificatePem: text.slice(at) };
}

test.skipIf(!hasOpenssl)(
  "each site gets its own certificate by SNI, never one of another",
  async () => {
    const certificates: string[] = [];
    const siteOf = (name: string, accountId: string) => {
      const { certificatePem, privateKeyPem } = selfSigned(`${name}.test`);
      certificates.push(certificatePem);
      const domains = [`${name}.test`];
      return siteFor([origin.url], {
        siteId: `site-${name}`,
        accountId,
        domains,
        certificatePem,
        privateKeyPem,
      });
    };
    const { httpsPort, httpPort } = await start();
    const plain = siteFor([origin.url], {
      siteId: "site-p",
      domains: ["p.test"],
      redirectToHttps: true,
    });
    const sites = [siteOf("a", "acct-a"), siteOf("b", "acct-b"), plain];
    await apply(intentOf(sites));
    const ask = async (servername: string, host: string) => {
      const socket = connectTls({
        port: httpsPort,
        host: "127.0.0.1",
        servername,
        ca: certificates,
      });
      const client = rawClient(httpsPort, socket);
      client.send(request.replace("a.test", host));
      return client.closed;
    };
    expect(await ask("a.test", "a.test")).toContain("from the origin");
    expect(await ask("b.test", "b.test")).toContain("from the origin");
    expect(await ask("a.test", "b.test")).toMatch(/^HTTP\/1\.1 421 /);
    expect(await ask("c.test", "a.test")).toBe("");
    const redirected = await exchangeRaw(httpPort, request.replace("a.test", "p.test"));
    expect(redirected).toMatch(/^HTTP\/1\.1 308 /);
    expect(redirected).toContain(`Location: https://p.test:${httpsPort}/\r\n`);
  },
);

/** A database in which the loopback address is of a country. */
function geoOf(code: string, raw = databaseOf(code)) {
  const content = gzipSync(raw);
  contents.set(sha256Of(content), content);
  return { kind: "country", sha256: sha256Of(raw), contentSha256: sha256Of(content) } as const;
}
const databaseOf = (code: string) =>
  writeMmdb("Test-Country", { "127.0.0.0/8": { country: { iso_code: code } } });

/** A site that is closed to a country. */
function closedTo(...countries: string[]) {
  const settings = sitePolicyDefaults;
  const geo = { ...settings.geo, mode: "blockThese" as const, countries };
  const policy = { ...settings, geo, routes: [], rules: [], patches: [] };
  return siteFor([origin.url], { mode: "block", policy });
}

test("an imported database counts from the next request on, also before one put there by hand", async () => {
  await mkdir(join(folder, "gateway", "geo"), { recursive: true });
  await writeFile(join(folder, "gateway", "geo", "country.mmdb"), databaseOf("FR"));
  const { httpPort } = await start();
  await apply(intentOf([closedTo("FR")]));
  expect(await statusCode(httpPort)).toBe("403");
  const [de, cn] = [geoOf("DE"), geoOf("CN")];
  await apply(intentOf([closedTo("DE")], { version: 2, geoDatabases: [de] }));
  expect(await statusCode(httpPort)).toBe("403");
  const used = () => status?.geoDatabases[0];
  expect(used()).toEqual({ kind: "country", sha256: de.sha256, fault: "" });
  await apply(intentOf([closedTo("DE")], { version: 3, geoDatabases: [cn] }));
  expect(await statusCode(httpPort)).toBe("200");
  // What is on the disk is enough after a restart, and what nobody names is gone from it.
  await master?.stop(50);
  const again = await start();
  await eventually(() => used()?.sha256 === cn.sha256);
  await apply(intentOf([closedTo("CN")], { version: 4, geoDatabases: [cn] }));
  expect(await statusCode(again.httpPort)).toBe("403");
  expect(await readdir(join(folder, "gateway", "geo-imported"))).toEqual([`${cn.sha256}.mmdb`]);
  // Without an imported one, that of the folder counts again.
  await apply(intentOf([closedTo("FR")], { version: 5 }));
  expect(await statusCode(again.httpPort)).toBe("403");
});

test("a database that does not open changes nothing but what is told of it; other changes go on", async () => {
  const { httpPort } = await start();
  const sound = geoOf("DE");
  await apply(intentOf([closedTo("DE")], { geoDatabases: [sound] }));
  const broken = geoOf("CN", Buffer.from("no database"));
  const other = siteFor([origin.url], { siteId: "site-b", domains: ["b.test"] });
  await apply(intentOf([closedTo("DE"), other], { version: 2, geoDatabases: [broken] }));
  expect(await statusCode(httpPort)).toBe("403");
  expect(await exchangeRaw(httpPort, request.replace("a.test", "b.test"))).toContain("origin");
  const { geoDatabases = [], messages = [] } = status ?? {};
  expect(geoDatabases[0]).toMatchObject({
    sha256: sound.sha256,
    fault: expect.stringContaining("another format"),
  });
  expect(messages.join()).toContain("Database of kind country: It does not end as");
});

test("bytes that are not those of the digest are never kept", async () => {
  await start();
  const wanted = geoOf("DE");
  contents.set(wanted.contentSha256, gzipSync(databaseOf("FR")));
  give(intentOf([closedTo("DE")], { geoDatabases: [wanted] }));
  await eventually(() => status?.messages.join().includes("came with other bytes") === true);
  expect(await readdir(join(folder, "gateway", "geo-imported")).catch(() => [])).toEqual([]);
});
