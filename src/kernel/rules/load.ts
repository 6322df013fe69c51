/** Rule sets on disk: which are installed, and how one becomes a compiled ruleset. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { setImmediate } from "node:timers/promises";
import {
  type CompileResources,
  compileRuleset,
  compileSteps,
  type Ruleset,
  type RulesetSource,
} from "../../engines/seclang/engine.ts";
import { type Config, programFolder } from "../config.ts";
import { type RuleFiles, SETUP_FILE } from "./packed.ts";

/** One installed rule set, as `up` wrote it into `rules/sources.json`. */
export type InstalledRuleset = {
  readonly name: string;
  readonly version: string;
  readonly setupFile: string;
  readonly rulesFolder: string;
};

type RulesetFiles = Pick<InstalledRuleset, "setupFile" | "rulesFolder">;

/** How long requests wait at most for a rule set that is being compiled, about. */
const PIECE_MS = 5;

/** The installed rule sets; empty when there are none. */
export function installedRulesets(config: Config): readonly InstalledRuleset[] {
  const file = join(config.folders.rules, "sources.json");
  if (!existsSync(file)) return [];
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  // Our own file; it is written whole or not at all.
  return Array.isArray(parsed) ? (parsed as InstalledRuleset[]) : [];
}

/**
 * Compiles Cordon's base, the set's own settings and its rules, in the order of their names.
 *
 * @throws SecLangError with file and line of every fault.
 */
export function loadRuleset(installed: RulesetFiles): Ruleset {
  const { sources, resources } = readRuleset(installed);
  return compileRuleset(sources, resources);
}

/**
 * Does what `loadRuleset` does in pieces, between which the process goes on with its other work.
 * A piece is longer than `PIECE_MS` only where a single directive is, or what joins all in the end.
 *
 * @throws SecLangError with file and line of every fault.
 */
export async function loadRulesetInPieces(installed: RulesetFiles): Promise<Ruleset> {
  const { sources, resources } = readRuleset(installed);
  const steps = compileSteps(sources, resources);
  let endMs = performance.now() + PIECE_MS;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() < endMs) continue;
    await setImmediate();
    endMs = performance.now() + PIECE_MS;
  }
}

function readRuleset({ setupFile, rulesFolder }: RulesetFiles) {
  const files = [
    join(programFolder, "content", "waf", "engine.conf"),
    ...(existsSync(setupFile) ? [setupFile] : []),
    ...readdirSync(rulesFolder)
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => join(rulesFolder, name)),
    join(programFolder, "content", "waf", "engine-last.conf"),
  ];
  const sources = files.map(
    (name): RulesetSource => ({ name, text: readFileSync(name, "latin1") }),
  );
  const resources: CompileResources = {
    dataFile: (fromFile, name) => readDataFile(dirname(fromFile), name),
  };
  return { sources, resources };
}

/**
 * Compiles a rule set whose files are in memory, as `loadRuleset` does those of a folder.
 *
 * @throws SecLangError with file and line of every fault.
 */
export function compileRuleFiles(files: RuleFiles): Ruleset {
  const own = (name: string): RulesetSource => ({
    name,
    text: readFileSync(join(programFolder, "content", "waf", name), "latin1"),
  });
  const setup = files.get(SETUP_FILE);
  const rules = [...files]
    .filter(([name]) => name.startsWith("rules/") && name.endsWith(".conf"))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const sources = [
    own("engine.conf"),
    ...(setup === undefined ? [] : [{ name: SETUP_FILE, text: setup }]),
    ...rules.map(([name, text]) => ({ name, text })),
    own("engine-last.conf"),
  ];
  return compileRuleset(sources, { dataFile: (_fromFile, name) => files.get(`rules/${name}`) });
}

/** Data files lie beside the rules; a name that leads elsewhere is treated as missing. */
function readDataFile(folder: string, name: string): string | undefined {
  const file = normalize(join(folder, name));
  if (!file.startsWith(folder + sep) || !existsSync(file)) return undefined;
  return readFileSync(file, "latin1");
}

/**
 * A set's settings, from the folder of its rules: at Debian's place, or beside the folder. In an
 * unpacked release that nobody has set up it is the example, since without settings rule 901001
 * refuses every request.
 */
export function setupFileOf(rulesFolder: string): string {
  const top = rulesFolder.replace(/usr\/share\/modsecurity-crs\/rules\/?$/, "");
  if (top !== rulesFolder) return join(top, "etc/modsecurity/crs/crs-setup.conf");
  const setup = join(rulesFolder, "..", "crs-setup.conf");
  const example = `${setup}.example`;
  return !existsSync(setup) && existsSync(example) ? example : setup;
}

/**
 * The variables that set paranoia level and thresholds, by the names that CRS 3 and 4 use, and that
 * switch on the exclusions of CRS 3 for the applications of the site.
 */
export function siteVariables(site: {
  readonly paranoiaLevel: number;
  readonly inboundThreshold: number;
  readonly outboundThreshold: number;
  readonly policy?: { readonly applications?: readonly string[] } | undefined;
}): Map<string, string> {
  const level = String(site.paranoiaLevel);
  return new Map([
    ["paranoia_level", level],
    ["executing_paranoia_level", level],
    ["blocking_paranoia_level", level],
    ["detection_paranoia_level", level],
    ["inbound_anomaly_score_threshold", String(site.inboundThreshold)],
    ["outbound_anomaly_score_threshold", String(site.outboundThreshold)],
    ...(site.policy?.applications ?? []).map((name): [string, string] => [
      `crs_exclusions_${name}`,
      "1",
    ]),
  ]);
}

const SCORES = {
  inbound: ["anomaly_score", "blocking_inbound_anomaly_score"],
  outbound: ["outbound_anomaly_score", "blocking_outbound_anomaly_score"],
} as const;

/** What a transaction has scored in one direction, by the names that CRS 3 and 4 use. */
export function anomalyScore(
  transaction: { variable(collection: string, name: string): string | undefined },
  direction: keyof typeof SCORES,
): number {
  const scores = SCORES[direction].map((name) => Number(transaction.variable("TX", name)) || 0);
  return Math.max(...scores);
}
