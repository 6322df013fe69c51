import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operations, startOperations } from "../../../test/service-kit.ts";
import { until } from "../../../test/stack.ts";
import { writeMmdb } from "../../kernel/geo/mmdb-test-kit.ts";
import { geoDatabaseIntentStore, geoDatabaseStore } from "./geo-database-store.ts";

let cordon: Operations;
beforeAll(async () => {
  cordon = await startOperations();
});
afterAll(() => cordon?.stop());

const PATH = "/v1/waf/geoDatabases";
const countries = (code: string, buildTime?: string) =>
  writeMmdb("Test-Country", { "203.0.113.0/24": { country: { iso_code: code } } }, buildTime);
const networks = (number: number) =>
  writeMmdb("Test-ASN", { "203.0.113.0/24": { autonomous_system_number: number } });

const importOf = (file: Uint8Array, more: object = {}, key?: string) =>
  cordon.api("POST", PATH, { content: Buffer.from(file).toString("base64"), ...more }, key);
const sha256Of = (file: Uint8Array) => createHash("sha256").update(file).digest("hex");

const inForce = () =>
  cordon.database.transaction("system", (sql) => geoDatabaseIntentStore(sql).inForce());
const digests = async () => (await inForce()).map(({ sha256 }) => sha256);
const all = async () => (await cordon.api("GET", PATH)).result.geoDatabases;

test("one of a kind is in force, the one before can be put back, and both can be deleted", async () => {
  const [first, second, third] = [countries("DE"), countries("FR"), countries("CN")];
  const one = await importOf(first, { origin: "first.mmdb" });
  expect(one.result).toMatchObject({
    ...{ kind: "country", databaseType: "Test-Country", inForce: true, origin: "first.mmdb" },
    ...{ sha256: sha256Of(first), networks: 1, ipVersion: 4, createdBy: "admin" },
    ...{ buildTime: "2026-01-01T00:00:00.000Z", gateways: [] },
  });
  const asn = await importOf(networks(64_496));
  expect(asn.result).toMatchObject({ kind: "asn", inForce: true });
  const two = await importOf(gzipSync(second));
  expect(two.result.sha256).toBe(sha256Of(second));
  expect(await digests()).toEqual([sha256Of(networks(64_496)), sha256Of(second)]);
  expect((await importOf(first)).error?.reason).toBe("waf.geoDatabaseExists");
  const path = `${PATH}/${one.result.geoDatabaseId}`;
  expect((await cordon.api("POST", `${path}:restore`)).result.inForce).toBe(true);
  expect(await digests()).toContain(sha256Of(first));
  await importOf(third);
  // What is kept is the one before, and no other.
  const kept = (await all()).map(({ sha256, inForce }: Record<string, unknown>) => [
    sha256,
    inForce,
  ]);
  expect(kept).toEqual([
    [sha256Of(third), true],
    [sha256Of(first), false],
    [sha256Of(networks(64_496)), true],
  ]);
  for (const { geoDatabaseId } of await all()) {
    expect((await cordon.api("DELETE", `${PATH}/${geoDatabaseId}`)).code).toBe(200);
  }
  expect(await inForce()).toEqual([]);
  expect((await cordon.api("GET", path)).error?.reason).toBe("waf.geoDatabaseNotFound");
});

test("a file that cannot be used is told why, and what is in force stays", async () => {
  const good = countries("DE");
  await importOf(good);
  const torn = Buffer.from(good).fill(0x7f, 12, 52);
  const faults: readonly (readonly [Uint8Array, object, string])[] = [
    [torn, {}, "damaged"],
    [good.subarray(0, good.length / 2), {}, "cut off"],
    [Buffer.from("PK\x03\x04 a zip archive"), {}, "unpack it"],
    [gzipSync(good).subarray(0, 40), {}, "unpacked"],
    [good, { kind: "asn" }, "autonomous_system_number"],
    [writeMmdb("Test-City", { "10.0.0.0/8": { city: "x" } }), {}, "country.iso_code"],
  ];
  for (const [file, more, words] of faults) {
    const reply = await importOf(file, more);
    expect(reply.error?.reason).toBe("waf.geoDatabaseInvalid");
    expect(JSON.stringify(reply.error?.details)).toContain(words);
  }
  expect(await digests()).toEqual([sha256Of(good)]);
});

test("metadata that says it holds more than memory is refused, and the control plane goes on", async () => {
  const file = countries("DE");
  // An array of sixteen million, of which nothing follows (MaxMind DB File Format 2.0, "array").
  const at = file.lastIndexOf("languages") + "languages".length;
  const huge = Buffer.concat([
    ...[file.subarray(0, at), Buffer.from([0x1f, 4, 0xff, 0xff, 0xff]), file.subarray(at + 2)],
  ]);
  expect((await importOf(huge)).error?.reason).toBe("waf.geoDatabaseInvalid");
  expect((await cordon.api("GET", PATH)).code).toBe(200);
});

