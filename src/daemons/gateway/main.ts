/** The gateway process; with `--intent FILE` it follows a file, else the control plane. */
import { parseArgs } from "node:util";
import { readConfig } from "../../kernel/config.ts";
import { openIntentClient } from "../../kernel/intent/client.ts";
import { runDaemon } from "../../kernel/process/daemon.ts";
import { intentsOfFile } from "./intent-file.ts";
import { loadIntent } from "./intent-store.ts";
import { startMaster } from "./master.ts";
import type { GatewayStatus } from "./messages.ts";
import type { FetchContent } from "./policy/list-files.ts";

const STOP_GRACE_MS = 5_000;
const FLEET_RETRY_MS = 1_000;

type Report = (status: GatewayStatus) => void;

/** Intents of the control plane; reports go back the same way. Joins when it can be reached. */
async function* intentsOfFleet(
  folder: string,
  signal: AbortSignal,
  onOpen: (report: Report, fetchContent: FetchContent) => void,
): AsyncGenerator<unknown> {
  // The first is asked for whatever is known: faults of it are told again, as they are not kept.
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const client = await openIntentClient(folder, signal);
      onOpen((status) => void client.report(status), client.content);
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

const { values } = parseArgs({ options: { intent: { type: "string" } } });
const config = readConfig(process.env);

await runDaemon({
  name: "gateway",
  async start() {
    const ended = new AbortController();
    let report: Report = () => {};
    let fetchContent: FetchContent = async () => undefined;
    const { folders, gateway } = config;
    const intents =
      values.intent === undefined
        ? intentsOfFleet(folders.gateway, ended.signal, (nextReport, nextFetch) => {
            report = nextReport;
            fetchContent = nextFetch;
          })
        : intentsOfFile(values.intent, {
            signal: ended.signal,
            onFault: (message) => process.stderr.write(`gateway: ${message}\n`),
          });
    const master = await startMaster({
      ...gateway,
      folder: folders.gateway,
      spoolFolder: folders.spool,
      intents,
      fetchContent: (sha256) => fetchContent(sha256),
      onStatus: (status) => report(status),
    });
    const { httpPort, httpsPort } = master;
    process.stdout.write(`${JSON.stringify({ ready: "gateway", httpPort, httpsPort })}\n`);
    const { host } = gateway;
    return {
      details: { address: `http://${host}:${httpPort} https://${host}:${httpsPort}` },
      async stop() {
        ended.abort();
        await master.stop(STOP_GRACE_MS);
      },
    };
  },
});
