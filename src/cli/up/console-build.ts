/** Builds the web console when it is missing or older than its sources (told by a hash). */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { catalog } from "../../catalog.ts";
import { type Config, programFolder } from "../../kernel/config.ts";
import { type Lock, takeLock } from "../../kernel/process/lock.ts";
import { CommandError } from "../exit.ts";
import type { Report } from "../progress.ts";
import { runProgram } from "./program.ts";

const BUILD_MAX_MS = 600_000;
const TURN_MS = 500;
const FILES_MAX = 5_000;
const NOT_SOURCES = new Set(["node_modules", "dist"]);
const STEP = "web console";

/** Step of `up`. @throws CommandError with the end of the build's output. */
export async function buildConsole(_config: Config, report: Report): Promise<void> {
  const folder = join(programFolder, "console");
  if (!existsSync(join(folder, "package.json"))) return;
  const stamp = join(folder, "dist", ".cordon-stamp");
  const wanted = hashSources(folder);
  const isBuilt = () => existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
  if (isBuilt()) return;
  const lock = await takeTurn(join(programFolder, ".cordon-console-build"), report);
  try {
    if (isBuilt()) return;
    await npm(folder, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], () =>
      report({ type: "note", step: STEP, message: "installing its packages" }),
    );
    await npm(folder, ["run", "build"], () =>
      report({ type: "note", step: STEP, message: "building" }),
    );
    writeFileSync(stamp, wanted);
  } finally {
    lock.release();
  }
}

/** Two starts of one program would install into one folder at once, and break it. */
async function takeTurn(file: string, report: Report): Promise<Lock> {
  const until = performance.now() + BUILD_MAX_MS;
  for (let told = false; performance.now() < until; told = true) {
    const lock = takeLock(file);
    if ("release" in lock) return lock;
    const message = `waiting for the build by process ${lock.heldBy.pid}`;
    if (!told) report({ type: "note", step: STEP, message });
    await sleep(TURN_MS);
  }
  throw new CommandError("Cannot build the console: another process builds it for too long", {
    fix: `see who holds ${file}`,
  });
}

async function npm(folder: string, args: readonly string[], tell: () => void): Promise<void> {
  tell();
  const result = await runProgram(["npm", ...args], {
    timeMaxMs: BUILD_MAX_MS,
    cwd: folder,
    // npm must run what it runs under this Node, not under the machine's older one.
    env: { PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}` },
  });
  if (result.status === 0) return;
  throw new CommandError(`Cannot build the console: npm ${args[0]} failed:\n${result.output}`, {
    fix: `see what is wrong with: cd ${folder} && npm ${args.join(" ")}`,
  });
}

function hashSources(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !NOT_SOURCES.has(entry.name))
    .flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(join(folder, entry.name), { recursive: true, withFileTypes: true })
            .filter((inner) => inner.isFile())
            .map((inner) => join(inner.parentPath, inner.name))
        : [join(folder, entry.name)],
    )
    .toSorted();
  if (files.length > FILES_MAX)
    throw new CommandError(`Cannot hash console/: ${files.length} files`);
  for (const file of files) {
    hash.update(`${file.slice(programFolder.length)}\0`).update(readFileSync(file));
  }
  // The contracts are built into the console as data.
  hash.update(JSON.stringify(catalog));
  return hash.digest("hex");
}
