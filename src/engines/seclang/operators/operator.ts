/** What an operator is: a test of one value, and what a value must contain to pass it. */
import type { Requirement } from "../../regex/pattern.ts";

export type OperatorMatch = {
  readonly start: number;
  readonly end: number;
  /** captures[0] is the whole match. */
  readonly captures?: readonly (string | undefined)[];
};

export type Operator = {
  /** Sound: a value that fails it cannot match. */
  readonly required: Requirement;
  /** @param argument the operator's argument after macros are expanded. */
  match(value: string, argument: string): OperatorMatch | undefined;
  /** The same test of a number, for an operator that compares with a fixed one. */
  readonly number?: (value: number) => boolean;
  /** True when the last search gave up for want of steps, so that "no match" proves nothing. */
  ranOut?(): boolean;
};

export type OperatorResources = {
  dataFile(name: string): string | undefined;
};

export const NO_REQUIREMENT: Requirement = { kind: "none" };

/** An operator that answers yes or no for the whole value. */
export function whole(test: (value: string, argument: string) => boolean): Operator {
  return {
    required: NO_REQUIREMENT,
    match: (value, argument) =>
      test(value, argument) ? { start: 0, end: value.length } : undefined,
  };
}

/** V8 makes slices, which keep what they are cut from alive, of longer texts only. */
const UNSLICED_MAX = 12;

/**
 * The same operator, which knows its last match: a rule that matches the method or the version of
 * a request matches that of the next one as well. What does not match is remembered elsewhere
 * (candidates.ts), and may be a search that gave up.
 */
export function withLastMatch(operator: Operator): Operator {
  let lastValue = "";
  let lastArgument = "";
  let last: OperatorMatch | undefined;
  return {
    ...operator,
    match(value, argument) {
      if (last !== undefined && value === lastValue && argument === lastArgument) return last;
      const match = operator.match(value, argument);
      if (match === undefined || value.length > UNSLICED_MAX) return match;
      lastValue = value;
      lastArgument = argument;
      last = match;
      return match;
    },
  };
}

/** ASCII lower case: bytes above 0x7f stay, which `toLowerCase` would change. */
export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Integers as the rule language reads them: digits at the start, else 0. */
export function integerOf(text: string): number {
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9 || at >= SHORT_DIGITS) return slowInteger(text);
    value = value * 10 + digit;
  }
  return value;
}

/** Numbers of so many digits are exact. */
const SHORT_DIGITS = 15;

function slowInteger(text: string): number {
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : value;
}
