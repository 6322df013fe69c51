import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { RequestRecord } from "../../kernel/events/request-record.ts";
import { recordSpool } from "./record-spool.ts";

const folder = mkdtempSync(join(tmpdir(), "cordon-record-spool-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const record: RequestRecord = {
  ...{ uid: "a", requestId: "r", accountId: "acct", siteId: "site", time: 1, expires: 2 },
  ...{ method: "GET", target: "/", protocol: "HTTP/1.1", requestLine: "GET / HTTP/1.1" },
  ...{ fields: [], hiddenFields: [] },
  client: { address: "192.0.2.1", port: 1 },
  server: { address: "192.0.2.2", port: 2 },
  body: { state: "none", text: "", bytes: 0, isWhole: true, hidden: [] },
};

test("why no record is kept is told, until one is", async () => {
  const place = join(folder, "gateway-0");
  const records = recordSpool(place);
  expect(records.failure()).toBeUndefined();
  writeFileSync(place, "a file where a folder should be");
  expect(records.keep(record)).toBe(false);
  expect(records.failure()).toContain(place);
  rmSync(place);
  expect(records.keep(record)).toBe(true);
  expect(records.failure()).toBeUndefined();
  await records.close();
});
