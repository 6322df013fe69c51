/** `cordon version`: of the program and of the Node it runs on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { programFolder } from "../kernel/config.ts";
import { EXIT, type ExitStatus } from "./exit.ts";

export async function version(): Promise<ExitStatus> {
  const text = readFileSync(join(programFolder, "package.json"), "utf8");
  const found = /"version": "([^"]+)"/.exec(text)?.[1] ?? "unknown";
  process.stdout.write(`cordon ${found} (Node ${process.versions.node})\n`);
  return EXIT.ok;
}
