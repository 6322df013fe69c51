/** The version of this program. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { programFolder } from "./config.ts";

/** As package.json has it. */
export function programVersion(): string {
  const text = readFileSync(join(programFolder, "package.json"), "utf8");
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? "unknown";
}
