import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parsePattern } from "./parser.ts";
import { compilePattern, PatternSyntaxError, toMatch } from "./pattern.ts";
import { simulate } from "./pike.ts";
import { compileProgram, isRegular } from "./program.ts";

const PLAIN = { dotAll: true, multiline: false, ignoreCase: false };

function span(source: string, value: string, flags = PLAIN): string | undefined {
  const found = compilePattern(source, flags).exec(value);
  return found && `${found.start}-${found.end}`;
}

/** Patterns that JavaScript and PCRE read alike: no empty loop bodies, no references. */
const atom = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("a", "b", "c", "0", "-") },
  { weight: 3, arbitrary: fc.constantFrom(".", "[ab]", "[^a]", "\\w", "\\d", "[b-c0]") },
);
const zeroWidth = fc.constantFrom("^", "\\b", "\\B", "(?=a)", "(?!b)", "(?<=a)", "(?<!b)");
const quantifier = fc.constantFrom(
  "*",
  "+",
  "?",
  "*?",
  "+?",
  "??",
  "{2}",
  "{1,3}",
  "{0,2}?",
  "{2,}",
);
const { pattern } = fc.letrec<{ pattern: string; term: string; solid: string }>((tie) => ({
  solid: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    atom,
    fc.tuple(atom, tie("pattern")).map(([first, rest]) => `(${first}(?:${rest}))`),
    fc.tuple(atom, tie("pattern"), atom).map(([a, b, c]) => `(?:${a}(?:${b})|${c})`),
  ),
  term: fc.oneof(
    { weight: 4, arbitrary: tie("solid") },
    { weight: 3, arbitrary: fc.tuple(tie("solid"), quantifier).map((parts) => parts.join("")) },
    { weight: 1, arbitrary: zeroWidth },
  ),
  pattern: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(tie("term"), { minLength: 1, maxLength: 4 }).map((t) => t.join("")),
    },
    { weight: 1, arbitrary: fc.tuple(tie("pattern"), tie("pattern")).map((t) => t.join("|")) },
  ),
}));
const subject = fc.string({ unit: fc.constantFrom("a", "b", "c", "0", "-", "\n"), maxLength: 14 });

/** JavaScript forgets captures of earlier passes of a loop, Perl keeps them. */
const hasGroupInLoop = (source: string): boolean => /\)(?:[*+]|\{)/.test(source);

test("random patterns match where V8 matches, with the same captures", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(pattern, subject, fc.boolean(), (source, value, dotAll) => {
      const expected = new RegExp(source, dotAll ? "s" : "").exec(value);
      const compiled = compilePattern(source, { ...PLAIN, dotAll });
      const actual = compiled.exec(value);
      expect(compiled.test(value)).toBe(expected !== null);
      expect(actual?.start).toBe(expected?.index);
      expect(actual?.captures[0]).toBe(expected?.[0]);
      if (!hasGroupInLoop(source)) expect(actual?.captures).toEqual(expected?.slice(0));
    }),
    { numRuns: 2500 },
  );
});

test("automata find the match and the captures that a simulation of all ways finds", () => {
  fc.assert(
    fc.property(pattern, subject, (source, value) => {
      const { node, groups } = parsePattern(source, { i: false, s: true, m: false, x: false });
      fc.pre(isRegular(node));
      const slots = (groups + 1) * 2;
      const found = simulate(compileProgram(node), value, { from: 0, slots });
      const actual = compilePattern(source, PLAIN).exec(value);
      expect(actual?.captures).toEqual(found && toMatch(value, found).captures);
    }),
    { numRuns: 2000 },
  );
});

test("all matches of random patterns are those of V8", () => {
  fc.assert(
    fc.property(pattern, subject, (source, value) => {
      const expected = [...value.matchAll(new RegExp(source, "gs"))];
      const actual = [...compilePattern(source, PLAIN).matches(value)];
      expect(actual.map(({ start, end }) => [start, end])).toEqual(
        expected.map(({ index, 0: text }) => [index, index + text.length]),
      );
    }),
    { numRuns: 1000 },
  );
});

