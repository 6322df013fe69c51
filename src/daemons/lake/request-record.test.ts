/** The table of request records: its end, its own spool, and that backups pass it over. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { lakeFiles, linkTables } from "../../kernel/backup/lake-files.ts";
import type { RequestRecord } from "../../kernel/events/request-record.ts";
import { openSpool } from "../../kernel/spool/spool.ts";
import { deliverSpools, recordDelivery } from "./deliver.ts";
import { openEmbedded } from "./embedded.ts";

const folder = mkdtempSync(join(tmpdir(), "cordon-records-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DAY_MS = 86_400_000;
const recordOf = (uid: string, expires: number): RequestRecord => ({
  ...{ uid, requestId: `r-${uid}`, accountId: "acct-a", siteId: "site-a" },
  ...{ time: Date.now(), expires, method: "POST", target: "/", protocol: "HTTP/1.1" },
  ...{ requestLine: "POST / HTTP/1.1", fields: [["Host", "a.test"]], hiddenFields: [] },
  client: { address: "192.0.2.1", port: 1 },
  server: { address: "192.0.2.2", port: 2 },
  body: { state: "whole", text: "a=MARKED", bytes: 8, isWhole: true, hidden: [] },
});

test("records reach their own table, what is over is not kept, and no backup holds them", async () => {
  const lake = join(folder, "lake");
  mkdirSync(lake);
  const spoolFolder = join(folder, "records", "gateway-0");
  const spool = openSpool({ folder: spoolFolder });
  const isInSpool = () =>
    readdirSync(spoolFolder)
      .filter((name) => name.endsWith(".segment"))
      .some((name) => readFileSync(join(spoolFolder, name)).includes("a=MARKED"));
  await spool.append(JSON.stringify(recordOf("new", Date.now() + DAY_MS)), 0);
  await spool.append(JSON.stringify(recordOf("old", Date.now() - 3 * DAY_MS)), 0);
  await spool.append("no record at all", 0);
  const engine = await openEmbedded(join(lake, "chdb"));
  const rows = async (table: string) => (await engine.query(`SELECT uid FROM ${table}`, {})).trim();
  const ended = new AbortController();
  const delivery = { ...recordDelivery(join(folder, "records")), insert: engine.insert };
  const delivering = deliverSpools(delivery, ended.signal);
  while ((await rows("request_record")) !== '{"uid":"new"}') {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Nothing more comes, and yet nothing stays in the spool.
  expect(isInSpool()).toBe(true);
  await spool.roll();
  while (isInSpool()) await new Promise((resolve) => setTimeout(resolve, 50));
  await spool.close();
  ended.abort();
  await delivering;
  const time = new Date().toISOString().replace("T", " ").replace("Z", "");
  const event = { account: "acct-a", uid: "e", time, class_uid: 4002, raw: "{}" };
  await engine.insert("event", JSON.stringify(event));
  expect(await rows("event")).toBe('{"uid":"e"}');
  engine.close();
  const copy = join(folder, "copy");
  for (const path of await lakeFiles(lake)) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(lake, path), join(copy, path));
    expect(readFileSync(join(lake, path)).includes("a=MARKED")).toBe(false);
  }
  await linkTables(copy);
  // Without its parts the table of records is there, and empty.
  const restored = await openEmbedded(join(copy, "chdb"));
  expect((await restored.query("SELECT uid FROM event", {})).trim()).toBe('{"uid":"e"}');
  expect(await restored.query("SELECT uid FROM request_record", {})).toBe("");
  restored.close();
}, 60_000);
