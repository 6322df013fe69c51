/**
 * A condition as rows of a form: one group of rows, each a comparison or one group of them. What
 * does not fit this (deeper groups, a negated group) is told by `undefined` and stays JSON.
 */
import type { FieldSchema } from "./field-schema.ts";
import type { Item } from "./resources.ts";

export type Comparison = {
  /** Its own while the form is open: rows are moved and removed. */
  readonly id: string;
  readonly field: string;
  readonly name: string;
  readonly operator: string;
  /** As typed: one value a line. */
  readonly values: string;
  readonly ignoreCase: boolean;
  readonly negated: boolean;
};
export type Group<Row> = {
  readonly id: string;
  readonly join: "all" | "any";
  readonly rows: readonly Row[];
};
export type ConditionRow = Comparison | Group<Comparison>;
export type ConditionTree = Group<ConditionRow>;

/** Fields that need the name of one: which header, which parameter. */
export const NAMED = new Set(["query", "header", "cookie", "bodyField"]);
/** Operators that compare with nothing, and those that know no case. */
export const WITHOUT_VALUES = new Set(["exists"]);
export const WITHOUT_CASE = new Set([
  ...["inCidr", "inList", "exists", "longerThan", "shorterThan"],
]);

const isItem = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** True for a schema of comparisons in groups of all and any. */
export function isCondition({ anyOf = [] }: FieldSchema): boolean {
  const has = (name: string) =>
    anyOf.some(({ properties = {} }) => Object.hasOwn(properties, name));
  return has("operator") && has("all") && has("any");
}

/** The words that a comparison's schema knows. */
export function comparisonWords({ anyOf = [] }: FieldSchema) {
  const leaf = anyOf.find(({ properties = {} }) => Object.hasOwn(properties, "operator"));
  return {
    fields: leaf?.properties?.field?.enum ?? [],
    operators: leaf?.properties?.operator?.enum ?? [],
  };
}

export const newComparison = (id: string): Comparison => ({
  ...{ id, field: "path", name: "", operator: "startsWith", values: "" },
  ...{ ignoreCase: false, negated: false },
});

type NewId = () => string;

/** Rows of a condition; null: every request. @returns undefined when no rows can show it. */
export function treeOf(condition: unknown, newId: NewId): ConditionTree | undefined {
  if (condition === null || condition === undefined) {
    return { id: newId(), join: "all", rows: [] };
  }
  const group = groupOf(condition, newId, (row) => rowOf(row, newId));
  if (group !== undefined) return group;
  const single = comparisonOf(condition, newId);
  return single === undefined ? undefined : { id: newId(), join: "all", rows: [single] };
}

function groupOf<Row>(
  value: unknown,
  newId: NewId,
  read: (row: unknown) => Row | undefined,
): Group<Row> | undefined {
  if (!isItem(value)) return undefined;
  const join = Array.isArray(value.all) ? "all" : Array.isArray(value.any) ? "any" : undefined;
  if (join === undefined) return undefined;
  const given = value[join];
  const rows = Array.isArray(given) ? given.map(read) : [];
  const known = rows.filter((row) => row !== undefined);
  return known.length === rows.length ? { id: newId(), join, rows: known } : undefined;
}

const rowOf = (value: unknown, newId: NewId): ConditionRow | undefined =>
  comparisonOf(value, newId) ?? groupOf(value, newId, (row) => comparisonOf(row, newId));

function comparisonOf(value: unknown, newId: NewId): Comparison | undefined {
  if (!isItem(value)) return undefined;
  const negated = isItem(value.not);
  const leaf = isItem(value.not) ? value.not : value;
  if (typeof leaf.field !== "string" || typeof leaf.operator !== "string") return undefined;
  return {
    ...{ id: newId(), field: leaf.field, operator: leaf.operator, negated },
    name: typeof leaf.name === "string" ? leaf.name : "",
    values: Array.isArray(leaf.values) ? leaf.values.map(String).join("\n") : "",
    ignoreCase: leaf.ignoreCase === true,
  };
}

/** The condition of rows; null for none, which is every request. */
export function conditionOf({ join, rows }: ConditionTree): Item | null {
  const conditions = rows.flatMap((row) => {
    if (!("rows" in row)) return [leafOf(row)];
    return row.rows.length === 0 ? [] : [{ [row.join]: row.rows.map(leafOf) }];
  });
  return conditions.length === 0 ? null : { [join]: conditions };
}

function leafOf({ field, name, operator, values, ignoreCase, negated }: Comparison): Item {
  const lines = values
    .split("\n")
    .map((line) => line.trim())
    // An empty value would be contained in everything.
    .filter((line) => line !== "");
  const leaf = {
    field,
    ...(NAMED.has(field) && name !== "" ? { name } : {}),
    operator,
    ...(WITHOUT_VALUES.has(operator) ? {} : { values: lines }),
    ...(ignoreCase && !WITHOUT_CASE.has(operator) ? { ignoreCase } : {}),
  };
  return negated ? { not: leaf } : leaf;
}
