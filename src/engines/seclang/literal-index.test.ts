import fc from "fast-check";
import { expect, test } from "vitest";
import { BYTE_WORDS, compileLiteralIndex, scan } from "./literal-index.ts";
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
      const facts = new Int32Array(256 * BYTE_WORDS);
      scan(index, value, { hits, facts, seen: new Int32Array(BYTE_WORDS) });
      for (const [bit, one] of literals.entries()) {
        expect(has(hits, bit), `${one} in ${value}`).toBe(lower(value).includes(one));
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a scan joins the facts of the bytes that occur, upper case apart from lower case", () => {
  const facts = new Int32Array(256 * BYTE_WORDS);
  for (const [bit, letter] of [..."aAé\0x"].entries()) {
    facts[letter.charCodeAt(0) * BYTE_WORDS + (bit % BYTE_WORDS)] = 1 << bit;
  }
  const seen = new Int32Array(BYTE_WORDS);
  scan(compileLiteralIndex([]), "Aé\0", { hits: [], facts, seen });
  expect([...seen]).toEqual([0, 2, 4, 8]);
});
