/** One check of `cordon doctor` as data, and how checks are run; not what they look at. */
import type { Config } from "../kernel/config.ts";
import { messageOf } from "../kernel/process/text.ts";

export type Finding = {
  /** `off`: it does not work here. `warning`: it works, but not as it should. */
  readonly state: "on" | "off" | "warning";
  readonly why: string;
  /** What to do; empty when nothing has to be done. */
  readonly fix: string;
};

export type Check = {
  /** In kebab-case. */
  readonly name: string;
  /** True when Cordon cannot do its work while this is off. */
  readonly needed: boolean;
  readonly run: (config: Config) => Promise<Finding>;
};

export type Result = Finding & { readonly name: string; readonly needed: boolean };

/** Longer than any program that a check runs may take. */
export const CHECK_MAX_MS = 25_000;
const WHY_CHARS_MAX = 300;

/**
 * Runs all checks at once. A check that fails or takes longer than `timeMaxMs` is off with the
 * reason, so that one broken part never hides the others.
 */
export function runChecks(
  checks: readonly Check[],
  config: Config,
  timeMaxMs = CHECK_MAX_MS,
): Promise<readonly Result[]> {
  return Promise.all(checks.map((check) => runCheck(check, config, timeMaxMs)));
}

async function runCheck(check: Check, config: Config, timeMaxMs: number): Promise<Result> {
  const { name, needed } = check;
  const { promise: late, resolve } = Promise.withResolvers<Finding>();
  const why = `the check did not end within ${timeMaxMs} ms`;
  const timer = setTimeout(() => resolve(off(why, "run ./cordon doctor again")), timeMaxMs);
  try {
    const finding = await Promise.race([check.run(config), late]);
    return { name, needed, ...finding, why: oneLine(finding.why) };
  } catch (error) {
    const fix = fixOf(error) ?? "repair what the reason names, then run ./cordon doctor again";
    return { name, needed, ...off(oneLine(messageOf(error)), fix) };
  } finally {
    clearTimeout(timer);
  }
}

export function on(why: string): Finding {
  return { state: "on", why, fix: "" };
}

export function warning(why: string, fix: string): Finding {
  return { state: "warning", why, fix };
}

export function off(why: string, fix: string): Finding {
  return { state: "off", why, fix };
}

/** The way out that an error of Cordon's own carries. */
function fixOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("fix" in error)) return undefined;
  return typeof error.fix === "string" ? error.fix : undefined;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, WHY_CHARS_MAX);
}
