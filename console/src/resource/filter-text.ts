/** Filters of a list as the address carries them, and as the API takes them. */

/** Operators as a person sees them, and as the API names them. */
export const operatorNames = {
  "=": "eq",
  "!=": "ne",
  ":": "contains",
  "^": "startsWith",
  ">": "gt",
  ">=": "ge",
  "<": "lt",
  "<=": "le",
} as const;
export type FilterOperator = keyof typeof operatorNames;

/** One token; without a field it is free text. */
export type FilterToken = {
  readonly field?: string | undefined;
  readonly operator: FilterOperator;
  readonly value: string;
};

export const limits = { tokensMax: 10, valuesMax: 20 } as const;

function isOperator(text: unknown): text is FilterOperator {
  return typeof text === "string" && Object.hasOwn(operatorNames, text);
}

function tokenOf(item: unknown): FilterToken[] {
  if (!Array.isArray(item)) return [];
  const [field, operator, value] = item;
  if (typeof field !== "string" || !isOperator(operator) || typeof value !== "string") return [];
  return [{ field: field === "" ? undefined : field, operator, value }];
}

/** Reads the address; what is not a filter is left out, since people edit addresses. */
export function readTokens(text: string): readonly FilterToken[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.flatMap(tokenOf).slice(0, limits.tokensMax) : [];
  } catch {
    return [];
  }
}

/** The address form; "" for no filter. */
export function writeTokens(tokens: readonly FilterToken[]): string {
  if (tokens.length === 0) return "";
  return JSON.stringify(tokens.map(({ field, operator, value }) => [field ?? "", operator, value]));
}

export type ApiFilter = {
  readonly name: string;
  readonly values: readonly string[];
  readonly operator: (typeof operatorNames)[FilterOperator];
};

/**
 * Filters as the API takes them. Equalities on one field become one filter with several values:
 * either of them, since both at once would never match.
 */
export function apiFilters(tokens: readonly FilterToken[], textField: string): ApiFilter[] {
  const filters: ApiFilter[] = [];
  for (const { field = textField, operator, value } of tokens) {
    const name = operatorNames[operator];
    const same = filters.findIndex((one) => one.name === field && one.operator === "eq");
    const before = filters[same];
    if (name === "eq" && before !== undefined && before.values.length < limits.valuesMax) {
      filters[same] = { ...before, values: [...before.values, value] };
    } else filters.push({ name: field, values: [value], operator: name });
  }
  return filters;
}

/** Tokens with one more; the opposite of it on the same value is taken away. */
export function withToken(
  tokens: readonly FilterToken[],
  added: FilterToken,
): readonly FilterToken[] {
  const others = tokens.filter(
    ({ field, value }) => field !== added.field || value !== added.value,
  );
  return [...others, added].slice(-limits.tokensMax);
}
