/** A filter of a list as a condition over a column of the lake; its values stay parameters. */
import type { Filter } from "../operation.ts";

export type LakeColumn = {
  /** A column, or an expression over columns: a constant of the code, never a caller's text. */
  readonly sql: string;
  readonly type: "String" | "Float64" | `UInt${8 | 16 | 32 | 64}`;
  /** The column holds several; a filter asks whether one of them is meant. */
  readonly isList?: boolean;
};

/** The filter does not fit its column; `part` names the field of the filter. */
export class FilterError extends RangeError {
  override readonly name = "FilterError";
  readonly part: "values" | "operator";
  constructor(part: "values" | "operator", message: string) {
    super(message);
    this.part = part;
  }
}

/** Largest number that a filter may hold, by type; counts of rows are below 2^53. */
const NUMBER_MAX = {
  UInt8: 255,
  UInt16: 65_535,
  UInt32: 4_294_967_295,
  UInt64: Number.MAX_SAFE_INTEGER,
  Float64: Number.MAX_SAFE_INTEGER,
} as const;
const COMPARISONS = { gt: ">", ge: ">=", lt: "<", le: "<=" } as const;

function numbersOf(values: readonly string[], type: keyof typeof NUMBER_MAX): number[] {
  const pattern = type === "Float64" ? /^\d{1,16}(?:\.\d{1,9})?$/ : /^\d{1,16}$/;
  const kind = type === "Float64" ? "number" : "whole number";
  return values.map((value) => {
    if (pattern.test(value) && Number(value) <= NUMBER_MAX[type]) return Number(value);
    throw new FilterError("values", `"${value}" is no ${kind} from 0 to ${NUMBER_MAX[type]}`);
  });
}

/**
 * The condition, and the value of its one parameter.
 *
 * @param name of the parameter; the caller gives each filter of a query another.
 * @throws FilterError when the values or the operator do not fit the column.
 */
export function lakeCondition(
  { operator = "eq", values }: Filter,
  { column, name }: { readonly column: LakeColumn; readonly name: string },
): { readonly sql: string; readonly value: string | number | string[] | number[] } {
  const { sql, type, isList = false } = column;
  if (operator === "eq" || operator === "ne") {
    const value = type === "String" ? values : numbersOf(values, type);
    const list = `{${name}:Array(${type})}`;
    const test = isList ? `hasAny(${sql}, ${list})` : `${sql} IN ${list}`;
    return { sql: operator === "eq" ? test : `NOT (${test})`, value };
  }
  if (operator === "contains" || operator === "startsWith") {
    if (type !== "String") numbersOf(values, type);
    // Any of the values, as with eq.
    const call = operator === "contains" ? "positionCaseInsensitive" : "startsWith";
    const found = `${call}(toString(${sql}), one)${operator === "contains" ? " > 0" : ""}`;
    return { sql: `arrayExists(one -> ${found}, {${name}:Array(String)})`, value: values };
  }
  if (isList) throw new FilterError("operator", "can be compared by eq and ne only");
  const [first = ""] = type === "String" ? values : numbersOf(values, type);
  return { sql: `${sql} ${COMPARISONS[operator]} {${name}:${type}}`, value: first };
}
