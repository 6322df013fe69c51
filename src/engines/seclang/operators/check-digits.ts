/**
 * `@verifyCC` and its like: a pattern names candidates, and a candidate counts when its check
 * digits, or the rules for its parts, hold.
 */
import type { Pattern } from "../../regex/pattern.ts";
import type { Operator, OperatorMatch } from "./operator.ts";

/** Candidates of one value; a value with more is one that nobody writes. */
const CANDIDATES_MAX = 10_000;

/** Matches the first candidate that passes; candidates may overlap. */
export function checkedOperator(pattern: Pattern, check: (text: string) => boolean): Operator {
  return {
    required: pattern.required,
    match(value): OperatorMatch | undefined {
      let candidates = 0;
      for (const { start, end } of pattern.matches(value, { overlapping: true })) {
        if (check(value.slice(start, end))) return { start, end };
        candidates += 1;
        if (candidates >= CANDIDATES_MAX) return undefined;
      }
      return undefined;
    },
  };
}

const digitsOf = (text: string): number[] => [...text.replace(/\D/g, "")].map(Number);

const isRepeated = (digits: readonly number[]): boolean =>
  digits.every((digit) => digit === digits[0]);

/** True for a number that only counts, as examples in forms do. */
const isCounted = (digits: readonly number[], within = "01234567890"): boolean =>
  within.includes(digits.join(""));

const weighted = (digits: readonly number[], weights: readonly number[]): number =>
  weights.reduce((sum, weight, at) => sum + weight * (digits[at] ?? 0), 0);

/** Luhn's check (ISO/IEC 7812-1 annex B) over the digits of a payment card number. */
export function isCardNumber(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length < 12 || digits.length > 19) return false;
  const sum = digits.toReversed().reduce((before, digit, at) => {
    const doubled = at % 2 === 1 ? digit * 2 : digit;
    return before + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}

const CPF_WEIGHTS = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2] as const;

/** The Brazilian taxpayer number: nine digits and two check digits modulo 11. */
export function isCpf(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length !== 11 || isRepeated(digits) || isCounted(digits)) return false;
  return [9, 10].every((at) => {
    const rest = weighted(digits, CPF_WEIGHTS.slice(10 - at)) % 11;
    return digits[at] === (rest < 2 ? 0 : 11 - rest);
  });
}

/** Areas of US numbers before they were given at random (2011) ended here. */
const SSN_AREA_END = 740;

/** The US social security number, which has no check digit: no part of it is zero or unassigned. */
export function isSsn(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length !== 9 || isRepeated(digits) || isCounted(digits, "0123456789")) return false;
  const partOf = (from: number, to: number): number => Number(digits.slice(from, to).join(""));
  const area = partOf(0, 3);
  if (area >= SSN_AREA_END || area === 666) return false;
  return area > 0 && partOf(3, 5) > 0 && partOf(5, 9) > 0;
}

const SVNR_WEIGHTS = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6] as const;

/** The Austrian social insurance number: its fourth digit checks the nine others modulo 11. */
export function isSvnr(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length !== 10 || isRepeated(digits) || isCounted(digits)) return false;
  return digits[3] === weighted(digits, SVNR_WEIGHTS) % 11;
}

/** The Chilean tax number: seven or eight digits and a check digit modulo 11, which may be K. */
export function isRut(text: string): boolean {
  const match = /^(\d{7,8})([\dK])$/.exec(text.replace(/[^\dk]/gi, "").toUpperCase());
  if (match === null) return false;
  const digits = [...(match[1] ?? "")].reverse().map(Number);
  const sum = digits.reduce((before, digit, at) => before + digit * (2 + (at % 6)), 0);
  const check = (11 - (sum % 11)) % 11;
  return match[2] === (check === 10 ? "K" : String(check));
}
