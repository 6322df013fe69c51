/**
 * As whom PostgreSQL runs. It refuses root, so under root it gets a user namespace in which root
 * is mapped to nobody (files stay readable under /root, nothing is chowned), or, where namespaces
 * are forbidden, the real user nobody. It refuses a user without a name as well (containers run
 * programs under such), who gets the namespace too.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, lstatSync, opendirSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { StartError } from "../process/daemon.ts";

export type RunAs =
  | { readonly kind: "self" }
  | { readonly kind: "namespace"; readonly prefix: readonly string[] }
  | { readonly kind: "nobody"; readonly user: { readonly uid: number; readonly gid: number } };

const NOBODY = { uid: 65_534, gid: 65_534 } as const;
const PROBE_MAX_MS = 10_000;
const FOLDER_DEPTH_MAX = 32;

const NAMESPACE_PREFIX = [
  "unshare",
  "--user",
  `--map-user=${NOBODY.uid}`,
  `--map-group=${NOBODY.gid}`,
] as const;

/**
 * Decides as whom to run, by trying.
 *
 * @param postgres path of the server program, to try whether nobody may run it.
 * @throws StartError when root can give PostgreSQL neither a namespace nor a user.
 */
export function runAsFor(postgres: string, only?: RunAs["kind"]): RunAs {
  const root = process.getuid?.() === 0;
  if (!root) return runAsOrdinary();
  if (only !== "nobody" && namespaceWorks()) {
    return { kind: "namespace", prefix: NAMESPACE_PREFIX };
  }
  if (only !== "namespace" && tryRun([postgres, "--version"], NOBODY)) {
    return { kind: "nobody", user: NOBODY };
  }
  throw new StartError(
    "Cannot start PostgreSQL as root: user namespaces are forbidden here, and the user nobody " +
      `may not run ${postgres}`,
    {
      fix:
        "put the program in a folder that every user may enter (not /root), or run ./cordon up " +
        "as an ordinary user, or set CORDON_DATABASE_URL",
      permanent: true,
    },
  );
}

/** An ordinary user runs it as it is, unless the system has no name for it. */
function runAsOrdinary(): RunAs {
  if (hasName()) return { kind: "self" };
  if (namespaceWorks()) return { kind: "namespace", prefix: NAMESPACE_PREFIX };
  throw new StartError(
    `Cannot start PostgreSQL: user ${process.getuid?.()} has no name on this system, which it ` +
      "wants, and user namespaces are forbidden here",
    {
      fix: "add the user to /etc/passwd, or set CORDON_DATABASE_URL",
      permanent: true,
    },
  );
}

/** Whether this user is known to the system (getpwuid(3)). */
function hasName(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
}

/** True when this user may make a user namespace that maps it to nobody. */
export function namespaceWorks(): boolean {
  return tryRun([...NAMESPACE_PREFIX, "true"]);
}

/** The argument array that runs a program as decided. */
export function commandAs(
  runAs: RunAs,
  argv: readonly [string, ...string[]],
): readonly [string, ...string[]] {
  if (runAs.kind !== "namespace") return argv;
  const [first = "unshare", ...rest] = runAs.prefix;
  return [first, ...rest, ...argv];
}

/** Options for `spawn` that go with `commandAs`. */
export function userOf(runAs: RunAs): { uid?: number; gid?: number } {
  return runAs.kind === "nobody" ? runAs.user : {};
}

/**
 * Gives a folder and all in it to the user PostgreSQL runs as; needed when that user changes
 * between two starts. Does nothing when the folder is already theirs.
 */
export function giveFolder(runAs: RunAs, folder: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = runAs.kind === "nobody" ? runAs.user : { uid: 0, gid: 0 };
  if (lstatSync(folder).uid !== uid) chownTree(folder, { uid, gid, depth: 0 });
}

/** Lets nobody pass through (not read) the folders above its own. */
export function letPass(runAs: RunAs, folders: readonly string[]): void {
  if (runAs.kind !== "nobody") return;
  for (const folder of folders) chmodSync(folder, 0o711);
}

function chownTree(path: string, owner: { uid: number; gid: number; depth: number }): void {
  if (owner.depth > FOLDER_DEPTH_MAX) throw new Error(`Cannot chown ${path}: nested too deep`);
  const stats = lstatSync(path);
  if (stats.isDirectory()) {
    const folder = opendirSync(path);
    for (let entry = folder.readSync(); entry !== null; entry = folder.readSync()) {
      chownTree(join(path, entry.name), { ...owner, depth: owner.depth + 1 });
    }
    folder.closeSync();
  }
  // INVARIANT: the folder itself last, so that an interrupted walk is done again.
  if (!stats.isSymbolicLink()) chownSync(path, owner.uid, owner.gid);
}

function tryRun(argv: readonly string[], user: { uid?: number; gid?: number } = {}): boolean {
  const [program = "true", ...args] = argv;
  const result = spawnSync(program, args, { stdio: "ignore", timeout: PROBE_MAX_MS, ...user });
  return result.status === 0;
}
