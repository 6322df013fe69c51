/** Which migrations a database has, which it lacks, and whether the rest may run on it. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type MigrationFile = {
  readonly name: string;
  readonly sha256: string;
  readonly text: string;
};

export type MigrationPlan = {
  /** Names, in order. */
  readonly applied: readonly string[];
  readonly pending: readonly MigrationFile[];
  /** Why nothing may run; undefined when it may. */
  readonly refusal: string | undefined;
};

const NAME = /^\d{4}-[a-z0-9-]+\.sql$/;

/** The numbered files of a folder, in order. */
export async function migrationFiles(folder: string): Promise<readonly MigrationFile[]> {
  const names = (await readdir(folder)).filter((name) => NAME.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), "utf8");
      return { name, text, sha256: createHash("sha256").update(text).digest("hex") };
    }),
  );
}

/**
 * Compares what was applied with the files: forward only, in order, none left out.
 *
 * @param applied name and hash of each migration that the database has.
 */
export function planMigrations(
  files: readonly MigrationFile[],
  applied: ReadonlyMap<string, string>,
): MigrationPlan {
  const names = [...applied.keys()].sort();
  const pending = files.filter(({ name }) => !applied.has(name));
  return { applied: names, pending, refusal: refusalOf(files, applied, names) };
}

function refusalOf(
  files: readonly MigrationFile[],
  applied: ReadonlyMap<string, string>,
  names: readonly string[],
): string | undefined {
  const known = new Map(files.map((file) => [file.name, file.sha256]));
  for (const [name, sha256] of applied) {
    const here = known.get(name);
    if (here === undefined) {
      return (
        `Cannot start on this database: it has migration "${name}", which this version of ` +
        "Cordon does not know. Start the newer version that made it"
      );
    }
    if (here !== sha256) {
      return `Cannot start: migration "${name}" was changed after it was applied`;
    }
  }
  const newest = names.at(-1);
  const skipped = files.find(
    ({ name }) => newest !== undefined && name < newest && !applied.has(name),
  );
  if (skipped === undefined) return undefined;
  return (
    `Cannot start: migration "${skipped.name}" was left out, "${newest}" was applied after it. ` +
    "Restore a backup of before, and upgrade one version after another"
  );
}

/** What a migration is for: the comment it begins with, as one line. */
export function purposeOf({ text }: MigrationFile): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("--"));
  const comment = lines.slice(0, Math.max(end, 0)).map((line) => line.replace(/^--\s?/, ""));
  return (comment.join(" ").split(". ")[0] ?? "").replace(/\.$/, "");
}
