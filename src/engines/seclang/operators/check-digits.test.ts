import { expect, test } from "vitest";
import { isCardNumber, isCpf, isRut, isSsn, isSvnr } from "./check-digits.ts";
import { compileOperator } from "./compile.ts";

function matchOf(name: string, argument: string, value: string): string | undefined {
  const operator = compileOperator(name, argument, { dataFile: () => undefined });
  if ("error" in operator) throw new Error(operator.error);
  const match = operator.match(value, argument);
  return match === undefined ? undefined : value.slice(match.start, match.end);
}

test("a number counts when its check digits hold, and one other digit refuses it", () => {
  const numbers = [
    [isCardNumber, "5484605089158216"],
    [isCpf, "010.817.514-60"],
    [isSvnr, "1237 010180"],
    [isRut, "11.111.111-1"],
  ] as const;
  for (const [check, number] of numbers) {
    expect(check(number)).toBe(true);
    for (const at of [...number.matchAll(/\d/g)].map(({ index }) => index)) {
      const digit = (Number(number.charAt(at)) + 1) % 10;
      expect(check(`${number.slice(0, at)}${digit}${number.slice(at + 1)}`)).toBe(false);
    }
  }
});

test("numbers of one digit, and those that only count, are nobody's", () => {
  for (const number of ["11111111111", "01234567890"]) expect(isCpf(number)).toBe(false);
  for (const number of ["1111111111", "1234567890"]) expect(isSvnr(number)).toBe(false);
  for (const number of ["111111111", "123456789", "012345678"]) expect(isSsn(number)).toBe(false);
});

test("no part of a social security number is zero, and its area is one that was given out", () => {
  expect(["574-57-8065", "234-56-7890", "739-01-0001"].every(isSsn)).toBe(true);
  const none = [
    "000-57-8065",
    "574-00-8065",
    "574-57-0000",
    "666-57-8065",
    "740-57-8065",
    "574-57-806",
  ];
  expect(none.filter(isSsn)).toEqual([]);
});

test("a candidate behind one that fails, or overlapping it, is found", () => {
  const card = "4111111111111111";
  expect(matchOf("verifyCC", "\\d{16}", "1234567890123456 4111111111111111")).toBe(card);
  expect(matchOf("verifyCC", "\\d{16}", `00${card}`)).toBe(card);
  expect(matchOf("verifycpf", "[\\d.-]{14}", "010.817.514-61, 010.817.514-60")).toBe(
    "010.817.514-60",
  );
  expect(
    matchOf("verifyssn", "(?<!\\d)\\d{3}-\\d{2}-\\d{4}(?!\\d)", "1574-57-8065"),
  ).toBeUndefined();
});

test("a national number is checked by the rules of its country", () => {
  expect(isRut("1.000.005-k")).toBe(true);
  expect(isRut("1.000.005-0")).toBe(false);
  expect(matchOf("validateNid", "cl [\\d.]+-[\\dkK]", "x 11.111.111-1")).toBe("11.111.111-1");
  expect(matchOf("validateNid", "us [\\d-]{11}", "x 000-09-9999 219-09-9999")).toBe("219-09-9999");
  expect(() => matchOf("validateNid", "xx .*", "")).toThrow('country "xx"');
});

test("rxGlobal keeps what every match captures, one behind the other", () => {
  const argument = "(\\d)-(\\w)?";
  const operator = compileOperator("rxGlobal", argument, { dataFile: () => undefined });
  if ("error" in operator) throw new Error(operator.error);
  expect(operator.match("x 1-a 2- 3-c 4-d", argument)).toEqual({
    start: 2,
    end: 5,
    captures: ["1-a", "1", "a", "2-", "2", undefined, "3-c", "3", "c", "4-d", "4", "d"],
  });
  expect(operator.match("x", argument)).toBeUndefined();
});
