/** Countries through the whole program: imported, in force without a restart, kept when killed. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programFolder } from "../src/kernel/config.ts";
import { writeMmdb } from "../src/kernel/geo/mmdb-test-kit.ts";
import { command, type Stack, startStack, until } from "./stack.ts";

const HOST = "countries.localhost";
const folder = mkdtempSync(join(tmpdir(), "cordon-countries-"));
const upstream = http.createServer((_request, response) => response.end("ok"));
let stack: Stack;
let siteId = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  stack = await startStack();
  const { port } = upstream.address() as AddressInfo;
  const site = { domains: [HOST], upstreams: [`http://127.0.0.1:${port}`], mode: "block" };
  siteId = (await stack.api("POST", "/v1/waf/sites", site)).result.siteId;
  await until("the site is served", async () => (await stack.site(HOST, "/")).code === 200);
});
afterAll(async () => {
  await stack?.stop();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** In which the loopback address is of a country, and another of as many bytes as wanted. */
function databaseOf(code: string, moreBytes = 0): Buffer {
  const names = Array.from({ length: Math.ceil(moreBytes / 280) }, (_, at) => [
    `10.${at >>> 8}.${at & 255}.0/24`,
    { country: { iso_code: "ZZ" }, more: randomBytes(140).toString("hex") },
  ]);
  return writeMmdb("Test-Country", {
    "127.0.0.0/8": { country: { iso_code: code } },
    ...Object.fromEntries(names),
  });
}

function fileOf(name: string, bytes: Uint8Array): string {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
}

const importWith = (...words: string[]) =>
  command([join(programFolder, "cordon"), "waf", "geo-database", "import", ...words], {
    ...stack.env,
    CORDON_TOKEN: stack.key,
  });
const answers = (code: number) => async () => (await stack.site(HOST, "/")).code === code;
const countries = async () => (await stack.api("GET", "/v1/waf/geoDatabases")).result.geoDatabases;

test("a rule on a country counts as soon as a database is imported, and follows the next one", async () => {
  const when = { field: "country", operator: "equals", values: ["DE"] };
  const rule = { siteId, name: "closed", when, action: { kind: "block" }, enabled: true };
  await stack.api("POST", "/v1/waf/customRules", rule);
  expect((await stack.site(HOST, "/")).code).toBe(200);
  const done = await importWith(fileOf("a.mmdb", databaseOf("DE")), "--output", "json");
  expect(done.code, done.text).toBe(0);
  await until("its country is refused", answers(403));
  const [inForce] = await countries();
  expect(inForce).toMatchObject({ kind: "country", inForce: true, origin: "a.mmdb" });
  expect(inForce.gateways).toMatchObject([{ state: "applied", stateReason: "" }]);
  expect((await importWith(fileOf("b.mmdb", databaseOf("FR")))).code).toBe(0);
  await until("it is of another country", answers(200));
  await stack.api("POST", `/v1/waf/geoDatabases/${inForce.geoDatabaseId}:restore`);
  await until("the one before counts again", answers(403));
});

test("what cannot be used is refused by the command line with the way out", async () => {
  const cut = await importWith(fileOf("cut.mmdb", databaseOf("FR").subarray(0, 200)));
  expect(cut.code).toBe(2);
  expect(cut.text).toContain("cut off");
  const zip = await importWith(fileOf("x.zip", Buffer.from("PK\x03\x04 and more of it")));
  expect(zip.text).toContain("unpack it");
  expect((await importWith(join(folder, "nowhere.mmdb"))).code).toBe(2);
  expect(await answers(403)()).toBe(true);
});

test("a control plane that is killed in an import keeps the database that was in force", async () => {
  const [before] = await countries();
  const content = databaseOf("FR", 4_000_000).toString("base64");
  const server = await stack.pid("server");
  const importing = stack.api("POST", "/v1/waf/geoDatabases", { content }).catch(() => undefined);
  // It is being read then: what it takes to read it is far more than this.
  await new Promise((resolve) => setTimeout(resolve, 150));
  process.kill(server, "SIGKILL");
  expect(await importing).toBeUndefined();
  await until("it is back", async () => (await countries()).length > 0, 60_000);
  expect((await countries())[0]).toMatchObject({ sha256: before.sha256, inForce: true });
  expect(await answers(403)()).toBe(true);
  expect((await stack.api("POST", "/v1/waf/geoDatabases", { content })).code).toBe(200);
  await until("the new one counts", answers(200), 30_000);
}, 120_000);

test("a file of more than one part is sent in parts by the command line", async () => {
  const file = databaseOf("DE");
  const large = withPadding(file, 17 * 1_048_576);
  const done = await importWith(fileOf("large.mmdb", large), "--output", "json");
  expect(done.code, done.text).toBe(0);
  await until("its country is refused", answers(403), 30_000);
  expect((await countries())[0]).toMatchObject({ sizeBytes: large.length, origin: "large.mmdb" });
}, 60_000);

/** The same database with bytes between its data and its metadata that nothing leads to. */
function withPadding(file: Buffer, bytes: number): Buffer {
  const at = file.lastIndexOf(Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"));
  return Buffer.concat([file.subarray(0, at), Buffer.alloc(bytes), file.subarray(at)]);
}
