/** chDB, the ClickHouse engine as a library, with modest limits. */
import { Session } from "chdb";
import type { LakeTable } from "../../kernel/lake/client.ts";
import { schemaStatements } from "../../kernel/lake/schema.ts";

const MEMORY_BYTES_MAX = 1_073_741_824;
const QUERY_MEMORY_BYTES_MAX = 402_653_184;
const QUERY_SECONDS_MAX = 20;
const ROWS_MAX = 200_000;

export type EmbeddedLake = {
  query(sql: string, parameters: Readonly<Record<string, string>>): Promise<string>;
  /** Lines of JSON into a table; synced to disk when it resolves. */
  insert(table: LakeTable, lines: string): Promise<void>;
  close(): void;
};

/** What queries may use. The last one makes the session read-only, settings included. */
const readerSettings = [
  `SET max_memory_usage = ${QUERY_MEMORY_BYTES_MAX}`,
  "SET max_threads = 2",
  `SET max_execution_time = ${QUERY_SECONDS_MAX}`,
  `SET max_result_rows = ${ROWS_MAX}`,
  "SET output_format_json_quote_64bit_integers = 0",
  "SET do_not_merge_across_partitions_select_final = 1",
  "SET final = 1",
  "SET readonly = 1",
];

/** Opens the engine on a folder that no other process may have open. */
export async function openEmbedded(folder: string): Promise<EmbeddedLake> {
  const writer = new Session(folder);
  for (const statement of [
    `SET max_memory_usage_for_user = ${MEMORY_BYTES_MAX}`,
    "SET max_insert_threads = 1",
    // A source with a wrong clock must not hold up everything behind it.
    "SET max_partitions_per_insert_block = 0",
    ...schemaStatements,
  ]) {
    writer.query(statement);
  }
  const reader = new Session(folder);
  for (const statement of readerSettings) reader.query(statement);
  return {
    async query(sql, parameters) {
      const result = await reader.queryBindAsync(sql, { ...parameters }, { format: "JSONEachRow" });
      return result.text();
    },
    async insert(table, lines) {
      await writer.insert({
        table,
        values: Buffer.from(lines),
        format: "JSONEachRow",
        settings: { input_format_skip_unknown_fields: 1 },
      });
    },
    close() {
      reader.close();
      writer.close();
    },
  };
}
