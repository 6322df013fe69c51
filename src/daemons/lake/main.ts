/**
 * The lake's process: owns chDB (one process may), fills it from the spools and answers queries.
 * With CORDON_LAKE_URL it only fills a ClickHouse cluster.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readConfig } from "../../kernel/config.ts";
import { connectLake, type Lake } from "../../kernel/lake/client.ts";
import { schemaStatements } from "../../kernel/lake/schema.ts";
import { lakeSocket } from "../../kernel/lake/socket.ts";
import { runDaemon } from "../../kernel/process/daemon.ts";
import { deliverSpools, eventDelivery, recordDelivery } from "./deliver.ts";
import { openEmbedded } from "./embedded.ts";
import { startQueryServer } from "./query-server.ts";

const config = readConfig(process.env);

await runDaemon({
  name: "lake",
  async start() {
    await mkdir(config.folders.lake, { recursive: true, mode: 0o700 });
    const opened = config.lakeUrl === undefined ? await embedded() : await cluster(config.lakeUrl);
    const ended = new AbortController();
    const { spool, records, lake } = config.folders;
    const events = eventDelivery(spool, join(lake, "dead-letters.ndjson"));
    const delivering = Promise.all([
      deliverSpools({ ...events, insert: opened.insert }, ended.signal),
      deliverSpools({ ...recordDelivery(records), insert: opened.insert }, ended.signal),
    ]);
    return {
      async stop() {
        ended.abort();
        await delivering;
        await opened.close();
      },
    };
  },
});

type Opened = { readonly insert: Lake["insert"]; close(): Promise<void> };

async function embedded(): Promise<Opened> {
  const engine = await openEmbedded(join(config.folders.lake, "chdb"));
  await mkdir(config.folders.run, { recursive: true, mode: 0o700 });
  const server = await startQueryServer(lakeSocket(config), engine.query);
  return {
    insert: engine.insert,
    async close() {
      await server.close();
      engine.close();
    },
  };
}

async function cluster(url: string): Promise<Opened> {
  const lake = connectLake({ url });
  for (const statement of schemaStatements) await lake.query(statement);
  return { insert: lake.insert, close: async () => {} };
}
