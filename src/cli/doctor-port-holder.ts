/** Which process listens on a TCP port, told from /proc. It sees what this user may see. */
import { readdir, readFile, readlink } from "node:fs/promises";

export type PortHolder = { readonly pid: number; readonly command: string };

const LISTEN = "0A";
const PROCESSES_MAX = 20_000;
const DESCRIPTORS_MAX = 100_000;

/** A process that holds a listening socket on the port (its first, when several share it). */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const sockets = await listeningSockets(port);
  if (sockets.size === 0) return undefined;
  const pids = (await names("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids.slice(0, PROCESSES_MAX)) {
    const descriptors = (await names(`/proc/${pid}/fd`)).slice(0, DESCRIPTORS_MAX);
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
      if (!sockets.has(target)) continue;
      const command = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "unknown");
      return { pid: Number(pid), command: command.trim() };
    }
  }
  return undefined;
}

/** Sockets in state LISTEN, as links of /proc/PID/fd show them (proc(5), /proc/net/tcp). */
async function listeningSockets(port: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(file, "latin1").catch(() => "");
    for (const line of text.split("\n")) {
      const fields = line.trim().split(/\s+/);
      const [, local = "", , state, , , , , , inode] = fields;
      if (state === LISTEN && local.endsWith(suffix)) found.add(`socket:[${inode}]`);
    }
  }
  return found;
}

/** Entries of a folder; none when it is gone or not ours to read. */
function names(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
