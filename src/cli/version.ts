/** `cordon version`: of the program and of the Node it runs on. */
import { programVersion } from "../kernel/version.ts";
import { EXIT, type ExitStatus } from "./exit.ts";

export async function version(): Promise<ExitStatus> {
  process.stdout.write(`cordon ${programVersion()} (Node ${process.versions.node})\n`);
  return EXIT.ok;
}
