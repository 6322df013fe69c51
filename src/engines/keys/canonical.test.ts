import fc from "fast-check";
import { expect, test } from "vitest";
import { CONTEXT_BYTES_MAX, contextBytes, lengthPrefixed } from "./canonical.ts";

test("two different lists of fields never have the same bytes", () => {
  const fields = fc.array(fc.string({ maxLength: 6 }), { maxLength: 5 });
  fc.assert(
    fc.property(fields, fields, (left, right) => {
      const same = JSON.stringify(left) === JSON.stringify(right);
      expect(lengthPrefixed(left).equals(lengthPrefixed(right))).toBe(same);
    }),
  );
});

test("a boundary moved from a name to its value gives other bytes", () => {
  expect(contextBytes({ ab: "c" })).not.toEqual(contextBytes({ a: "bc" }));
  expect(contextBytes({ a: "b", c: "d" })).not.toEqual(contextBytes({ a: "bcd" }));
});

test("the order in which a context was written does not matter", () => {
  expect(contextBytes({ a: "1", b: "2" })).toEqual(contextBytes({ b: "2", a: "1" }));
});

test("a context above the limit is refused, at the limit it is taken", () => {
  expect(contextBytes({ a: "x".repeat(CONTEXT_BYTES_MAX - 1) })).toBeDefined();
  expect(contextBytes({ a: "x".repeat(CONTEXT_BYTES_MAX) })).toBeUndefined();
});
