import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addFrame, emptyBatch, segmentMagic, segmentPath, wholeFramesEnd } from "./segment.ts";
import { openSpool } from "./spool.ts";
import { openSpoolReader, type SpoolRecord } from "./spool-reader.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cordon-spool-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const textOf = (record: SpoolRecord) => record.bytes.toString();
const readAll = async (name = "all") => {
  const reader = await openSpoolReader({ folder, name });
  const { records } = await reader.read(100_000, 64 * 1024 * 1024);
  await reader.close();
  return records;
};
const segments = () => readdirSync(folder).filter((name) => name.endsWith(".segment"));

test("what was appended is read back byte for byte, with its class, in order", async () => {
  const spool = openSpool({ folder, segmentBytesMax: 300 });
  const sent = Array.from({ length: 100 }, (_, i) => JSON.stringify({ i, text: "ä€😀" }));
  for (const text of sent) await spool.append(text, 4002);
  await spool.close();
  const records = await readAll();
  expect(records.map(textOf)).toEqual(sent);
  expect(new Set(records.map((record) => record.classUid))).toEqual(new Set([4002]));
});

test("appends that wait together share one fdatasync", async () => {
  const spool = openSpool({ folder });
  await Promise.all(Array.from({ length: 500 }, (_, i) => spool.append(`{"i":${i}}`, 1)));
  expect(spool.stats().appendedRecords).toBe(500);
  expect(spool.stats().syncs).toBeLessThan(10);
  await spool.close();
});

test("a waiting reader gets a record appended later without being asked again", async () => {
  const spool = openSpool({ folder });
  const reader = await openSpoolReader({ folder, name: "tail" });
  const waiting = reader.read(10, 1000, { waitMs: 20_000 });
  expect(spool.appendLater('{"late":true}', 1)).toBe(true);
  expect((await waiting).records.map(textOf)).toEqual(['{"late":true}']);
  await reader.close();
  await spool.close();
});

test("a class filter passes over other records without a look at their JSON", async () => {
  const spool = openSpool({ folder });
  for (let i = 0; i < 50; i++) await spool.append(i % 5 === 0 ? `{"i":${i}}` : "not json", i % 5);
  const reader = await openSpoolReader({ folder, name: "findings", classUids: new Set([0]) });
  const { records } = await reader.read(1000, 1_000_000);
  expect(records.map(textOf)).toEqual(
    [0, 5, 10, 15, 20, 25, 30, 35, 40, 45].map((i) => `{"i":${i}}`),
  );
  await reader.close();
  await spool.close();
});

test("a reader goes on from its committed cursor, not from what it has only read", async () => {
  const spool = openSpool({ folder, segmentBytesMax: 100 });
  for (let i = 0; i < 20; i++) await spool.append(`{"i":${i}}`, 1);
  const first = await openSpoolReader({ folder, name: "lake" });
  const { next } = await first.read(7, 1_000_000);
  await first.commit(next);
  await first.read(5, 1_000_000);
  await first.close();
  const second = await openSpoolReader({ folder, name: "lake" });
  const { records } = await second.read(1, 1_000_000);
  expect(records.map(textOf)).toEqual(['{"i":7}']);
  await second.close();
  await spool.close();
});

test("a segment is removed only when every registered reader has passed it", async () => {
  const spool = openSpool({ folder, segmentBytesMax: 64 });
  for (let i = 0; i < 30; i++) await spool.append(`{"i":${i}}`, 1);
  const before = segments().length;
  const fast = await openSpoolReader({ folder, name: "fast" });
  const slow = await openSpoolReader({ folder, name: "slow" });
  await fast.commit((await fast.read(1000, 1_000_000)).next);
  expect(segments().length).toBe(before);
  expect((await slow.read(1000, 1_000_000)).records.length).toBe(30);
  await slow.close({ unregister: true });
  await spool.append('{"i":30}', 1);
  await spool.append('{"i":31}', 1);
  await spool.append('{"i":32}', 1);
  await fast.commit((await fast.read(1000, 1_000_000)).next);
  expect(segments().length).toBeLessThan(3);
  await fast.close();
  await spool.close();
});

