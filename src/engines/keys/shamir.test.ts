import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combineShares, inverse, multiply, splitSecret } from "./shamir.ts";

/** Every way to choose `count` of the items. */
function choices<Item>(items: readonly Item[], count: number): Item[][] {
  if (count === 0) return [[]];
  return items.flatMap((item, at) =>
    choices(items.slice(at + 1), count - 1).map((rest) => [item, ...rest]),
  );
}

describe("the field", () => {
  test("agrees with FIPS 197's example and is a field: every element but 0 has its inverse", () => {
    expect(multiply(0x57, 0x83)).toBe(0xc1);
    for (let value = 1; value < 256; value += 1) expect(multiply(value, inverse(value))).toBe(1);
    expect(inverse(0)).toBe(0);
  });

  test("multiplication is commutative, associative and distributes over addition", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(byte, byte, byte, (a, b, c) => {
        expect(multiply(a, b)).toBe(multiply(b, a));
        expect(multiply(a, multiply(b, c))).toBe(multiply(multiply(a, b), c));
        expect(multiply(a, b ^ c)).toBe(multiply(a, b) ^ multiply(a, c));
      }),
    );
  });
});

describe("shares", () => {
  test("every choice of m of n gives the secret back, for all n up to 6", () => {
    for (let shares = 2; shares <= 6; shares += 1) {
      for (let threshold = 2; threshold <= shares; threshold += 1) {
        const secret = randomBytes(32);
        const texts = splitSecret(secret, { threshold, shares }, randomBytes);
        for (const chosen of choices(texts, threshold)) {
          expect(combineShares(chosen)).toEqual({ secret });
        }
      }
    }
  });

  test("one share fewer than the threshold is refused", () => {
    const texts = splitSecret(randomBytes(32), { threshold: 3, shares: 5 }, randomBytes);
    for (const chosen of choices(texts, 2)) {
      expect(combineShares(chosen)).toMatchObject({ fault: "tooFew" });
    }
  });

  test("m - 1 shares fit any secret: their bytes say nothing about it", () => {
    // One fixed share and every possible other give every possible first byte exactly once.
    const point = (x: number, y: number, at0: number) =>
      multiply(y, multiply(at0, inverse(at0 ^ x)));
    const seen = new Set<number>();
    for (let other = 0; other < 256; other += 1) seen.add(point(1, 77, 2) ^ point(2, other, 1));
    expect(seen.size).toBe(256);
  });

  test("every changed character is noticed, and the share is named", () => {
    const texts = splitSecret(randomBytes(32), { threshold: 2, shares: 2 }, randomBytes);
    const [first = "", second = ""] = texts;
    for (let at = 0; at < second.length; at += 1) {
      const other = second[at] === "a" ? "b" : "a";
      const changed = second.slice(0, at) + other + second.slice(at + 1);
      expect(combineShares([first, changed])).toMatchObject({ at: 1 });
    }
  });

  test("shares of two secrets, and one share twice, are refused", () => {
    const one = splitSecret(randomBytes(32), { threshold: 2, shares: 3 }, randomBytes);
    const two = splitSecret(randomBytes(32), { threshold: 2, shares: 3 }, randomBytes);
    expect(combineShares([one[0] ?? "", two[1] ?? ""])).toMatchObject({ fault: "foreign" });
    expect(combineShares([one[0] ?? "", one[0] ?? ""])).toMatchObject({ fault: "repeated" });
  });
});
