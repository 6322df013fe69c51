/** Conditions of rules as the console's form has them: nothing of a rule is lost by opening it. */
import fc from "fast-check";
import Value from "typebox/value";
import { expect, test } from "vitest";
import {
  type ConditionRow,
  conditionOf,
  conditionWords,
  depthOf,
  isGroup,
  negate,
  treeOf,
} from "../../console/src/resource/condition-tree.ts";
import { childrenOf } from "../../console/src/resource/field-schema.ts";
import { catalog } from "../../src/catalog.ts";

import { RuleCondition } from "../../src/kernel/intent/site-policy-document.ts";

const when = childrenOf(catalog.waf.operations.createCustomRule.input).find(
  ({ name }) => name === "when",
);
let ids = 0;
const newId = () => `row-${++ids}`;

const line = fc.string({ maxLength: 12 }).map((text) => text.replaceAll("\n", " "));
const leaf = fc.record(
  {
    field: fc.constantFrom("path", "header", "query", "ip", "country"),
    operator: fc.constantFrom("equals", "startsWith", "exists", "regex"),
    name: fc.stringMatching(/^[a-z]{1,8}$/),
    values: fc.array(line, { maxLength: 3 }),
    ignoreCase: fc.boolean(),
  },
  { requiredKeys: ["field", "operator"] },
);
const grouped = (inner: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc.oneof(
    leaf,
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    inner.map((not) => ({ not })),
  );
/** As deep as the API takes them. */
const condition = grouped(grouped(grouped(leaf)));

const opened = (given: unknown) => {
  const tree = treeOf(given, newId);
  if (tree === undefined) throw new Error(`no rows for ${JSON.stringify(given)}`);
  return tree;
};

test("the form knows from the contract how deep and how wide a condition may be", () => {
  expect(conditionWords(when?.schema ?? {})).toMatchObject({ depthMax: 3, rowsMax: 32 });
});

test("whatever condition the API takes opens as rows, and is written back as it was", () => {
  fc.assert(
    fc.property(condition, (given) => {
      expect(Value.Check(RuleCondition, given)).toBe(true);
      const tree = opened(given);
      expect(conditionOf(tree)).toEqual(given);
      expect(depthOf(tree)).toBeLessThanOrEqual(4);
    }),
  );
  expect(conditionOf(opened(null))).toBe(null);
});

/** The first comparison, changed. */
function changed(row: ConditionRow, values: string): ConditionRow {
  if (!isGroup(row)) return { ...row, values };
  const [first, ...others] = row.rows;
  return first === undefined ? row : { ...row, rows: [changed(first, values), ...others] };
}

test("a change of one comparison leaves all others as they were", () => {
  const untouched = { not: { any: [{ field: "path", operator: "equals", values: [" /a ", ""] }] } };
  const spaced = { field: "header", name: "x", operator: "contains", values: [" one", "two"] };
  const tree = opened({ all: [spaced, untouched] });
  const rows = tree.rows.map((row, at) => (at === 0 ? changed(row, " one\nthree ") : row));
  expect(conditionOf({ ...tree, rows })).toEqual({
    all: [{ ...spaced, values: [" one", "three"] }, untouched],
  });
});

test("a comparison alone is no group until a second one joins it, and negation is taken back whole", () => {
  const one = { field: "path", operator: "startsWith", values: ["/a"] };
  const tree = opened({ not: { not: { not: one } } });
  const [row] = tree.rows;
  if (row === undefined) throw new Error("one row");
  expect(conditionOf({ ...tree, rows: [negate(row, false)] })).toEqual(one);
  expect(conditionOf({ ...tree, rows: [negate(row, true), negate(row, false)] })).toEqual({
    all: [{ not: one }, one],
  });
});

test("a value of several lines stays JSON, since rows would make several values of it", () => {
  const several = { field: "body", operator: "contains", values: ["a\nb"] };
  expect(treeOf({ any: [several] }, newId)).toBeUndefined();
});
