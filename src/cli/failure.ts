/** Prints why a command failed: one sentence and the way out; a stack only for our own faults. */
import { ConfigError } from "../kernel/config.ts";
import { codeOf } from "../kernel/process/text.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

export function printFailure(error: unknown): ExitStatus {
  if (error instanceof CommandError) {
    console.error(`cordon: ${error.message}`);
    if (error.fix !== undefined) console.error(`        ${error.fix}`);
    return error.status;
  }
  if (error instanceof ConfigError) {
    console.error(`cordon: ${error.message}`);
    return EXIT.usage;
  }
  const missing = codeOf(error) === "ERR_MODULE_NOT_FOUND" && error instanceof Error;
  if (missing && /src.cli.[a-z-]+\.ts' imported from/.test(error.message)) {
    console.error("cordon: no such command; see ./cordon help");
    return EXIT.usage;
  }
  console.error("cordon:", error);
  return EXIT.problem;
}
