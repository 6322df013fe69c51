import fc from "fast-check";
import { expect, test } from "vitest";
import { compilePhrases } from "./aho-corasick.ts";

const unit = fc.constantFrom(..."abcABé/.");
const phrase = fc.string({ unit, maxLength: 6 });
const text = fc.string({ unit, maxLength: 60 });
const lower = (value: string): string => value.replace(/[A-Z]/g, (one) => one.toLowerCase());

/** The longest phrase that ends at the first place where any does. */
function firstEnd(phrases: readonly string[], value: string) {
  const wanted = phrases.map(lower).filter((one) => one !== "");
  const searched = lower(value);
  for (let end = 1; end <= searched.length; end += 1) {
    const lengths = wanted
      .filter((one) => searched.slice(0, end).endsWith(one))
      .map((one) => one.length);
    if (lengths.length > 0) return { start: end - Math.max(...lengths), end };
  }
  return undefined;
}

test("the first phrase that ends is found, in any letter case, and none that is not there", () => {
  fc.assert(
    fc.property(fc.array(phrase, { maxLength: 30 }), text, (phrases, value) => {
      expect(compilePhrases(phrases).find(value)).toEqual(firstEnd(phrases, value));
    }),
    { numRuns: 3_000 },
  );
});

test("more phrases than the limit are refused", () => {
  const many = Array.from({ length: 100_001 }, (_, at) => String(at));
  expect(() => compilePhrases(many)).toThrow(RangeError);
});
