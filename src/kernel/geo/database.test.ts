import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { checkGeoDatabase, openGeoDatabase, unwrapGeoDatabase } from "./database.ts";
import { writeMmdb } from "./mmdb-test-kit.ts";

const german = { country: { iso_code: "DE" } };
const countries = writeMmdb("Test-Country", {
  "203.0.113.0/24": german,
  "198.51.100.0/24": { registered_country: { iso_code: "FR" } },
  "192.0.2.0/25": {},
});
const networks = writeMmdb("Test-ASN", { "203.0.113.0/24": { autonomous_system_number: 64_496 } });
const both = writeMmdb("Both", { "10.0.0.0/8": { ...german, autonomous_system_number: 1 } });

test("a database says its kind by what its records have, its type, age and size", () => {
  expect(checkGeoDatabase(countries)).toEqual({
    kind: "country",
    databaseType: "Test-Country",
    buildTime: "2026-01-01T00:00:00.000Z",
    ipVersion: 4,
    networks: 3,
    sizeBytes: countries.length,
  });
  expect(checkGeoDatabase(networks).kind).toBe("asn");
  expect(checkGeoDatabase(both).kind).toBe("country");
  expect(checkGeoDatabase(both, "asn").kind).toBe("asn");
});

test("a file packed by gzip is the same database, and one too large when unpacked is refused", async () => {
  const packed = gzipSync(countries);
  const { raw, content } = await unwrapGeoDatabase(packed);
  expect(raw.equals(countries)).toBe(true);
  expect(content).toBe(packed);
  const bomb = gzipSync(Buffer.alloc(130 * 1_048_576));
  await expect(unwrapGeoDatabase(bomb)).rejects.toThrow("larger than");
  await expect(unwrapGeoDatabase(packed.subarray(0, 100))).rejects.toThrow("cannot be unpacked");
});

/** With these bytes from an offset on. */
const changed = (at: number, ...bytes: number[]): Buffer => {
  const file = Buffer.from(countries);
  file.set(bytes, at);
  return file;
};
const past = (text: string): number => countries.lastIndexOf(text) + text.length;

describe("a file is refused", () => {
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ["that is cut off", countries.subarray(0, -countries.length / 2), "cut off"],
    ["that is cut off in its metadata", countries.subarray(0, -10), "metadata"],
    ["that is a zip archive", Buffer.from("PK\x03\x04 and more"), "archive"],
    ["that is empty", Buffer.alloc(0), "cut off"],
    ["that is something else", Buffer.alloc(300_000, 0x61), "another format"],
    ["of another format version", changed(past("binary_format_major_version") + 4, 3), "version"],
    ["of no known record size", changed(past("record_size") + 4, 25), "record size"],
    ["with more nodes than it has", changed(past("node_count") + 1, 0x7f), "cut off"],
    [
      "with metadata of a huge size",
      changed(countries.lastIndexOf("MaxMind.com") + 11, 0xff),
      "data",
    ],
    ["whose tree leads out of its data", changed(0, 0x7f, 0xff, 0xff), "damaged"],
    [
      "with a record that cannot be read",
      changed(countries.indexOf("country") - 2, 0x00),
      "record",
    ],
    ["that knows nothing wanted", writeMmdb("X", { "10.0.0.0/8": { city: "x" } }), "No record"],
    [
      "with a country that is no text",
      writeMmdb("X", { "10.0.0.0/8": { country: { iso_code: 7 } } }),
      "no text",
    ],
  ];
  test.each(cases)("%s", (_what, file, words) => {
    expect(() => checkGeoDatabase(file)).toThrow(words);
  });

  test("as one of networks, when it is one of countries", () => {
    expect(() => checkGeoDatabase(countries, "asn")).toThrow("No record of it has what asn asks");
  });
});

test("a tree in circles ends", () => {
  expect(() => checkGeoDatabase(changed(0, 0, 0, 0, 0, 0, 0))).toThrow("No record");
});

test("every record that a look-up can meet is met by the check", () => {
  const blocks = Object.fromEntries(
    Array.from({ length: 200 }, (_, at) => [`10.${at}.0.0/16`, { country: { iso_code: "DE" } }]),
  );
  const file = writeMmdb("Test-Country", blocks);
  expect(checkGeoDatabase(file).networks).toBe(200);
  const last = file.lastIndexOf("DE");
  file.writeUInt8(0x00, last - 1);
  expect(() => checkGeoDatabase(file)).toThrow("the record of 10.199.0.0");
  expect(() => openGeoDatabase(file)).not.toThrow();
});
