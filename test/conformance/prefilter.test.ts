/** The candidate filter is an optimization: with it and without it the same rules match. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readCases } from "../../src/cli/conformance-crs-cases.ts";
import { exchange } from "../../src/cli/conformance-crs-run.ts";
import { lowerAscii } from "../../src/engines/seclang/operators/operator.ts";
import { programFolder } from "../../src/kernel/config.ts";
import { loadRuleset, setupFileOf } from "../../src/kernel/rules/load.ts";

const rules = "/usr/share/modsecurity-crs/rules";
const tests = join(programFolder, "..", "shared", "conformance", "crs", "v3.3.4");
const missing = [rules, tests].filter((folder) => !existsSync(folder));
const skipped = missing.length > 0 ? ` (skipped: there is no ${missing.join(", ")})` : "";

/** Every fourth request keeps the run short and still meets every file of tests. */
const STEP = 4;
const MUTATED_REQUESTS = 600;

const load = () => loadRuleset({ setupFile: setupFileOf(rules), rulesFolder: rules });
const readRequests = () =>
  readCases(tests).flatMap((one) => one.stages.map((stage) => stage.request));

function matchesOf(ruleset: ReturnType<typeof load>, request: string, usePrefilter: boolean) {
  return exchange(ruleset, request, { usePrefilter }).matches.map(
    ({ ruleId, variable, value }) => `${ruleId} ${variable} ${value}`,
  );
}

test.skipIf(missing.length > 0)(
  `the filter changes no match of the Core Rule Set's test requests, met first or again${skipped}`,
  { timeout: 180_000 },
  () => {
    const ruleset = load();
    const requests = readRequests();
    expect(requests.length).toBeGreaterThan(1_000);
    for (let at = 0; at < requests.length; at += STEP) {
      const request = requests[at] ?? "";
      const all = matchesOf(ruleset, request, false);
      expect(matchesOf(ruleset, request, true), request).toEqual(all);
      // The second time the values are remembered, with what the first time found out.
      expect(matchesOf(ruleset, request, true), request).toEqual(all);
    }
  },
);

/** One change behind the request line's method: a byte doubled, swapped in case, or put in. */
type Mutation = {
  readonly at: number;
  readonly kind: "double" | "case" | "insert";
  readonly byte: number;
};

function mutate(request: string, { at, kind, byte }: Mutation): string {
  const from = request.indexOf(" ") + 2;
  const place = from + (at % Math.max(1, request.length - from));
  const one = request.charAt(place);
  const swapped = /[a-z]/.test(one) ? one.toUpperCase() : lowerAscii(one);
  const middle = { double: one + one, case: swapped, insert: one + String.fromCharCode(byte) }[
    kind
  ];
  return request.slice(0, place) + middle + request.slice(place + 1);
}

test.skipIf(missing.length > 0)(
  `the filter changes no match of mutated test requests either${skipped}`,
  { timeout: 180_000 },
  () => {
    const ruleset = load();
    const requests = readRequests();
    const mutation = fc.record({
      at: fc.nat(4_000),
      kind: fc.constantFrom("double" as const, "case" as const, "insert" as const),
      byte: fc.oneof(fc.constantFrom(0x20, 0x25, 0x27, 0x2f, 0x5c, 0x3c, 0), fc.nat(255)),
    });
    const changes = fc.array(mutation, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(fc.nat(requests.length - 1), changes, (at, mutations) => {
        const request = mutations.reduce(mutate, requests[at] ?? "");
        expect(matchesOf(ruleset, request, true)).toEqual(matchesOf(ruleset, request, false));
      }),
      { numRuns: MUTATED_REQUESTS },
    );
  },
);
