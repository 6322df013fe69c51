/** The name of this control plane among those that share a database: made once, kept in a file. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";
import { newId } from "./id.ts";

const FORM = /^cp-[0-9a-z]{10}$/;

/** Reads the name, or makes one. @throws Error when the file holds something else. */
export function instanceOf(config: Config): string {
  const file = join(config.dataFolder, "instance");
  if (!existsSync(file)) {
    mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, `${newId("cp")}\n`, { mode: 0o600, flush: true });
    renameSync(`${file}.new`, file);
  }
  const name = readFileSync(file, "utf8").trim();
  if (!FORM.test(name)) {
    throw new Error(`Cannot read ${file}: "${name}" is no name of a control plane (cp-xxxxxxxxxx)`);
  }
  return name;
}
