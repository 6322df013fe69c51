/**
 * `cordon doctor`: what works on this machine, what does not, why, and how to switch it on. It
 * changes nothing in the data folder and may run beside a running Cordon.
 */
import { type Config, readConfig } from "../kernel/config.ts";
import { messageOf } from "../kernel/process/text.ts";
import { type Check, type Result, runChecks } from "./doctor-check.ts";
import { DATABASE_CHECKS } from "./doctor-database.ts";
import { KEYS_CHECK } from "./doctor-keys.ts";
import { MACHINE_CHECKS } from "./doctor-machine.ts";
import { placeChecks } from "./doctor-place.ts";
import { PROGRAM_CHECKS } from "./doctor-programs.ts";
import { STATE_CHECKS } from "./doctor-state.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { table, wantsJson } from "./table.ts";
import { withShortRunFolder } from "./up/folders.ts";

const HEAD = ["NAME", "STATE", "WHY", "FIX"] as const;

/** @returns 0 unless something that Cordon needs is off. */
export async function doctor(args: readonly string[]): Promise<ExitStatus> {
  const json = readOutput(args);
  const config = withShortRunFolder(readConfig(process.env));
  const results = await doctorResults(config);
  const ok = results.every((result) => !result.needed || result.state !== "off");
  process.stdout.write(
    json ? `${JSON.stringify({ ok, checks: results })}\n` : table([HEAD, ...results.map(cells)]),
  );
  return ok ? EXIT.ok : EXIT.problem;
}

/** Every check of this configuration, run. */
export function doctorResults(config: Config): Promise<readonly Result[]> {
  return runChecks(checksFor(config), config);
}

function checksFor(config: Config): readonly Check[] {
  const place = placeChecks(config);
  return [
    ...MACHINE_CHECKS,
    ...place,
    KEYS_CHECK,
    ...PROGRAM_CHECKS,
    ...STATE_CHECKS,
    ...DATABASE_CHECKS,
  ];
}

function cells({ name, needed, state, why, fix }: Result): readonly string[] {
  return [name, state === "off" && needed ? "off (needed)" : state, why, fix];
}

function readOutput(args: readonly string[]): boolean {
  try {
    return wantsJson(args);
  } catch (error) {
    throw new CommandError(messageOf(error), { status: EXIT.usage });
  }
}
