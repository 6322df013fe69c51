/** Compares every @rx pattern of Debian's CRS with Perl, on texts of the CRS test suite. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { rulePatterns } from "../../../test/rule-patterns.ts";
import { compilePattern } from "./pattern.ts";

const RULES = "/usr/share/modsecurity-crs/rules";
const SUITE = join(import.meta.dirname, "../../../../shared/conformance/crs/v3.3.4");
const FLAGS = { dotAll: true, multiline: false, ignoreCase: false };
const TEXTS_MAX = 1200;
const hasPerl = spawnSync("perl", ["-v"]).status === 0;

function unescapeUrl(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Values of the suite's uri, data and header lines, decoded, and mutations of them. */
function payloads(): string[] {
  const texts = new Set<string>(["", "\n", "\xa0\xe9", "1 or 1=1\n"]);
  for (const folder of readdirSync(SUITE)) {
    for (const file of readdirSync(join(SUITE, folder))) {
      const yaml = readFileSync(join(SUITE, folder, file), "latin1");
      for (const [, text = ""] of yaml.matchAll(/^ +(?:uri|data|[A-Z][\w-]+): "?(.*?)"?$/gm)) {
        texts.add(unescapeUrl(text).slice(0, 300));
        texts.add(unescapeUrl(text.replace(/^[^=]*=/, "")).slice(0, 300));
      }
    }
  }
  const all = [...texts];
  const stride = Math.max(1, Math.ceil((all.length * 1.5) / TEXTS_MAX));
  const sample = all.filter((_, i) => i % stride === 0);
  const mutated = sample.map((text, i) =>
    i % 3 === 0 ? `${text}\n` : i % 3 === 1 ? text.toUpperCase() : text.slice(0, -1),
  );
  return [...sample, ...mutated.filter((_, i) => i % 2 === 0)];
}

/** Reads "hex pattern" lines, a blank line, "hex value" lines; prints spans per pattern. */
const PERL = `
my (@p, @v, $second); while (<STDIN>) { chomp; if ($_ eq '-') { $second = 1; next }
my $b = pack('H*', $_); if ($second) { push @v, $b } else { push @p, $b } }
no warnings; for my $p (@p) { my $re = eval { qr/$p/s }; if (!defined $re) { print "?\\n"; next }
my @o; for my $i (0..$#v) { if ($v[$i] =~ $re) { push @o, join(':', $i, $-[0], $+[0],
map { defined $-[$_] ? $-[$_].'+'.($+[$_]-$-[$_]) : '' } 1..$#-) } } print join(' ', @o), "\\n" }`;

const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");

function perlMatches(patterns: readonly string[], values: readonly string[]): string[] {
  const input = [...patterns.map(hex), "-", ...values.map(hex)].join("\n");
  const run = spawnSync("perl", ["-e", PERL], { input: `${input}\n`, maxBuffer: 1 << 28 });
  return run.stdout.toString("latin1").split("\n");
}

test.skipIf(!existsSync(RULES))("every @rx pattern of the Core Rule Set compiles", () => {
  const patterns = rulePatterns(RULES);
  expect(patterns.length).toBeGreaterThan(200);
  for (const pattern of patterns) compilePattern(pattern, FLAGS);
});

test.skipIf(!existsSync(RULES) || !existsSync(SUITE) || !hasPerl)(
  "Core Rule Set patterns match the suite's texts where Perl does, and only values that pass the prefilter",
  { timeout: 60_000 },
  () => {
    const patterns = rulePatterns(RULES);
    const values = payloads();
    const lower = values.map((value) => value.toLowerCase());
    const expected = perlMatches(patterns, values);
    const differences: string[] = [];
    let matches = 0;
    for (const [p, source] of patterns.entries()) {
      if (expected[p] === "?") continue;
      const compiled = compilePattern(source, FLAGS);
      const wanted = new Map<number, string[]>();
      for (const entry of (expected[p] ?? "").split(" ").filter(Boolean)) {
        const [index = "", ...spans] = entry.split(":");
        wanted.set(Number(index), spans);
      }
      for (const [v, value] of values.entries()) {
        const perl = wanted.get(v);
        const matched = compiled.test(value);
        if (matched !== (perl !== undefined)) differences.push(`test ${source}  ON  ${value}`);
        if (!matched || perl === undefined) continue;
        matches++;
        const found = compiled.exec(value);
        if (`${found?.start}:${found?.end}` !== `${perl[0]}:${perl[1]}`) {
          differences.push(`span ${source}  ON  ${value}`);
        }
        const groups = perl.slice(2).map((group) => {
          if (group === "") return undefined;
          const [start = 0, length = 0] = group.split("+").map(Number);
          return value.slice(start, start + length);
        });
        const captures = found?.captures.slice(1, 1 + groups.length);
        if (JSON.stringify(captures) !== JSON.stringify(groups)) {
          differences.push(`captures ${source}  ON  ${value}`);
        }
        const { required } = compiled;
        const passes =
          required.kind === "none" ||
          (required.kind === "bytes"
            ? [...value].some((char) => required.bytes[char.charCodeAt(0)] === 1)
            : required.literals.some((literal) => lower[v]?.includes(literal)));
        if (!passes) differences.push(`prefilter ${source}  ON  ${value}`);
      }
    }
    expect(differences.slice(0, 20)).toEqual([]);
    expect(matches).toBeGreaterThan(1000);
  },
);
