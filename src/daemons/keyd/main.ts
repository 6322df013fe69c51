/**
 * keyd: the only process that has key material in clear. It listens on a Unix socket that its own
 * user alone may open; there is no network here and no HTTP.
 */
import { mkdir, readFile } from "node:fs/promises";
import { readConfig } from "../../kernel/config.ts";
import { keydSocket } from "../../kernel/keyd/protocol.ts";
import { runDaemon, StartError } from "../../kernel/process/daemon.ts";
import { messageOf } from "../../kernel/process/text.ts";
import { hardenProcess } from "./hardening.ts";
import { keyOperations } from "./key-operations.ts";
import { openKeyd, type Root } from "./keyd.ts";
import { rootOperations } from "./root-operations.ts";
import { startServer } from "./server.ts";
import { openSoftwareRoot } from "./software-root.ts";
import { useOperations } from "./use-operations.ts";

const PASSPHRASE_FILE = "CORDON_KEYS_PASSPHRASE_FILE";

const hardening = hardenProcess();
const config = readConfig(process.env);

await runDaemon({
  name: "keyd",
  async start() {
    const folder = config.folders.keys;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(config.folders.run, { recursive: true, mode: 0o700 });
    const root = await openRoot(folder);
    const keyd = await openKeyd({ folder, root, hardening, clock: Date.now });
    const server = await startServer(keydSocket(config), {
      ...rootOperations(keyd),
      ...keyOperations(keyd),
      ...useOperations(keyd),
    });
    const sealed = root.kind === "software" && root.software.provider === undefined;
    return {
      async stop() {
        await server.close();
        await keyd.close();
      },
      details: { sealed },
    };
  },
});

async function openRoot(folder: string): Promise<Root> {
  const software = await openSoftwareRoot(folder, await passphraseFromFile());
  if (software.provider === undefined) {
    console.error("keyd: the root is sealed; run: ./cordon keys unseal");
  }
  return { kind: "software", software };
}

/** The first line of the file that the setting names. */
async function passphraseFromFile(): Promise<Buffer | undefined> {
  const file = process.env[PASSPHRASE_FILE];
  if (file === undefined || file === "") return undefined;
  try {
    const bytes = await readFile(file);
    const end = bytes.indexOf(0x0a);
    return end === -1 ? bytes : bytes.subarray(0, end);
  } catch (error) {
    throw new StartError(`Cannot read the passphrase of the root: ${messageOf(error)}`, {
      fix: `make ${file} readable for this user, or unset ${PASSPHRASE_FILE}`,
      permanent: true,
    });
  }
}