test("a full spool refuses and counts, and takes records again when readers have moved on", async () => {
  const spool = openSpool({ folder, segmentBytesMax: 1000, totalBytesMax: 5000 });
  const reader = await openSpoolReader({ folder, name: "lake" });
  const record = JSON.stringify({ pad: "x".repeat(200) });
  let accepted = 0;
  const error = await (async () => {
    for (; accepted < 1000; accepted++) await spool.append(record, 1);
    return undefined;
  })().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "SpoolError", reason: "full" });
  expect(String(error)).toContain("at most 5000 bytes");
  expect(spool.appendLater(record, 1)).toBe(false);
  expect(spool.stats().refusedRecords).toBe(2);
  const { records, next } = await reader.read(10_000, 1_000_000);
  expect(records.length).toBe(accepted);
  await reader.commit(next);
  await spool.append(record, 1);
  expect(spool.stats().failure).toBeUndefined();
  await reader.close();
  await spool.close();
});

test("a torn tail is cut when the spool opens again, and no whole record is lost", async () => {
  const spool = openSpool({ folder });
  await spool.append('{"whole":1}', 1);
  await spool.close();
  appendFileSync(segmentPath(folder, 1), Buffer.from([1, 2, 3, 4, 200, 0, 0, 0, 1, 0, 0, 0, 9]));
  const again = openSpool({ folder });
  expect(again.stats().tornBytes).toBe(13);
  await again.append('{"after":2}', 1);
  expect((await readAll()).map(textOf)).toEqual(['{"whole":1}', '{"after":2}']);
  await again.close();
});

test("a reader steps over torn bytes once the writer has gone on in a newer segment", async () => {
  const spool = openSpool({ folder });
  await spool.append('{"whole":1}', 1);
  await spool.close();
  const reader = await openSpoolReader({ folder, name: "tail" });
  appendFileSync(segmentPath(folder, 1), "torn");
  expect((await reader.read(10, 1000)).records.length).toBe(1);
  expect((await reader.read(10, 1000)).records.length).toBe(0);
  writeFileSync(segmentPath(folder, 2), segmentMagic);
  const batch = emptyBatch();
  addFrame(batch, '{"after":2}', 1);
  appendFileSync(segmentPath(folder, 2), batch.bytes.subarray(0, batch.used));
  expect((await reader.read(10, 1000)).records.map(textOf)).toEqual(['{"after":2}']);
  expect((await reader.lag()).tornBytes).toBe(4);
  await reader.close();
});

test("whatever is cut off or flipped, only whole frames before the damage count", () => {
  const records = fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(records, fc.nat(), fc.boolean(), (texts, at, isFlipped) => {
      const batch = emptyBatch();
      const ends = [0];
      for (const text of texts) {
        addFrame(batch, text, 7);
        ends.push(batch.used);
      }
      const whole = Buffer.concat([segmentMagic, batch.bytes.subarray(0, batch.used)]);
      const damaged = segmentMagic.length + (at % batch.used);
      const bytes = isFlipped ? Buffer.from(whole) : whole.subarray(0, damaged);
      if (isFlipped) bytes[damaged] = (bytes[damaged] ?? 0) ^ 0x10;
      const inBatch = damaged - segmentMagic.length;
      const wanted = Math.max(...ends.filter((end) => end <= inBatch));
      expect(wholeFramesEnd(bytes)).toBe(segmentMagic.length + wanted);
    }),
  );
});

test("a record longer than the limit is refused by name and harms no other", async () => {
  const spool = openSpool({ folder });
  await expect(spool.append("x".repeat(1024 * 1024), 1)).rejects.toMatchObject({
    reason: "tooLong",
  });
  const long = JSON.stringify("y".repeat(900_000));
  await spool.append(long, 1);
  expect(spool.appendLater("x".repeat(2 * 1024 * 1024), 1)).toBe(false);
  const reader = await openSpoolReader({ folder, name: "tail" });
  expect((await reader.read(10, 100)).records.map(textOf)).toEqual([long]);
  await reader.close();
  await spool.close();
});

const program = (body: string) =>
  `import { openSpool } from ${JSON.stringify(join(import.meta.dirname, "spool.ts"))};
   const spool = openSpool({ folder: process.argv[1] });
   ${body}`;

