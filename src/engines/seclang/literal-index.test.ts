import fc from "fast-check";
import { expect, test } from "vitest";
import { CLASS_WORDS, compileLiteralIndex, scan } from "./literal-index.ts";
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
      const classes = new Int32Array(256 * CLASS_WORDS);
      scan(index, value, { hits, classes, seen: new Int32Array(CLASS_WORDS) });
      for (const [bit, one] of literals.entries()) {
        expect(has(hits, bit), `${one} in ${value}`).toBe(lower(value).includes(one));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a scan joins the classes of the bytes that occur, upper case apart from lower case", () => {
  const classes = new Int32Array(256 * CLASS_WORDS);
  for (const [bit, letter] of [..."aAé\0x"].entries()) {
    classes[letter.charCodeAt(0) * CLASS_WORDS + (bit % CLASS_WORDS)] = 1 << bit;
  }
  const seen = new Int32Array(CLASS_WORDS);
  scan(compileLiteralIndex([]), "Aé\0", { hits: [], classes, seen });
  expect([...seen]).toEqual([8, 2, 4]);
});
