/** Rules of an operator in the rule language: a small set for one site, beside the installed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compileRuleset, type Ruleset } from "../../engines/seclang/engine.ts";
import { programFolder } from "../config.ts";

/** Name of the text in messages about its lines. */
export const OWN_RULES = "own rules";

/**
 * Compiles the text with the settings of the engine before it. No file of the machine is read.
 *
 * @throws SecLangError with the line of every fault.
 */
export function compileOwnRules(text: string): Ruleset {
  const settings = join(programFolder, "content", "waf", "engine.conf");
  const sources = [
    { name: "engine.conf", text: readFileSync(settings, "latin1") },
    { name: OWN_RULES, text: Buffer.from(text, "utf8").toString("latin1") },
  ];
  return compileRuleset(sources, { dataFile: () => undefined });
}