test("a second process cannot write a spool that a living one writes", async () => {
  const spool = openSpool({ folder });
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(""), folder]);
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  expect(code).not.toBe(0);
  expect(errors).toContain(`process ${process.pid} writes it`);
  await spool.close();
});

test("when the disk refuses, append rejects, nothing else is lost, and space brings it back", async () => {
  // A file size limit of the process (setrlimit(2)) makes write(2) fail part way, as a full disk.
  const body = `
    import { execFileSync } from "node:child_process";
    process.on("SIGXFSZ", () => {});
    const limit = (bytes) =>
      execFileSync("prlimit", ["--pid", String(process.pid), "--fsize=" + bytes + ":"]);
    limit(5000);
    const accepted = [];
    let refusal;
    for (let i = 0; i < 100 && refusal === undefined; i++) {
      const record = JSON.stringify({ i, pad: "x".repeat(300) });
      await spool.append(record, 1).then(() => accepted.push(i), (error) => { refusal = error; });
    }
    const later = spool.appendLater('{"later":1}', 1);
    limit("unlimited");
    await spool.append('{"i":-1}', 1);
    accepted.push(-1);
    console.log(JSON.stringify({ accepted, refusal: refusal?.message, later,
      failure: spool.stats().failure ?? null }));
    await spool.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(body), folder]);
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    output += text;
  });
  await once(child, "close");
  const result = JSON.parse(output);
  expect(result.refusal).toContain("the disk refuses");
  expect(result).toMatchObject({ later: false, failure: null });
  expect(result.accepted.length).toBeGreaterThan(3);
  const stored = (await readAll()).map((record) => JSON.parse(textOf(record)).i);
  expect(stored).toEqual(result.accepted);
});

test("what was settled survives a kill at once, before any sync", async () => {
  const body = `
    for (let id = 0; id < 50; id++) spool.appendLater(JSON.stringify({ id }), 1);
    if (spool.settle()) process.kill(process.pid, "SIGKILL");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(body), folder]);
  expect((await once(child, "close"))[1]).toBe("SIGKILL");
  const again = openSpool({ folder });
  expect(again.stats().tornBytes).toBe(0);
  expect((await readAll()).map((record) => JSON.parse(textOf(record)).id)).toEqual(
    Array.from({ length: 50 }, (_, id) => id),
  );
  await again.close();
});

test("settled and appended records stay whole, in order and single through many segments", async () => {
  const spool = openSpool({ folder, segmentBytesMax: 500 });
  const waits: Promise<void>[] = [];
  for (let id = 0; id < 400; id++) {
    if (id % 3 === 0) waits.push(spool.append(JSON.stringify({ id }), 1));
    else expect(spool.appendLater(JSON.stringify({ id }), 1)).toBe(true);
    if (id % 7 === 0) expect(spool.settle()).toBe(true);
    if (id % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(waits);
  await spool.close();
  expect(spool.stats()).toMatchObject({ appendedRecords: 400, pendingRecords: 0 });
  const ids = (await readAll()).map((record) => JSON.parse(textOf(record)).id);
  expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, id) => id));
});

test("a writer killed at any moment loses no acknowledged record", async () => {
  const body = `
    let i = 0;
    const loop = async () => {
      for (;;) {
        const id = i++;
        await spool.append(JSON.stringify({ id, pad: "x".repeat(id % 700) }), 1);
        process.stdout.write(id + "\\n");
      }
    };
    for (let n = 0; n < 8; n++) loop();`;
  for (let round = 0; round < 4; round++) {
    const place = join(folder, String(round));
    const child = spawn(process.execPath, ["--input-type=module", "-e", program(body), place]);
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    await once(child.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
    child.kill("SIGKILL");
    await once(child, "close");
    const acknowledged = output.split("\n").slice(0, -1).map(Number);
    const again = openSpool({ folder: place });
    const reader = await openSpoolReader({ folder: place, name: "check" });
    const { records } = await reader.read(1_000_000, 1_000_000_000);
    const stored = records.map((record) => JSON.parse(textOf(record)).id);
    expect(new Set(stored).size).toBe(stored.length);
    const missing = acknowledged.filter((id) => !stored.includes(id));
    expect(missing).toEqual([]);
    await reader.close();
    await again.close();
  }
});
