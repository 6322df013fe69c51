/** The prefilter is an optimization: with it and without it the same rules match. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCases } from "../../src/cli/conformance-crs-cases.ts";
import { exchange } from "../../src/cli/conformance-crs-run.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { loadRuleset, setupFileOf } from "../../src/kernel/rules/load.ts";

const rules = "/usr/share/modsecurity-crs/rules";
const tests = join(programFolder, "..", "shared", "conformance", "crs", "v3.3.4");
const missing = [rules, tests].filter((folder) => !existsSync(folder));

/** Every fourth request keeps the run short and still meets every file of tests. */
const STEP = 4;

test.skipIf(missing.length > 0)(
  `the prefilter changes no match of the Core Rule Set's test requests${missing.length > 0 ? ` (skipped: there is no ${missing.join(", ")})` : ""}`,
  { timeout: 180_000 },
  () => {
    const ruleset = loadRuleset({ setupFile: setupFileOf(rules), rulesFolder: rules });
    const requests = readCases(tests).flatMap((one) => one.stages.map((stage) => stage.request));
    expect(requests.length).toBeGreaterThan(1_000);
    for (let at = 0; at < requests.length; at += STEP) {
      const request = requests[at] ?? "";
      const matches = (usePrefilter: boolean) =>
        exchange(ruleset, request, { usePrefilter }).matches.map(
          ({ ruleId, variable, value }) => `${ruleId} ${variable} ${value}`,
        );
      expect(matches(true), request).toEqual(matches(false));
    }
  },
);
