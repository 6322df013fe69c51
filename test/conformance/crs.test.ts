/** How our engine fares in the Core Rule Set's own regression tests. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCases } from "../../src/cli/conformance-crs-cases.ts";
import { exchange, runCases } from "../../src/cli/conformance-crs-run.ts";
import { startSocketRun } from "../../src/cli/conformance-crs-socket.ts";
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
    async () => {
      const ruleset = loadRuleset({ setupFile: setupFileOf(rules), rulesFolder: rules });
      const score = await runCases((request) => exchange(ruleset, request), readCases(tests));
      const failures = score.failures.map(({ test: name }) => name);
      console.info(`${score.passed} passed, ${score.failed} failed: ${failures.join(", ")}`);
      expect(score.passed).toBeGreaterThan(1_900);
      expect([...new Set(failures)].sort()).toEqual([...failing]);
    },
  );
}

/** Over sockets a few requests of each file will do: the engine is the same. */
const STEP = 60;
const [{ rules, tests }] = runs;
const missing = [rules, tests].filter((folder) => !existsSync(folder));

test.skipIf(missing.length > 0)(
  "a sample of the tests passes over sockets as it does in process, and a wrong expectation fails",
  { timeout: 120_000 },
  async () => {
    const sample = readCases(tests).filter((_, at) => at % STEP === 0);
    const run = await startSocketRun(rules, sample);
    try {
      const score = await runCases(run.ask, sample);
      expect(score.failures).toEqual([]);
      expect(score.passed).toBe(sample.length);
      const [first] = sample.filter(({ stages }) => (stages[0]?.expected.log.length ?? 0) > 0);
      const stages = (first?.stages ?? []).map(({ request, expected }) => ({
        request,
        expected: { ...expected, log: ['id "999999999"'] },
      }));
      const wrong = await runCases(run.ask, [{ test: "wrong", file: "wrong", stages }]);
      expect(wrong.failed).toBe(1);
    } finally {
      run.close();
    }
  },
);
