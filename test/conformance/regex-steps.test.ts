/**
 * No pattern of the Core Rule Set takes long on any value: hostile values are made from each
 * pattern's own syntax tree, and what is counted is work, not time. Method: docs/decisions/0034.
 */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { parsePattern } from "../../src/engines/regex/parser.ts";
import { compilePattern } from "../../src/engines/regex/pattern.ts";
import { pikeSteps } from "../../src/engines/regex/pike.ts";
import { hostileValues, rulePatterns } from "../rule-patterns.ts";

const folders = ["/usr/share/modsecurity-crs/rules", process.env.CORDON_CRS_4_RULES ?? ""];

test.for(folders.filter((folder) => existsSync(folder)))(
  "no pattern of %s needs more than automata and a search within its budget on 64 KB made to hurt it",
  { timeout: 300_000 },
  (folder) => {
    const faults: string[] = [];
    for (const source of rulePatterns(folder)) {
      const { node } = parsePattern(source, { i: false, s: true, m: false, x: false });
      const pattern = compilePattern(source, { dotAll: true, multiline: false, ignoreCase: false });
      for (const value of hostileValues(node)) {
        const before = pikeSteps();
        pattern.exec(value);
        if (pikeSteps() > before) faults.push(`automata gave up: ${source}`);
      }
      if (pattern.limitExceeded() > 0) faults.push(`ran out of steps: ${source}`);
    }
    expect(faults).toEqual([]);
  },
);
