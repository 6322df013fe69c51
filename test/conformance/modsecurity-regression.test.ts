/**
 * ModSecurity's regression suite: rules, a request, and what must come of it. The suite is not part
 * of this repository; CORDON_MODSECURITY_REGRESSION names its folder `test-cases/regression`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Value } from "typebox/value";
import { expect, test } from "vitest";
import { type Case, Cases, type Outcome, runCase } from "./modsecurity-regression-run.ts";

const folder = process.env.CORDON_MODSECURITY_REGRESSION ?? "";
const isThere = folder !== "" && existsSync(folder);
const skipped = isThere
  ? ""
  : " (skipped: CORDON_MODSECURITY_REGRESSION names no folder with the suite)";

/** Programs and data that the suite itself does not take for granted. */
const RESOURCES = new Set(["geoip-or-maxmind", "maxmind", "geoip", "lua", "ssdeep", "curl"]);

/** What is refused when rules are loaded, by decision; the rest of such a case is not judged. */
const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["rules start no programs", /secrulescript|@inspectFile|"exec"/],
  ["rules and lists are not fetched", /secremoterules|data file "https:/],
  ["files that include others are given whole", /"include"/],
  ["documents are not validated against a schema", /@validate(?:Schema|DTD)|secxmlexternalentity/],
  ["no look-up of places", /secgeolookupdb/],
  ["no fuzzy hashes", /@fuzzyHash/],
  ["a quote that is not closed", /that is not closed/],
  ["a chain that is not ended", /starts a chain that the file does not end/],
  ["a rule without an id", /has no id/],
  ["a pattern that cannot be read", /@rx: /],
];

/** Lines that say what our engine knows as well; other lines are that engine's own. */
const JUDGED =
  /Target value|Variable: |Rule returned|Executing operator|t:\w+: |against variable|Added \w+ (?:match|subexpression)|Saving |Setting environment|was skipped|Skipped rule id '\d+'\. |msg "|MatchedVar|Access denied/;

/** Cases with another outcome here, by file; the reasons are in docs/conformance.md. */
const DIFFERENT: Readonly<Record<string, number>> = {
  "action-msg": 1,
  "action-xmlns": 1,
  "collection-case-insensitive": 1,
  "collection-resource": 1,
  "collection-tx-with-macro": 2,
  "config-body_limits": 6,
  "config-secdefaultaction": 1,
  "config-update-action-by-id": 1,
  "config-update-target-by-id": 1,
  "config-xml_external_entity": 1,
  "issue-1576": 2,
  "issue-1831": 1,
  "issue-1941": 1,
  "issue-2296": 3,
  "operator-detectsqli": 1,
  "operator-rx": 3,
  "variable-ENV": 3,
  "variable-FULL_REQUEST_LENGTH": 1,
  "variable-MULTIPART_STRICT_ERROR": 1,
  "variable-REQUEST_URI": 2,
  "variable-RULE": 1,
  "variable-SESSIONID": 1,
  "variable-STATUS": 1,
  "variable-USERID": 1,
};

type Judgement = { readonly kind: string; readonly why: string };

function judge(one: Case, dataFile: (name: string) => string | undefined): Judgement {
  if (one.enabled === 0) return { kind: "not applicable", why: "the suite has switched it off" };
  if (one.resource !== undefined && RESOURCES.has(one.resource)) {
    return { kind: "not applicable", why: `needs ${one.resource}` };
  }
  const outcome = runCase(one, dataFile);
  const { parser_error: parserError } = one.expected;
  if (outcome.faults === undefined && parserError === undefined) return compare(one, outcome);
  if (outcome.faults !== undefined && parserError !== undefined) return { kind: "passed", why: "" };
  const reason = REFUSED.find(([, pattern]) => pattern.test(outcome.faults ?? ""))?.[0];
  if (reason !== undefined) return { kind: "not applicable", why: reason };
  return { kind: "different", why: outcome.faults ?? `no fault, wanted ${parserError}` };
}

function compare({ expected }: Case, { status, location, log }: Outcome): Judgement {
  const wanted = expected.http_code ?? 200;
  if (status !== wanted) return { kind: "different", why: `${status}, wanted ${wanted}` };
  if (location !== (expected.redirect_url ?? location)) return { kind: "different", why: location };
  const lines = [expected.debug_log, expected.error_log].filter((line) => line !== undefined);
  const judged = lines.filter((line) => JUDGED.test(line));
  // Names of operators are written in another case there.
  const lacks = judged.find((line) => !new RegExp(line, "ims").test(log));
  if (lacks !== undefined) return { kind: "different", why: `lacks ${lacks}` };
  const isWhole = judged.length === lines.filter((line) => line !== "").length;
  return { kind: isWhole ? "passed" : "passed by its status", why: "" };
}

test.skipIf(!isThere)(
  `ModSecurity's regression cases come out as there, but for those named${skipped}`,
  () => {
    const dataFile = (name: string): string | undefined => {
      const places = [join(folder, "..", "data", basename(name)), join(folder, name)];
      const file = places.find((place) => existsSync(place));
      return file === undefined ? undefined : readFileSync(file, "latin1");
    };
    const counts: Record<string, number> = {};
    const different: Record<string, number> = {};
    const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
    for (const file of files.sort()) {
      const cases: unknown = JSON.parse(readFileSync(join(folder, file), "utf8"));
      for (const one of Value.Parse(Cases, cases)) {
        const { kind, why } = judge(one, dataFile);
        const name = kind === "not applicable" ? `${kind}: ${why}` : kind;
        counts[name] = (counts[name] ?? 0) + 1;
        if (kind !== "different") continue;
        const of = basename(file, ".json");
        different[of] = (different[of] ?? 0) + 1;
        console.info(`${of}: ${one.title}: ${why}`);
      }
    }
    console.info(counts);
    expect(Object.keys(counts).length).toBeGreaterThan(3);
    expect(different).toEqual(DIFFERENT);
  },
);
