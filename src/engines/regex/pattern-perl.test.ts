/** Compares random patterns of what only PCRE has with Perl, which agrees with PCRE on them. */
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compilePattern } from "./pattern.ts";

const hasPerl = spawnSync("perl", ["-v"]).status === 0;
const FLAGS = { dotAll: false, multiline: false, ignoreCase: false };

const unit = fc.constantFrom(
  ...["a", "b", "B", "\\n", ".", "\\s", "\\h", "\\R", "[[:upper:]]", "[]a]", "\\x{62}", "\\101"],
  ...["^", "$", "\\A", "\\z", "\\Z", "\\b", "(?i)", "(?s)", "(?m)", "(?#note)", "\\N"],
);
const quantifier = fc.constantFrom(
  "*",
  "+",
  "?",
  "*?",
  "*+",
  "++",
  "?+",
  "{1,2}+",
  "{2}",
  "{0,1}?",
);
const wrapper = fc.constantFrom(
  ...["(", "(?:", "(?i:", "(?-i:", "(?m:", "(?>", "(?=", "(?!", "(?<name>", "(?x: "],
);
/** "@" stands for the number of the group that was opened last. */
const reference = fc.constantFrom("\\@", "\\b\\@\\b", "(?!\\@)", "(?i:\\@)", "(?:\\@|a)*");
const numbered = (source: string): string => {
  let groups = 0;
  return source.replace(/\((?:\?<name>|(?!\?))|@/g, (found) => {
    if (found !== "@") groups++;
    return found === "@" ? `${groups}` : found;
  });
};
/** Perl keeps what a group inside a negative lookahead has captured, PCRE does not. */
const CAPTURES_IN_NEGATION = /\(\?!.*\((?:\?<name>|(?!\?)).*\\\d/s;
/** Perl goes through `\R*?` byte by byte, so that it misses what follows a CRLF. */
const LAZY_LINE_BREAK = /\(\?:\\R\)(?:\*|\{0,1\})\?/;
const ZERO_WIDTH = /^(?:\^|\$|\\[AzZb]|\(\?[=!]|\(\?#|\(\?[ism]\))/;
const { pattern } = fc.letrec<{ pattern: string; term: string }>((tie) => ({
  term: fc.oneof(
    { depthSize: "small" },
    unit,
    fc
      .tuple(unit, quantifier)
      .map(([one, count]) => (ZERO_WIDTH.test(one) ? one : `(?:${one})${count}`)),
    fc.tuple(wrapper, tie("pattern")).map(([open, body]) => `${open}${body})`),
    fc.tuple(tie("pattern"), quantifier).map(([body, count]) => `(?:a|(?:${body})b)${count}`),
    fc
      .tuple(tie("pattern"), tie("pattern"), reference)
      .map(([body, between, again]) => `(${body})${between}${again}`),
  ),
  pattern: fc.oneof(
    fc.array(tie("term"), { minLength: 1, maxLength: 3 }).map((terms) => terms.join("")),
    fc.tuple(tie("term"), tie("term")).map((terms) => terms.join("|")),
  ),
}));
const value = fc.string({
  unit: fc.constantFrom("a", "b", "A", "B", "\n", "\r", " ", "]", ".", "\xa0", "\xe9"),
  maxLength: 8,
});

/**
 * Lines "hex pattern,hex value"; prints "start:end", "-" or "?" for a pattern Perl refuses. The
 * empty alternative in front keeps Perl 5.36 from looking for a first byte: it takes that from what
 * follows a lookahead that may be empty, and misses `(?=A?)\s` in a space, which PCRE finds.
 */
const PERL = `no warnings; while (<STDIN>) { chomp; my ($p, $v) = map { pack('H*', $_) } split(/,/, $_, 2);
my $re = eval { qr/(?:|(?!))(?:$p)/ }; if (!defined $re) { print "?\\n"; next }
print(($v =~ $re) ? "$-[0]:$+[0]\\n" : "-\\n") }`;

const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");

test.skipIf(!hasPerl)("random PCRE-only patterns match the span that Perl matches", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(pattern, value), { minLength: 2000, maxLength: 2000 }),
      (generated) => {
        const cases = generated
          .map(([source, text]) => [numbered(source), text] as const)
          .filter(([source]) => !CAPTURES_IN_NEGATION.test(source))
          .filter(([source, text]) => !(LAZY_LINE_BREAK.test(source) && text.includes("\r\n")));
        const input = cases.map(([source, text]) => `${hex(source)},${hex(text)}\n`).join("");
        const run = spawnSync("perl", ["-e", PERL], { input, maxBuffer: 1 << 26 });
        const expected = run.stdout.toString("latin1").split("\n");
        const differences = cases.flatMap(([source, text], i) => {
          if (expected[i] === "?") return [];
          const found = compilePattern(source, FLAGS).exec(text);
          const actual = found === undefined ? "-" : `${found.start}:${found.end}`;
          return actual === expected[i] ? [] : [{ source, text, actual, perl: expected[i] }];
        });
        expect(differences.slice(0, 10)).toEqual([]);
      },
    ),
    { numRuns: 4, endOnFailure: true },
  );
});
