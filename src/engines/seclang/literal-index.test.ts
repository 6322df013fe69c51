import fc from "fast-check";
import { expect, test } from "vitest";
import { compileLiteralIndex, scan } from "./literal-index.ts";
import { WORD_BITS } from "./rule-bits.ts";

const letters = fc.constantFrom(..."abcAB1 /.<'\xe9\xc9\0");
const text = fc.string({ unit: letters, maxLength: 40 });
const lower = (value: string): string => value.replace(/[A-Z]/g, (one) => one.toLowerCase());
const literal = fc.string({ unit: letters, minLength: 2, maxLength: 6 }).map(lower);

const has = (bits: readonly number[], bit: number): boolean =>
  ((bits[Math.floor(bit / WORD_BITS)] ?? 0) & (1 << (bit % WORD_BITS))) !== 0;

test("a scan marks the literals that the text contains without case, and no others", () => {
  fc.assert(
    fc.property(fc.array(literal, { maxLength: 70 }), text, (literals, value) => {
      const index = compileLiteralIndex(literals.map((one, bit) => ({ literal: one, bit })));
      const hits = [0, 0, 0];
      scan(index, value, { present: new Int32Array(8), hits });
      for (const [bit, one] of literals.entries()) {
        expect(has(hits, bit), `${one} in ${value}`).toBe(lower(value).includes(one));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a scan notes each byte that occurs as it is, upper case apart from lower case", () => {
  const index = compileLiteralIndex([]);
  const present = new Int32Array(8);
  scan(index, "Aé\0", { present, hits: [] });
  const bytes = Array.from({ length: 256 }, (_, byte) => byte).filter(
    (byte) => ((present[byte >>> 5] ?? 0) & (1 << (byte & 31))) !== 0,
  );
  expect(bytes).toEqual([0, 0x41, 0xe9]);
});
