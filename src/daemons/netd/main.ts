/**
 * The network data plane's process: root only, it puts blocked sources into nftables. It follows
 * the control plane over the fleet and enforces without it.
 */
import { join } from "node:path";
import { readConfig } from "../../kernel/config.ts";
import { type IntentClient, openIntentClient } from "../../kernel/intent/client.ts";
import { runDaemon } from "../../kernel/process/daemon.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { openNft } from "./nft.ts";
import { type NetworkPlane, type PlaneStatus, startNetworkPlane } from "./plane.ts";

const FLEET_RETRY_MS = 1_000;

const config = readConfig(process.env);
const folder = join(config.dataFolder, "netd");

type Fleet = { client: IntentClient | null };

/** Gives the plane every newer intent until the signal ends it. */
async function follow(plane: NetworkPlane, fleet: Fleet, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const client = await openIntentClient(folder, signal);
      fleet.client = client;
      // Says at once what runs, or that nothing can, also when no newer intent ever comes.
      await plane.check();
      for await (const { document } of client.intents(plane.knownVersion(), signal)) {
        await plane.take(document);
      }
    } catch (error) {
      if (signal.aborted) return;
      process.stderr.write(`netd: cannot follow the control plane: ${messageOf(error)}\n`);
      await new Promise((resolve) => setTimeout(resolve, FLEET_RETRY_MS));
    }
  }
}

await runDaemon({
  name: "netd",
  async start() {
    const ended = new AbortController();
    const fleet: Fleet = { client: null };
    const report = async (status: PlaneStatus): Promise<boolean> => {
      for (const message of status.messages) process.stderr.write(`netd: ${message}\n`);
      return (await fleet.client?.report(status)) ?? false;
    };
    const plane = await startNetworkPlane({
      folder,
      ports: [config.gateway.httpPort, config.gateway.httpsPort],
      nft: openNft(),
      clock: Date.now,
      report,
    });
    void follow(plane, fleet, ended.signal);
    return {
      async stop(why) {
        ended.abort();
        await plane.stop();
        // Nothing of Cordon's stays in the kernel of a machine whose operator stopped it.
        if (why === "asked") await plane.remove();
      },
    };
  },
});
