/**
 * A condition as rows of a form: comparisons, and groups of rows within groups. What was read and
 * not changed is written as it was, so opening a rule changes nothing of it.
 */
import type { FieldSchema } from "./field-schema.ts";
import type { Item } from "./resources.ts";

type Row = {
  /** Its own while the form is open: rows are removed. */
  readonly id: string;
  /** How many times `not` stands around it: an odd number negates. */
  readonly nots: number;
};
export type Comparison = Row & {
  readonly field: string;
  readonly name: string;
  readonly operator: string;
  /** As typed: one value a line. */
  readonly values: string;
  readonly ignoreCase: boolean;
  /** The comparison as it was read; absent for a new one. */
  readonly given?: Item;
};
export type Group = Row & {
  readonly join: "all" | "any";
  readonly rows: readonly ConditionRow[];
};
export type ConditionRow = Comparison | Group;
/** The whole: its outermost group. */
export type ConditionTree = Group & {
  /** One row alone stands for the whole and is no group of one. */
  readonly isBare: boolean;
};

/** What a condition may hold, as its schema says. */
export type ConditionWords = {
  readonly fields: readonly string[];
  readonly operators: readonly string[];
  /** How deep `all`, `any` and `not` may stand in each other. */
  readonly depthMax: number;
  readonly rowsMax: number;
};

/** Fields that need the name of one: which header, which parameter. */
export const NAMED = new Set(["query", "header", "cookie", "bodyField"]);
/** Operators that compare with nothing, and those that know no case. */
export const WITHOUT_VALUES = new Set(["exists"]);
export const WITHOUT_CASE = new Set([
  ...["inCidr", "inList", "exists", "longerThan", "shorterThan"],
]);
const DEPTH_MAX = 16;

const isItem = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isGroup = (row: ConditionRow): row is Group => "rows" in row;
export const isNegated = ({ nots }: Row): boolean => nots % 2 === 1;
/** The same row, negated or not; a negation of a negation goes with it. */
export const negate = <Kind extends Row>(row: Kind, negated: boolean): Kind => ({
  ...row,
  nots: negated ? 1 : 0,
});

const variantWith = ({ anyOf = [] }: FieldSchema, name: string): FieldSchema | undefined =>
  anyOf.find(({ properties = {} }) => Object.hasOwn(properties, name))?.properties?.[name];

/** True for a schema of comparisons in groups of all and any. */
export const isCondition = (schema: FieldSchema): boolean =>
  ["operator", "all", "any"].every((name) => variantWith(schema, name) !== undefined);

/** The words, the depth and the width that a condition's schema knows. */
export function conditionWords(schema: FieldSchema): ConditionWords {
  let depthMax = 0;
  for (let inner = variantWith(schema, "not"); inner !== undefined && depthMax < DEPTH_MAX; ) {
    depthMax++;
    inner = variantWith(inner, "not");
  }
  return {
    fields: variantWith(schema, "field")?.enum ?? [],
    operators: variantWith(schema, "operator")?.enum ?? [],
    depthMax,
    rowsMax: variantWith(schema, "all")?.maxItems ?? Number.MAX_SAFE_INTEGER,
  };
}

export const newComparison = (id: string): Comparison => ({
  ...{ id, field: "path", name: "", operator: "startsWith", values: "" },
  ...{ ignoreCase: false, nots: 0 },
});

/** How many levels of `all`, `any` and `not` a row takes. */
export const depthOf = (row: ConditionRow): number =>
  row.nots + (isGroup(row) ? 1 + Math.max(0, ...row.rows.map(depthOf)) : 0);

type NewId = () => string;

/** Rows of a condition; null: every request. @returns undefined when no rows can show it. */
export function treeOf(condition: unknown, newId: NewId): ConditionTree | undefined {
  const empty = { id: newId(), join: "all", nots: 0, isBare: true } as const;
  if (condition === null || condition === undefined) return { ...empty, rows: [] };
  const row = rowOf(condition, newId);
  if (row === undefined) return undefined;
  return isGroup(row) ? { ...row, isBare: false } : { ...empty, rows: [row] };
}

function rowOf(value: unknown, newId: NewId): ConditionRow | undefined {
  if (!isItem(value)) return undefined;
  let inner = value;
  let nots = 0;
  while (isItem(inner.not) && nots < DEPTH_MAX) {
    inner = inner.not;
    nots++;
  }
  const join = Array.isArray(inner.all) ? "all" : "any";
  const given = inner[join];
  if (!Array.isArray(given)) return comparisonOf(inner, { id: newId(), nots });
  const rows = given.flatMap((one) => rowOf(one, newId) ?? []);
  return rows.length === given.length ? { id: newId(), nots, join, rows } : undefined;
}

function comparisonOf(given: Item, row: Row): Comparison | undefined {
  const { field, operator, values = [] } = given;
  if (typeof field !== "string" || typeof operator !== "string") return undefined;
  const texts = Array.isArray(values) ? values.map(String) : [];
  // A value of several lines would become several values.
  if (texts.some((text) => text.includes("\n"))) return undefined;
  return {
    ...{ ...row, field, operator, given },
    name: typeof given.name === "string" ? given.name : "",
    values: texts.join("\n"),
    ignoreCase: given.ignoreCase === true,
  };
}

/** The condition of rows; null for none, which is every request. */
export function conditionOf({ isBare, ...root }: ConditionTree): Item | null {
  const [only, ...others] = itemsOf(root.rows);
  if (only === undefined) return null;
  if (isBare && others.length === 0) return negated(only, root.nots);
  return negated({ [root.join]: [only, ...others] }, root.nots);
}

function negated(item: Item, nots: number): Item {
  return nots === 0 ? item : { not: negated(item, nots - 1) };
}

/** Groups of nothing are left out. */
function itemsOf(rows: readonly ConditionRow[]): Item[] {
  return rows.flatMap((row): Item[] => {
    if (!isGroup(row)) return [negated(leafOf(row), row.nots)];
    const items = itemsOf(row.rows);
    return items.length === 0 ? [] : [negated({ [row.join]: items }, row.nots)];
  });
}

function leafOf(row: Comparison): Item {
  const { field, name, operator, ignoreCase, given } = row;
  const before = given === undefined ? undefined : comparisonOf(given, { id: "", nots: 0 });
  const isSame = (key: "field" | "name" | "operator" | "values" | "ignoreCase") =>
    before?.[key] === row[key];
  if (given !== undefined && isSame("field") && isSame("name") && isSame("operator")) {
    if (isSame("values") && isSame("ignoreCase")) return given;
  }
  return {
    field,
    ...(NAMED.has(field) && name !== "" ? { name } : {}),
    operator,
    ...(WITHOUT_VALUES.has(operator) ? {} : { values: valuesOf(row) }),
    ...(ignoreCase && !WITHOUT_CASE.has(operator) ? { ignoreCase } : {}),
  };
}

/** The lines as values; those that were read keep the spaces around them. */
function valuesOf({ values, given = {} }: Comparison): string[] {
  const before = new Set(Array.isArray(given.values) ? given.values.map(String) : []);
  return (
    values
      .split("\n")
      .map((line) => (before.has(line) ? line : line.trim()))
      // An empty value would be contained in everything.
      .filter((line) => line !== "")
  );
}
