/**
 * keyd: the only process that has key material in clear. It listens on a Unix socket that its own
 * user alone may open; there is no network here and no HTTP.
 */
import { mkdir } from "node:fs/promises";
import { readConfig } from "../../kernel/config.ts";
import { keydSocket } from "../../kernel/keyd/protocol.ts";
import { runDaemon } from "../../kernel/process/daemon.ts";
import { makeFolder } from "./durable-file.ts";
import { hardenProcess } from "./hardening.ts";
import { keyOperations } from "./key-operations.ts";
import { openKeyd } from "./keyd.ts";
import { openRoot } from "./open-root.ts";
import { rootOperations } from "./root-operations.ts";
import { readRootSettings } from "./root-settings.ts";
import { sealedKeyOperations } from "./sealed-keys.ts";
import { secretOperations } from "./secrets.ts";
import { startServer } from "./server.ts";
import { useOperations } from "./use-operations.ts";

const hardening = hardenProcess();
const config = readConfig(process.env);

await runDaemon({
  name: "keyd",
  async start() {
    const folder = config.folders.keys;
    await makeFolder(folder);
    await mkdir(config.folders.run, { recursive: true, mode: 0o700 });
    const settings = readRootSettings(process.env);
    const opened = await openRoot(folder, settings);
    const parts = { keysFolder: folder, settings, opened, hardening };
    const keyd = await openKeyd({ ...parts, clock: Date.now });
    const server = await startServer(keydSocket(config), {
      ...rootOperations(keyd),
      ...keyOperations(keyd),
      ...useOperations(keyd),
      ...secretOperations(keyd),
      ...sealedKeyOperations(keyd),
    });
    const { root } = opened;
    const sealed = root.kind === "software" && root.software.provider === undefined;
    if (sealed) console.error("keyd: the root is sealed; run: ./cordon keys unseal");
    return {
      async stop() {
        await server.close();
        await keyd.close();
      },
      details: { sealed },
    };
  },
});
