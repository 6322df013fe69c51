/**
 * Prints the CPU that the slowest patterns of the Core Rule Set take on 64 KB made to hurt them,
 * each the least of a few runs: with automata made by an earlier value, and as the first value.
 * CORDON_BENCH_CRS4 names a folder of newer rules.
 */
import { existsSync } from "node:fs";
import { parsePattern } from "../src/engines/regex/parser.ts";
import { compilePattern, type Pattern } from "../src/engines/regex/pattern.ts";
import { hostileValues, rulePatterns } from "../test/rule-patterns.ts";
import { printRow, printSkip } from "./row.ts";

const RULES = process.env.CORDON_BENCH_CRS4 ?? "/usr/share/modsecurity-crs/rules";
const RUNS = 4;
const SHOWN = 5;
const SOURCE_CHARS_SHOWN = 60;

/** CPU milliseconds of the fastest of a few runs. */
function cpuMillis(pattern: () => Pattern, value: string): number {
  const runs = Array.from({ length: RUNS }, () => {
    const ready = pattern();
    const before = process.cpuUsage();
    ready.exec(value);
    const used = process.cpuUsage(before);
    return (used.user + used.system) / 1000;
  });
  return Math.min(...runs);
}

function worst(source: string): { source: string; warm: number; first: number } {
  const { node } = parsePattern(source, { i: false, s: true, m: false, x: false });
  const compile = () =>
    compilePattern(source, { dotAll: true, multiline: false, ignoreCase: false });
  const pattern = compile();
  const values = hostileValues(node);
  const first = Math.max(...values.map((value) => cpuMillis(compile, value)));
  for (const value of values) pattern.exec(value);
  return { source, first, warm: Math.max(...values.map((v) => cpuMillis(() => pattern, v))) };
}

if (existsSync(RULES)) {
  const rows = rulePatterns(RULES).map(worst);
  for (const how of ["warm", "first"] as const) {
    for (const row of rows.sort((a, b) => b[how] - a[how]).slice(0, SHOWN)) {
      const value = how === "warm" ? "a later value" : "the first value";
      printRow({
        bench: "regex-worst",
        what: `${value}, ${row.source.slice(0, SOURCE_CHARS_SHOWN)}`,
        value: row[how],
        unit: "ms CPU",
        goal: "< 5",
      });
    }
  }
} else printSkip("regex-worst", `there is no ${RULES}`);
