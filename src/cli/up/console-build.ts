/** Builds the web console when it is missing or older than its sources (told by a hash). */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { type Config, programFolder } from "../../kernel/config.ts";
import { CommandError } from "../exit.ts";
import type { Report } from "../progress.ts";
import { runProgram } from "./program.ts";

const BUILD_MAX_MS = 600_000;
const FILES_MAX = 5_000;
const NOT_SOURCES = new Set(["node_modules", "dist"]);
const STEP = "web console";

/** Step of `up`. @throws CommandError with the end of the build's output. */
export async function buildConsole(_config: Config, report: Report): Promise<void> {
  const folder = join(programFolder, "console");
  if (!existsSync(join(folder, "package.json"))) return;
  const stamp = join(folder, "dist", ".cordon-stamp");
  const wanted = hashSources(folder);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  // npm must run what it runs under this Node, not under the machine's older one.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}`;
  const npm = async (args: readonly string[], what: string): Promise<void> => {
    report({ type: "note", step: STEP, message: what });
    const result = await runProgram(["npm", ...args], {
      timeMaxMs: BUILD_MAX_MS,
      cwd: folder,
      env: { PATH: path },
    });
    if (result.status === 0) return;
    throw new CommandError(`Cannot build the console: npm ${args[0]} failed:\n${result.output}`, {
      fix: `see what is wrong with: cd ${folder} && npm ${args.join(" ")}`,
    });
  };
  await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], "installing its packages");
  await npm(["run", "build"], "building");
  writeFileSync(stamp, wanted);
}

/** The contracts are built into the console, so a change of one of them is a change of it. */
function contractFiles(): string[] {
  const services = join(programFolder, "src", "services");
  const files = readdirSync(services, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !/(?:store|service|domain|test)\.ts$/.test(name))
    .map((name) => join(services, name));
  return [...files, join(programFolder, "src", "kernel", "operation.ts")].toSorted();
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
  for (const file of [...files, ...contractFiles()]) {
    hash.update(`${file.slice(programFolder.length)}\0`).update(readFileSync(file));
  }
  return hash.digest("hex");
}
