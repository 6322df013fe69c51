import { expect, test } from "vitest";
import { base32, totpCode, totpStep } from "./totp.ts";

const secret = Buffer.from("12345678901234567890");

test("codes are those of RFC 6238, appendix B", () => {
  const vectors: [number, string][] = [
    [59, "94287082"],
    [1_111_111_109, "07081804"],
    [1_111_111_111, "14050471"],
    [1_234_567_890, "89005924"],
    [2_000_000_000, "69279037"],
    [20_000_000_000, "65353130"],
  ];
  for (const [seconds, code] of vectors) {
    expect(totpCode(secret, Math.floor(seconds / 30), 8)).toBe(code);
  }
});

test("codes are those of RFC 4226, appendix D", () => {
  const codes = ["755224", "287082", "359152", "969429", "338314"];
  expect(codes.map((_, step) => totpCode(secret, step))).toEqual(codes);
});

test("a code is taken one step early or late and no further", () => {
  const at = (step: number) => totpStep(secret, totpCode(secret, step), 1000 * 30_000);
  expect([998, 999, 1000, 1001, 1002].map(at)).toEqual([undefined, 999, 1000, 1001, undefined]);
  expect(totpStep(secret, "75522", 0)).toBeUndefined();
  expect(totpStep(secret, "7552244", 0)).toBeUndefined();
});

test("base32 is that of RFC 4648, section 10", () => {
  const texts = ["", "f", "fo", "foo", "foob", "fooba", "foobar"];
  const coded = ["", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"];
  expect(texts.map((text) => base32(Buffer.from(text)))).toEqual(coded);
});
