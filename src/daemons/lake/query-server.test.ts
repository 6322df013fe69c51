/** Questions on their way: client, socket, the engine itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectLake, type Lake } from "../../kernel/lake/client.ts";
import { FilterError, lakeCondition } from "../../kernel/lake/condition.ts";
import type { Filter } from "../../kernel/operation.ts";
import { type EmbeddedLake, openEmbedded } from "./embedded.ts";
import { isReadOnly, startQueryServer } from "./query-server.ts";

const NAMES = [
  "CORP\\alice",
  "o'brien",
  "a\tb",
  "two\nlines",
  "q\\'x",
  "back\\\\n",
  "\\",
  "') OR 1=1 OR ('",
  "张伟",
];
const folder = mkdtempSync(join(tmpdir(), "cordon-lake-"));
const socketPath = join(folder, "query.sock");
let engine: EmbeddedLake;
let server: { close(): Promise<void> };
let lake: Lake;

beforeAll(async () => {
  engine = await openEmbedded(join(folder, "data"));
  // Older rows leave the lake.
  const time = new Date().toISOString().replace("T", " ").replace("Z", "");
  const rows = NAMES.map((user_name, at) => ({
    ...{ account: "a", uid: `u${at}`, time, class_uid: 4002 },
    ...{ user_name, status: 200 + at, rule_ids: [at, at + 1], latency_ms: at },
  }));
  await engine.insert("event", rows.map((row) => JSON.stringify(row)).join("\n"));
  server = await startQueryServer(socketPath, (sql, parameters) => engine.query(sql, parameters));
  lake = connectLake({ socketPath });
}, 60_000);
afterAll(async () => {
  await server?.close();
  engine?.close();
  rmSync(folder, { recursive: true, force: true });
});

const userName = { sql: "user_name", type: "String" } as const;
const status = { sql: "status", type: "UInt16" } as const;
const ruleIds = { sql: "rule_ids", type: "UInt32", isList: true } as const;

async function found(
  filter: Omit<Filter, "name">,
  column: Parameters<typeof lakeCondition>[1]["column"] = userName,
): Promise<string[]> {
  const { sql, value } = lakeCondition({ name: "x", ...filter }, { column, name: "f0" });
  const rows = await lake.query<{ user_name: string }>(
    `SELECT user_name FROM event AS e FINAL WHERE ${sql} ORDER BY uid`,
    { f0: value },
  );
  return rows.map(({ user_name }) => user_name);
}

test("a name is found whatever it is written with, and no name is part of the question", async () => {
  for (const name of NAMES) {
    expect(await found({ values: [name] }), name).toEqual([name]);
    expect(await found({ values: [name], operator: "startsWith" }), name).toContain(name);
    expect(await found({ values: [name], operator: "contains" }), name).toContain(name);
    expect(await found({ values: [name], operator: "ge" }), name).toContain(name);
    expect(await found({ values: [name], operator: "ne" }), name).toHaveLength(NAMES.length - 1);
    const [row] = await lake.query<{ text: string }>("SELECT {t:String} AS text", { t: name });
    expect(row?.text).toBe(name);
  }
  expect(await found({ values: NAMES })).toEqual(NAMES);
  expect(await found({ values: ["CORP\\", "张"], operator: "startsWith" })).toEqual([
    "CORP\\alice",
    "张伟",
  ]);
});

test("numbers are compared as numbers, lists by what they hold, and what fits neither is refused", async () => {
  expect(await found({ values: ["207"], operator: "gt" }, status)).toEqual(["张伟"]);
  expect(await found({ values: ["20"], operator: "startsWith" }, status)).toEqual(NAMES);
  expect(await found({ values: ["0", "1"] }, ruleIds)).toEqual(NAMES.slice(0, 2));
  const part = (filter: Omit<Filter, "name">, column: typeof status | typeof ruleIds) => {
    try {
      lakeCondition({ name: "x", ...filter }, { column, name: "f0" });
      return "taken";
    } catch (error) {
      return error instanceof FilterError ? error.part : error;
    }
  };
  expect(part({ values: ["65536"] }, status)).toBe("values");
  expect(part({ values: ["-1"], operator: "lt" }, status)).toBe("values");
  expect(part({ values: ["1"], operator: "gt" }, ruleIds)).toBe("operator");
});

test("the socket answers plain SELECTs only", () => {
  expect(isReadOnly("SELECT 1")).toBe(true);
  for (const sql of ["SELECT * FROM url('http://x')", "INSERT INTO event VALUES (1)", "SELECT 1;"])
    expect(isReadOnly(sql), sql).toBe(false);
});