test("a matching value always meets the requirement, in any letter case", () => {
  fc.assert(
    fc.property(pattern, subject, fc.boolean(), (source, value, ignoreCase) => {
      const compiled = compilePattern(source, { ...PLAIN, ignoreCase });
      const text = ignoreCase ? value.toUpperCase() : value;
      if (!compiled.test(text)) return;
      const { required } = compiled;
      const lower = text.toLowerCase();
      if (required.kind === "literals") {
        expect(required.literals.some((literal) => lower.includes(literal))).toBe(true);
      }
      if (required.kind === "bytes") {
        expect([...text].some((c) => required.bytes[c.charCodeAt(0)] === 1)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

describe("PCRE semantics", () => {
  test("$ matches before a final newline only, \\z never, multiline before each", () => {
    expect(span("a$", "a\n")).toBe("0-1");
    expect(span("a$", "a\nb")).toBeUndefined();
    expect(span("a\\z", "a\n")).toBeUndefined();
    expect(span("a$", "a\nb", { ...PLAIN, multiline: true })).toBe("0-1");
    expect(span("^$", "a\n", { ...PLAIN, multiline: true })).toBeUndefined();
  });
  test("quoted text is literal and a repeat counts its last byte", () => {
    expect(span("\\Qa.*\\E+", "aab a.**")).toBe("4-8");
  });
  test("case folds ASCII letters only", () => {
    expect(span("\\xe9", "\xc9", { ...PLAIN, ignoreCase: true })).toBeUndefined();
    expect(span("x(?i:a)b", "xAb")).toBe("0-3");
    expect(span("x(?i:a)b", "xAB")).toBeUndefined();
  });
  test("\\s is six ASCII bytes and not 0xA0", () => {
    expect(span("\\s", "\xa0")).toBeUndefined();
    expect(span("\\s{6}", "\t\n\v\f\r ")).toBe("0-6");
  });
  test("possessive and atomic parts give nothing back", () => {
    expect(span("a*+a", "aaa")).toBeUndefined();
    expect(span("(?>a|ab)c", "abc")).toBeUndefined();
    expect(span("a{1,2}+b", "aab")).toBe("0-3");
    expect(span("(?:ab)++b", "ababb")).toBe("0-5");
  });
  test("references and wide lookarounds decide as PCRE does", () => {
    expect(span("(a+)-\\1", "aa-aab")).toBe("0-5");
    expect(span("(?<=ab)c(?!de)", "abcde abcd")).toBe("8-9");
    expect(span("(?i)(ab)\\1", "abAB")).toBe("0-4");
  });
  test("a malformed pattern is refused with its position", () => {
    for (const bad of ["(", "a)", "[a", "*", "a{2,1}", "(?<n", "\\", "[z-a]", "\\p{L}"]) {
      expect(() => compilePattern(bad, PLAIN), bad).toThrow(PatternSyntaxError);
    }
  });
});

test("a search with references stops at its step budget and says so", () => {
  const pattern = compilePattern("(a*)*(b*)*\\1\\2c(?!c)", PLAIN);
  expect(pattern.test(`${"ab".repeat(5000)}d`)).toBe(false);
  expect(pattern.limitExceeded()).toBe(0);
  expect(pattern.test(`${"ab".repeat(5000)}cc`)).toBe(false);
  expect(pattern.limitExceeded()).toBe(1);
});

test("padding does not hide a repeated word from a search with references", () => {
  const gap = "[\\s'\"`()]*?";
  const pattern = compilePattern(
    `(?i:${gap}\\b(\\w+)\\b${gap}(?:<${gap}(?!\\b\\1\\b)\\w+|(?:like|=)${gap}(?:\\b\\1\\b)))`,
    PLAIN,
  );
  for (const padding of ["a=b ", "<a ", "a like b ", "((a=b", "(", "aa=aab ", "ab<AB "]) {
    const value = padding.repeat(64_000 / padding.length);
    expect(pattern.test(value), padding).toBe(false);
    expect(pattern.exec(`${value} xyz = xyz`)?.captures[1], padding).toBe("xyz");
  }
  expect(pattern.limitExceeded()).toBe(0);
});

test("nested repeats over a long value end without a step limit", () => {
  const pattern = compilePattern("^(?:(?:a|a?)+)+(?:a|b|ab)*$", PLAIN);
  expect(pattern.test(`${"ab".repeat(32768)}!`)).toBe(false);
  expect(pattern.limitExceeded()).toBe(0);
});
