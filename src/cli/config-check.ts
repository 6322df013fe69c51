/** `cordon config check`: every setting, its value in force and where it comes from. */
import { ConfigError, configEnvironment, readConfig } from "../kernel/config.ts";
import { knownSettings, nearestSetting } from "../kernel/known-settings.ts";
import { CommandError, EXIT, type ExitStatus } from "./exit.ts";
import { table, wantsJson } from "./table.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export type SettingRow = {
  readonly name: string;
  readonly state: "ok" | "invalid" | "unknown";
  readonly value: string;
  readonly from: "environment" | "default" | "unset";
  readonly note: string;
};

const HEAD = ["NAME", "STATE", "VALUE", "FROM", "NOTE"] as const;

/** @returns 0 when every CORDON_ variable is known and valid. */
export async function configCheck(args: readonly string[]): Promise<ExitStatus> {
  let json: boolean;
  try {
    json = wantsJson(args);
  } catch (error) {
    throw new CommandError(String(error), { status: EXIT.usage });
  }
  const rows = settingRows(process.env);
  const ok = rows.every(({ state }) => state === "ok");
  process.stdout.write(
    json
      ? `${JSON.stringify({ ok, settings: rows })}\n`
      : table([
          HEAD,
          ...rows.map(({ name, state, value, from, note }) => [name, state, value, from, note]),
        ]),
  );
  return ok ? EXIT.ok : EXIT.problem;
}

/** A row for each known setting, and for each variable that is none. */
export function settingRows(env: Environment): readonly SettingRow[] {
  const faults = new Map<string, string>();
  for (const { name } of knownSettings) {
    const fault = env[name] === undefined ? undefined : faultOf(name, env);
    if (fault !== undefined) faults.set(name, fault);
  }
  const valid = Object.fromEntries(Object.entries(env).filter(([name]) => !faults.has(name)));
  const inForce: Environment = configEnvironment(readConfig(valid));
  const known = knownSettings.map(({ name, about, secret }): SettingRow => {
    const given = env[name];
    const set = given !== undefined && given !== "";
    const value = set ? given : (inForce[name] ?? "");
    const fault = faults.get(name);
    return {
      name,
      state: fault === undefined ? "ok" : "invalid",
      value: secret === true && value !== "" ? "(secret)" : value,
      from: set ? "environment" : value === "" ? "unset" : "default",
      note: fault ?? about,
    };
  });
  return [...known, ...unknownRows(env)];
}

function unknownRows(env: Environment): SettingRow[] {
  const names = new Set(knownSettings.map(({ name }) => name));
  const others = Object.keys(env).filter((name) => /^CORDON_/.test(name) && !names.has(name));
  return others.sort().map((name) => {
    const nearest = nearestSetting(name);
    const note = nearest === undefined ? "there is no such setting" : `did you mean ${nearest}?`;
    // The value of a misspelled setting may be a secret.
    return { name, state: "unknown", value: "(not shown)", from: "environment", note };
  });
}

/** Why this one cannot be used, told with those that it belongs together with. */
function faultOf(name: string, env: Environment): string | undefined {
  try {
    const together = name.startsWith("CORDON_PKI_") ? { CORDON_PKI_PORT: env.CORDON_PKI_PORT } : {};
    readConfig({ ...together, [name]: env[name] });
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
