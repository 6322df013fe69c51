/** FF1: the samples that NIST published with SP 800-38G, and the bounds of its revision 1. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ff1Decrypt, ff1Encrypt } from "./ff1.ts";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const digitsOf = (text: string) => [...text].map((letter) => ALPHABET.indexOf(letter));
const textOf = (digits: readonly number[]) => digits.map((digit) => ALPHABET[digit]).join("");

const KEY = "2b7e151628aed2a6abf7158809cf4f3cef4359d8d580aa4f7f036d6f04fc6a94";
const [DIGITS, LETTERS] = ["0123456789", "0123456789abcdefghi"];
const [TWEAK, LONG_TWEAK] = ["39383736353433323130", "3737373770717273373737"];
/** Key bytes, radix, tweak, plaintext, ciphertext. */
const SAMPLES: readonly (readonly [number, number, string, string, string])[] = [
  [16, 10, "", DIGITS, "2433477484"],
  [16, 10, TWEAK, DIGITS, "6124200773"],
  [16, 36, LONG_TWEAK, LETTERS, "a9tv40mll9kdu509eum"],
  [24, 10, "", DIGITS, "2830668132"],
  [24, 10, TWEAK, DIGITS, "2496655549"],
  [24, 36, LONG_TWEAK, LETTERS, "xbj3kv35jrawxv32ysr"],
  [32, 10, "", DIGITS, "6657667009"],
  [32, 10, TWEAK, DIGITS, "1001623463"],
  [32, 36, LONG_TWEAK, LETTERS, "xs8a0azh2avyalyzuwd"],
];

test.each(SAMPLES)(
  "NIST sample: AES of %i bytes, radix %i, tweak %s",
  (bytes, radix, tweak, text, sealed) => {
    const key = Buffer.from(KEY, "hex").subarray(0, bytes);
    const cipher = { key, radix, tweak: Buffer.from(tweak, "hex") };
    expect(textOf(ff1Encrypt(cipher, digitsOf(text)))).toBe(sealed);
    expect(textOf(ff1Decrypt(cipher, digitsOf(sealed)))).toBe(text);
  },
);

test("every number comes back from its own format, and a tweak makes another", () => {
  const key = Buffer.alloc(32, 3);
  const numbers = fc.integer({ min: 10, max: 65_536 }).chain((radix) =>
    fc.record({
      radix: fc.constant(radix),
      digits: fc.array(fc.nat(radix - 1), { minLength: 6, maxLength: 40 }),
    }),
  );
  fc.assert(
    fc.property(numbers, ({ radix, digits }) => {
      const sealed = ff1Encrypt({ key, radix }, digits);
      expect(sealed).toHaveLength(digits.length);
      expect(ff1Decrypt({ key, radix }, sealed)).toEqual(digits);
      const tweaked = ff1Encrypt({ key, radix, tweak: Buffer.from("t") }, digits);
      expect(tweaked).not.toEqual(sealed);
    }),
  );
});

test("a domain below a million, a strange digit or radix is refused", () => {
  const key = Buffer.alloc(16);
  expect(() => ff1Encrypt({ key, radix: 10 }, [1, 2, 3, 4, 5])).toThrow("fewer than 1000000");
  expect(() => ff1Encrypt({ key, radix: 10 }, [1, 2, 3, 4, 5, 6])).not.toThrow();
  expect(() => ff1Encrypt({ key, radix: 10 }, [1, 2, 3, 4, 5, 10])).toThrow("alphabet");
  expect(() => ff1Encrypt({ key, radix: 10 }, [1, 2, 3, 4, 5, -1])).toThrow("alphabet");
  expect(() => ff1Encrypt({ key, radix: 1 }, [0, 0])).toThrow("Radix");
  expect(() => ff1Encrypt({ key, radix: 65_537 }, [0, 0])).toThrow("Radix");
  expect(() => ff1Encrypt({ key: Buffer.alloc(8), radix: 10 }, [1, 2, 3, 4, 5, 6])).toThrow(
    "8 bytes",
  );
  expect(() => ff1Encrypt({ key, radix: 10 }, new Array(2_000).fill(1))).toThrow("characters");
});