test("a file sent in parts is imported by its digest, and not before every part is there", async () => {
  const file = countries("AQ");
  const [head, tail] = [file.subarray(0, 100), file.subarray(100)];
  const put = (whole: Uint8Array, part: number, content: Uint8Array, key?: string) =>
    cordon.api(
      "PUT",
      `/v1/waf/geoDatabaseParts/${sha256Of(whole)}/${part}`,
      { content: Buffer.from(content).toString("base64") },
      key,
    );
  const importParts = (whole: Uint8Array) =>
    cordon.api("POST", `/v1/waf/geoDatabaseParts/${sha256Of(whole)}:import`, {});
  expect((await put(file, 1, tail)).result).toEqual({ receivedBytes: tail.length });
  expect((await importParts(file)).error?.reason).toBe("waf.geoDatabasePartsMissing");
  await put(file, 0, head);
  expect((await importParts(file)).result).toMatchObject({ sha256: sha256Of(file), inForce: true });
  // They are gone with the import, as with the first part of another file.
  expect((await importParts(file)).error?.reason).toBe("waf.geoDatabasePartsMissing");
  const other = countries("BV");
  await put(other, 0, other);
  await put(file, 0, head);
  expect((await importParts(other)).error?.reason).toBe("waf.geoDatabasePartsMissing");
});

test("one built long ago is told as outdated", async () => {
  const buildTime = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
  const old = await importOf(countries("DE", buildTime(61.5).replace(/\.\d+/, "")));
  expect(old.result).toMatchObject({ ageDays: 61, isOutdated: true });
  const fresh = await importOf(countries("DE", buildTime(2.5).replace(/\.\d+/, "")));
  expect(fresh.result).toMatchObject({ ageDays: 2, isOutdated: false });
});

test("another account sees what is in force, and changes nothing of it", async () => {
  const other = { name: "other", userName: "admin", password: "correct horse battery staple" };
  expect((await cordon.api("POST", "/v1/account/accounts", other)).code).toBe(200);
  const key = await cordon.keyOf("other", "admin");
  const before = await digests();
  const [known] = await all();
  const seen = await cordon.api("GET", PATH, undefined, key);
  expect(seen.result.geoDatabases).toMatchObject([{ sha256: known.sha256, createdBy: "" }, {}]);
  const content = countries("XX").toString("base64");
  const path = `${PATH}/${known.geoDatabaseId}`;
  const refused = [
    cordon.api("POST", PATH, { content }, key),
    cordon.api("PUT", `/v1/waf/geoDatabaseParts/${known.sha256}/0`, { content }, key),
    cordon.api("POST", `/v1/waf/geoDatabaseParts/${known.sha256}:import`, {}, key),
    cordon.api("POST", `${path}:restore`, undefined, key),
    cordon.api("DELETE", path, undefined, key),
  ];
  for (const reply of await Promise.all(refused)) {
    expect(reply.error?.reason).toBe("account.operatorOnly");
  }
  expect(await digests()).toEqual(before);
});

test("an import that comes while another is under way waits for it, and goes before it", async () => {
  await importOf(countries("IT"));
  const begun = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const other = cordon.database.transaction("system", async (sql) => {
    const store = geoDatabaseStore(sql);
    const [known] = await sql<{ accountId: string }>`select account_id from geo_database`;
    const row = (await store.list()).find(({ kind }) => kind === "country");
    if (known === undefined || row === undefined) throw new Error("There is none");
    await store.lock();
    await store.retire(known.accountId, "country");
    const made = { ...row, geoDatabaseId: "geodb-0000000000", inForce: true, sha256: "other" };
    await store.insert(known.accountId, { ...made, content: Buffer.of(1), contentSha256: "" });
    begun.resolve();
    await mayEnd.promise;
  });
  await begun.promise;
  const importing = importOf(countries("ES"));
  await until("it waits", async () => {
    const waiting = await cordon.database.transaction(
      "system",
      (sql) => sql`select 1 from pg_locks where not granted`,
    );
    return waiting.length > 0;
  });
  mayEnd.resolve();
  await other;
  expect((await importing).code).toBe(200);
  const kept = (await all()).filter(({ kind }: { kind: string }) => kind === "country");
  expect(kept).toMatchObject([
    { sha256: sha256Of(countries("ES")), inForce: true },
    { sha256: "other", inForce: false },
  ]);
});
