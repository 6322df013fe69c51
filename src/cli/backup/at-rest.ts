/**
 * Work on the data folder by a command: beside a running Cordon, or with nothing running but the
 * database and keyd, which this command then starts and stops itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, readConfig } from "../../kernel/config.ts";
import { type KeydClient, keydClient } from "../../kernel/keyd/client.ts";
import { keydSocket } from "../../kernel/keyd/protocol.ts";
import { connectionFor } from "../../kernel/postgres/connection.ts";
import { postgresChild, waitForExternal } from "../../kernel/postgres/server.ts";
import { type ChildSpec, createChild } from "../../kernel/process/child.ts";
import { lockHolder, takeLock } from "../../kernel/process/lock.ts";
import type { Connection } from "../../kernel/store/database.ts";
import { CommandError, EXIT } from "../exit.ts";
import { nodeChild } from "../up/children.ts";
import { lockFile, prepareFolders, withShortRunFolder } from "../up/folders.ts";
import { stopLeftovers } from "../up/leftovers.ts";

const KEYD_HEAP_MEBIBYTES = 256;
const KEYD_WAIT_MS = 8_000;

/** True when a Cordon runs on this data folder. */
export function isRunning(config: Config): boolean {
  return lockHolder(lockFile(config)) !== undefined;
}

/**
 * Runs `work` while this command alone holds the data folder.
 *
 * @throws CommandError conflict when a Cordon runs on it.
 */
export async function holding<Result>(
  config: Config,
  work: () => Promise<Result>,
): Promise<Result> {
  prepareFolders(config);
  const lock = takeLock(lockFile(config));
  if ("heldBy" in lock) {
    throw new CommandError(
      `Cannot go on: Cordon runs on ${config.dataFolder}, process ${lock.heldBy.pid}`,
      { fix: "stop it with ./cordon down", status: EXIT.conflict },
    );
  }
  try {
    await stopLeftovers(config);
    return await work();
  } finally {
    lock.release();
  }
}

/** The database, started for this work when it is the embedded one. Only inside `holding`. */
export async function withDatabase<Result>(
  config: Config,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  if (config.databaseUrl !== undefined) {
    await waitForExternal(config);
    return work(connectionFor(config));
  }
  return withChild(config, postgresChild(config), () => work(connectionFor(config)));
}

/** keyd with this folder's root, started for this work. Only inside `holding`. */
export function withOwnKeyd<Result>(
  config: Config,
  work: (keyd: KeydClient) => Promise<Result>,
): Promise<Result> {
  const spec = nodeChild(config, {
    name: "keyd",
    file: "src/daemons/keyd/main.ts",
    needs: [],
    heapMebibytes: KEYD_HEAP_MEBIBYTES,
    flags: ["--disable-sigusr1"],
  });
  return withChild(config, spec, () => askingKeyd(config, work));
}

/**
 * keyd on an empty folder that goes away, with a root key that a device holds already: for a node
 * that has nothing but the device. The settings name the key.
 */
export async function withDeviceAlone<Result>(
  work: (keyd: KeydClient) => Promise<Result>,
): Promise<Result> {
  const dataFolder = mkdtempSync(join(tmpdir(), "cordon-device-"));
  try {
    const config = withShortRunFolder(readConfig({ ...process.env, CORDON_DATA: dataFolder }));
    prepareFolders(config);
    return await withOwnKeyd(config, work);
  } finally {
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

/** A client of the keyd that runs. */
export async function askingKeyd<Result>(
  config: Config,
  work: (keyd: KeydClient) => Promise<Result>,
): Promise<Result> {
  const keyd = keydClient(keydSocket(config), { waitMs: KEYD_WAIT_MS });
  try {
    return await work(keyd);
  } finally {
    keyd.close();
  }
}

async function withChild<Result>(
  config: Config,
  spec: ChildSpec,
  work: () => Promise<Result>,
): Promise<Result> {
  const logsFolder = config.folders.logs;
  const child = createChild(spec, { onChange: () => {}, onProgress: () => {}, logsFolder });
  try {
    await child.start();
    return await work();
  } finally {
    await child.stop();
  }
}
