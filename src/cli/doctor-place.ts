/** Checks of where Cordon lives: the data folder with its owner and mode, and the TCP ports. */
import { accessSync, constants, existsSync, lstatSync, statSync } from "node:fs";
import type { Config } from "../kernel/config.ts";
import { nearestFolder } from "../kernel/health.ts";
import { parentOf } from "../kernel/process/liveness.ts";
import { lockHolder } from "../kernel/process/lock.ts";
import { codeOf } from "../kernel/process/text.ts";
import { type Check, type Finding, off, on, warning } from "./doctor-check.ts";
import { type PortHolder, portHolder } from "./doctor-port-holder.ts";
import { lockFile } from "./up/folders.ts";
import { type Listener, listenersOf, tryListen } from "./up/ports.ts";

/** Passing through is fine: PostgreSQL may run as another user below this folder. */
const MODE_READ_OR_WRITE_BY_OTHERS = 0o066;
const ANCESTORS_MAX = 16;
const CHOOSE_FOLDER = "choose another folder with CORDON_DATA=…";

/** The data folder, and one check per port of this configuration. */
export function placeChecks(config: Config): readonly Check[] {
  const listeners = listenersOf(config);
  return [
    { name: "data-folder", needed: true, run: dataFolder },
    ...listeners.map((listener) => ({
      name: `${listener.name.toLowerCase().replaceAll(" ", "-")}-port`,
      needed: true,
      run: (at: Config) => port(at, listener, listeners),
    })),
  ];
}

async function dataFolder(config: Config): Promise<Finding> {
  const folder = config.dataFolder;
  const { W_OK, X_OK, R_OK } = constants;
  const nearest = nearestFolder(folder);
  if (nearest !== folder) {
    const code = accessCode(nearest, W_OK | X_OK);
    if (code === undefined) return on(`${folder} is not made yet; up can make it`);
    return off(
      `${folder} cannot be entered or made in ${nearest}: ${code}`,
      `check the owner and mode of ${nearest}, or ${CHOOSE_FOLDER}`,
    );
  }
  const user = process.getuid?.() ?? 0;
  const { run, logs, keys, rules } = config.folders;
  for (const path of [folder, run, logs, keys, rules]) {
    if (path !== folder && !existsSync(path)) continue;
    const { uid } = lstatSync(path);
    if (uid !== user) {
      const why = `${path} belongs to user ${uid}, and this is user ${user}`;
      return off(why, `run as its owner, or ${CHOOSE_FOLDER}`);
    }
    const code = accessCode(path, R_OK | W_OK | X_OK);
    if (code !== undefined || !statSync(path).isDirectory()) {
      const why = `${path} cannot be read and written: ${code ?? "it is not a folder"}`;
      return off(why, `chmod u+rwx '${path}', or ${CHOOSE_FOLDER}`);
    }
  }
  const mode = statSync(folder).mode & 0o777;
  if ((mode & MODE_READ_OR_WRITE_BY_OTHERS) !== 0) {
    const why = `${folder} has mode ${mode.toString(8)}: other users can read or write it`;
    return warning(why, `chmod go-rw '${folder}'`);
  }
  return on(`${folder} belongs to user ${user}, mode ${mode.toString(8)}`);
}

function accessCode(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    return codeOf(error) ?? "unknown";
  }
}

async function port(
  config: Config,
  listener: Listener,
  all: readonly Listener[],
): Promise<Finding> {
  const { variable, host } = listener;
  const at = `port ${listener.port} on ${host}`;
  const twin = all.find((other) => other !== listener && other.port === listener.port);
  if (twin !== undefined && twin.host === host) {
    const why = `${at} is set for ${listener.name} and for ${twin.name}`;
    return off(why, `choose another: ${variable}=…`);
  }
  const code = await tryListen(listener);
  if (code === undefined) return on(`${at} is free`);
  if (code === "EACCES") {
    const why = `this user may not listen on ${at}`;
    return off(why, `run as root, or choose a port above 1023: ${variable}=…`);
  }
  if (code !== "EADDRINUSE") {
    return off(`cannot listen on ${at}: ${code}`, `check the address ${host} and ${variable}`);
  }
  const holder = await portHolder(listener.port);
  const supervisor = lockHolder(lockFile(config))?.pid;
  if (holder !== undefined && supervisor !== undefined && descends(holder.pid, supervisor)) {
    return on(`${at} is held by this Cordon, which runs (process ${supervisor})`);
  }
  const fix = `stop the program that uses it, or choose another: ${variable}=…`;
  return off(`${at} is taken by ${nameOf(holder)}`, fix);
}

function descends(pid: number, ancestor: number): boolean {
  let at: number | undefined = pid;
  for (let steps = 0; at !== undefined && steps < ANCESTORS_MAX; steps += 1) {
    if (at === ancestor) return true;
    at = parentOf(at);
  }
  return false;
}

function nameOf(holder: PortHolder | undefined): string {
  return holder === undefined
    ? "a process that this user may not see"
    : `process ${holder.pid} (${holder.command})`;
}
