/** The gateway process; with `--intent FILE` it follows a file, else the control plane. */
import { parseArgs } from "node:util";
import { readConfig } from "../../kernel/config.ts";
import { type IntentClient, openIntentClient } from "../../kernel/intent/client.ts";
import { runDaemon } from "../../kernel/process/daemon.ts";
import { hostPort } from "../../lib/host-port.ts";
import { intentsOfFile } from "./intent-file.ts";
import { loadIntent } from "./intent-store.ts";
import { type Master, startMaster } from "./master.ts";

const STOP_GRACE_MS = 5_000;
const FLEET_RETRY_MS = 1_000;

/** Intents of the control plane. Joins when it can be reached. */
async function* intentsOfFleet(
  folder: string,
  signal: AbortSignal,
  onOpen: (client: IntentClient) => void,
): AsyncGenerator<unknown> {
  // The first is asked for whatever is known: faults of it are told again, as they are not kept.
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const client = await openIntentClient(folder, signal);
      onOpen(client);
      const after = isFirst ? 0 : ((await loadIntent(folder))?.version ?? 0);
      for await (const { document } of client.intents(after, signal)) {
        isFirst = false;
        yield document;
      }
    } catch (error) {
      if (signal.aborted) return;
      process.stderr.write(`gateway: cannot follow the control plane: ${error}\n`);
      await new Promise((resolve) => setTimeout(resolve, FLEET_RETRY_MS));
    }
  }
}

/** Hears of the counts of other gateways until the signal ends it. Never rejects. */
async function hearRates(
  client: IntentClient,
  started: Promise<Master>,
  signal: AbortSignal,
): Promise<void> {
  const master = await started;
  for await (const news of client.rateNews(signal)) master.hearRates(news);
}

const { values } = parseArgs({ options: { intent: { type: "string" } } });
const config = readConfig(process.env);

await runDaemon({
  name: "gateway",
  async start() {
    const ended = new AbortController();
    let client: IntentClient | undefined;
    const started = Promise.withResolvers<Master>();
    const { folders, gateway } = config;
    const intents =
      values.intent === undefined
        ? intentsOfFleet(folders.gateway, ended.signal, (opened) => {
            client = opened;
            // It ends with the signal, or with the certificate that the client was opened with.
            void hearRates(opened, started.promise, ended.signal);
          })
        : intentsOfFile(values.intent, {
            signal: ended.signal,
            onFault: (message) => process.stderr.write(`gateway: ${message}\n`),
          });
    const master = await startMaster({
      ...gateway,
      folder: folders.gateway,
      spoolFolder: folders.spool,
      recordsFolder: folders.records,
      intents,
      fetchContent: async (sha256) => client?.content(sha256),
      tellRates: async (report) => (await client?.tellRates(report)) ?? false,
      onStatus: (status) => void client?.report(status),
    });
    started.resolve(master);
    const { httpPort, httpsPort } = master;
    process.stdout.write(`${JSON.stringify({ ready: "gateway", httpPort, httpsPort })}\n`);
    const { host } = gateway;
    return {
      details: {
        address:
          `http://${hostPort({ host, port: httpPort })} ` +
          `https://${hostPort({ host, port: httpsPort })}`,
      },
      async stop() {
        ended.abort();
        await master.stop(STOP_GRACE_MS);
      },
    };
  },
});
