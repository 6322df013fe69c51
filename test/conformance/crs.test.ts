/** How our engine fares in the Core Rule Set's own regression tests. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCases } from "../../src/cli/conformance-crs-cases.ts";
import { runCases } from "../../src/cli/conformance-crs-run.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { loadRuleset, setupFileOf } from "../../src/kernel/rules/load.ts";

const suites = join(programFolder, "..", "shared", "conformance", "crs");

/** Tests that cannot pass, with the reasons, are in docs/conformance.md; the list never grows. */
const runs = [
  {
    version: "3.3.4",
    rules: "/usr/share/modsecurity-crs/rules",
    tests: join(suites, "v3.3.4"),
    failing: ["920181-1", "920272-5", "941330-1"],
  },
  {
    version: "4.28.0",
    // No distribution has these rules yet: name a folder of the release.
    rules: process.env.CORDON_CRS_4_RULES ?? "the folder that CORDON_CRS_4_RULES names",
    tests: join(suites, "v4.28.0"),
    failing: ["920181-1", "920620-1"],
  },
] as const;

for (const { version, rules, tests, failing } of runs) {
  const missing = [rules, tests].filter((folder) => !existsSync(folder));
  const skipped = missing.length > 0 ? ` (skipped: there is no ${missing.join(", ")})` : "";
  test.skipIf(missing.length > 0)(
    `all of the Core Rule Set's own tests (v${version}) pass but ${failing.length}${skipped}`,
    { timeout: 240_000 },
    () => {
      const ruleset = loadRuleset({ setupFile: setupFileOf(rules), rulesFolder: rules });
      const score = runCases(ruleset, readCases(tests));
      const failures = score.failures.map(({ test: name }) => name);
      console.info(`${score.passed} passed, ${score.failed} failed: ${failures.join(", ")}`);
      expect(score.passed).toBeGreaterThan(1_900);
      expect([...new Set(failures)].sort()).toEqual([...failing]);
    },
  );
}
