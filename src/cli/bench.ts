/** `cordon bench [NAME]`: runs the measurements of `bench/`. They print; they judge nothing. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { programFolder } from "../kernel/config.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";

const SUFFIX = ".bench.ts";

export async function bench(args: readonly string[]): Promise<ExitStatus> {
  const folder = join(programFolder, "bench");
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length));
  const unknown = args.find((arg) => !names.includes(arg));
  if (unknown !== undefined) {
    throw new CommandError(`There is no measurement "${unknown}"`, {
      fix: `measurements are ${names.join(", ")}`,
      status: EXIT.usage,
    });
  }
  let worst: ExitStatus = EXIT.ok;
  for (const name of args.length > 0 ? args : names) {
    process.stderr.write(`bench ${name}\n`);
    const child = spawn(process.execPath, [join(folder, `${name}${SUFFIX}`)], { stdio: "inherit" });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    if (code !== 0) worst = EXIT.problem;
  }
  return worst;
}
