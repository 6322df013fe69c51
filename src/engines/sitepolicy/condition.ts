/**
 * Conditions of custom rules: compiled once, asked per request, in three values. What cannot be
 * told yet (a body that has not arrived, a header that an event does not keep) is `undefined`.
 */
import { compilePattern, PatternSyntaxError } from "../regex/pattern.ts";
import { addressSetOf, holdsAddress } from "./address-set.ts";
import type { FieldName, OperatorName } from "./condition-names.ts";
import { type Facts, FIELDS, isNamed } from "./facts.ts";

export type Leaf = {
  readonly field: FieldName;
  /** Which header, cookie, query parameter or body field; compared without case for headers. */
  readonly name?: string;
  readonly operator: OperatorName;
  /** Any of them; none for `exists`, one list id for `inList`, one number for lengths. */
  readonly values?: readonly string[];
  readonly ignoreCase?: boolean;
};

export type Condition =
  | Leaf
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

/** True, false, or undefined: cannot be told from these facts. */
export type Test = (facts: Facts) => boolean | undefined;

/** Whether an address is on a list at a time. */
export type AddressTest = (address: string, nowMs: number) => boolean;
/** The test of a list; undefined for a list that is not there. */
export type ListLookup = (listId: string) => AddressTest | undefined;

/** A condition that cannot be used; `path` is a JSON pointer below the condition. */
export class ConditionError extends Error {
  override readonly name = "ConditionError";
  readonly path: string;
  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

const REGEX_CHARACTERS_MAX = 2_048;

/** Compiles a condition. @throws ConditionError naming the place of the fault. */
export function compileCondition(condition: Condition, lists: ListLookup, path = ""): Test {
  if ("all" in condition) {
    return allOf(condition.all.map((one, at) => compileCondition(one, lists, `${path}/all/${at}`)));
  }
  if ("any" in condition) {
    return anyOf(condition.any.map((one, at) => compileCondition(one, lists, `${path}/any/${at}`)));
  }
  if ("not" in condition) {
    const test = compileCondition(condition.not, lists, `${path}/not`);
    return (facts) => {
      const result = test(facts);
      return result === undefined ? undefined : !result;
    };
  }
  return compileLeaf(condition, lists, path);
}

function allOf(tests: readonly Test[]): Test {
  return (facts) => {
    let isKnown = true;
    for (const test of tests) {
      const result = test(facts);
      if (result === false) return false;
      if (result === undefined) isKnown = false;
    }
    return isKnown ? true : undefined;
  };
}

function anyOf(tests: readonly Test[]): Test {
  return (facts) => {
    let isKnown = true;
    for (const test of tests) {
      const result = test(facts);
      if (result === true) return true;
      if (result === undefined) isKnown = false;
    }
    return isKnown ? false : undefined;
  };
}

function compileLeaf(leaf: Leaf, lists: ListLookup, path: string): Test {
  const name = isNamed(leaf.field) ? (leaf.name ?? "") : "";
  if (isNamed(leaf.field) && name === "") {
    throw new ConditionError(`${path}/name`, `"${leaf.field}" needs the name of one`);
  }
  const { operator, values = [] } = leaf;
  if (values.length === 0 && operator !== "exists") {
    throw new ConditionError(`${path}/values`, "needs at least one value");
  }
  if (operator === "inList" || operator === "inCidr") return addressTest(leaf, lists, path);
  const read = FIELDS[leaf.field];
  const key = leaf.field === "header" ? name.toLowerCase() : name;
  const test = valueTest(leaf, operator, path);
  return (facts) => {
    const values = read(facts, key);
    if (values === undefined) return undefined;
    if (typeof values === "string") return test(values);
    for (const value of values) if (test(value)) return true;
    return false;
  };
}

/**
 * What a test says of a request that servers could read in several ways: for `some` that it holds
 * in one of them, for `every` that it holds in all.
 */
export function testReadings(
  test: Test,
  readings: readonly Facts[],
  needed: "some" | "every",
): boolean | undefined {
  const decides = needed === "some";
  let isKnown = true;
  for (const facts of readings) {
    const result = test(facts);
    if (result === decides) return decides;
    if (result === undefined) isKnown = false;
  }
  return isKnown ? !decides : undefined;
}

type ValueTest = (value: string) => boolean;

function valueTest(
  leaf: Leaf,
  operator: Exclude<OperatorName, "inList" | "inCidr">,
  path: string,
): ValueTest {
  if (operator === "exists") return () => true;
  const values = (leaf.values ?? []).map(bytesOf);
  if (operator === "regex") return regexTest(values, leaf.ignoreCase === true, path);
  if (operator === "longerThan" || operator === "shorterThan") {
    const length = Number(values[0]);
    if (!Number.isSafeInteger(length) || length < 0 || values.length > 1) {
      throw new ConditionError(`${path}/values/0`, `"${values[0]}" is no number of bytes`);
    }
    return operator === "longerThan"
      ? (value) => value.length > length
      : (value) => value.length < length;
  }
  return textTest(operator, values, leaf.ignoreCase === true);
}

/** Text of a person becomes the bytes that would be on the wire (latin1, one per character). */
const bytesOf = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

function textTest(
  operator: "equals" | "contains" | "startsWith" | "endsWith",
  given: readonly string[],
  ignoreCase: boolean,
): ValueTest {
  const values = ignoreCase ? given.map((value) => value.toLowerCase()) : given;
  const some = (holds: (one: string) => boolean): boolean => {
    for (const one of values) if (holds(one)) return true;
    return false;
  };
  const known = new Set(values);
  const plain: Readonly<Record<typeof operator, ValueTest>> = {
    equals: (value) => known.has(value),
    contains: (value) => some((one) => value.includes(one)),
    startsWith: (value) => some((one) => value.startsWith(one)),
    endsWith: (value) => some((one) => value.endsWith(one)),
  };
  const test = plain[operator];
  return ignoreCase ? (value) => test(value.toLowerCase()) : test;
}

function regexTest(sources: readonly string[], ignoreCase: boolean, path: string): ValueTest {
  const patterns = sources.map((source, at) => {
    if (source.length > REGEX_CHARACTERS_MAX) {
      const message = `is longer than ${REGEX_CHARACTERS_MAX} bytes`;
      throw new ConditionError(`${path}/values/${at}`, message);
    }
    try {
      return compilePattern(source, { dotAll: true, multiline: false, ignoreCase });
    } catch (error) {
      if (!(error instanceof PatternSyntaxError)) throw error;
      const message = `column ${error.position + 1}: ${error.message}`;
      throw new ConditionError(`${path}/values/${at}`, message);
    }
  });
  return (value) => {
    for (const pattern of patterns) if (pattern.test(value)) return true;
    return false;
  };
}

function addressTest(leaf: Leaf, lists: ListLookup, path: string): Test {
  if (leaf.field !== "ip") {
    throw new ConditionError(`${path}/operator`, `"${leaf.operator}" is for the field "ip"`);
  }
  const values = leaf.values ?? [];
  if (leaf.operator === "inCidr") {
    const { set, faults } = addressSetOf(values.map((cidr) => ({ cidr, expiresAtMs: null })));
    const [fault] = faults;
    if (fault !== undefined) {
      throw new ConditionError(`${path}/values/${fault.at}`, `"${fault.cidr}" is no IP or CIDR`);
    }
    return ({ address }) => holdsAddress(set, address, 0);
  }
  const tests = values.map((listId, at) => {
    const test = lists(listId);
    if (test !== undefined) return test;
    throw new ConditionError(`${path}/values/${at}`, `"${listId}" is no list of this account`);
  });
  return ({ address, nowMs }) => {
    for (const test of tests) if (test(address, nowMs)) return true;
    return false;
  };
}

/** The single conditions of a condition, each with its place as a JSON pointer. */
export function leavesOf(condition: Condition, path = ""): { leaf: Leaf; path: string }[] {
  if ("all" in condition) {
    return condition.all.flatMap((one, at) => leavesOf(one, `${path}/all/${at}`));
  }
  if ("any" in condition) {
    return condition.any.flatMap((one, at) => leavesOf(one, `${path}/any/${at}`));
  }
  if ("not" in condition) return leavesOf(condition.not, `${path}/not`);
  return [{ leaf: condition, path }];
}

/** The ids of the lists that a condition names. */
export const listsOf = (condition: Condition): readonly string[] =>
  leavesOf(condition).flatMap(({ leaf }) =>
    leaf.operator === "inList" ? (leaf.values ?? []) : [],
  );

/** Whether a condition asks for one of these fields. */
export const asksFor = (condition: Condition, fields: readonly string[]): boolean =>
  leavesOf(condition).some(({ leaf: { field } }) => fields.includes(field));
