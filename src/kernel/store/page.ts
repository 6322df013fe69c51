/** Pages, filters and sorts of list operations over rows that fit in memory of one account. */
import type { Filter, ListInput, Sort } from "../operation.ts";
import { limits } from "../operation.ts";
import { Problem } from "../problem.ts";

export type Page<Item> = { readonly items: Item[]; readonly totalCount: number };

/** SQL limit and offset of a page. */
export function pageOf(input: ListInput): { limit: number; offset: number } {
  const limit = input.pageSize ?? limits.pageSizeDefault;
  return { limit, offset: ((input.pageNumber ?? 1) - 1) * limit };
}

/**
 * Filters, sorts and pages items that are already loaded; for resources whose number per account
 * has a small limit.
 *
 * @throws Problem kernel.inputInvalid when a filter or sort names no field of the items.
 */
export function pageInMemory<Item extends object>(
  items: readonly Item[],
  input: ListInput,
  fields: readonly string[],
): Page<Item> {
  const chosen = items.filter((item) =>
    (input.filters ?? []).every((filter, at) =>
      matches(item, checked(filter, fields, `/filters/${at}`)),
    ),
  );
  for (const [at, sort] of [...(input.sorts ?? [])].reverse().entries()) {
    checked(sort, fields, `/sorts/${at}`);
    chosen.sort((left, right) => compare(left, right, sort));
  }
  const { limit, offset } = pageOf(input);
  return { items: chosen.slice(offset, offset + limit), totalCount: chosen.length };
}

function checked<Named extends { name: string }>(
  named: Named,
  fields: readonly string[],
  path: string,
): Named {
  if (fields.includes(named.name)) return named;
  const message = `"${named.name}" is no field here; fields are ${fields.join(", ")}`;
  throw new Problem("kernel.inputInvalid", { details: [{ path: `${path}/name`, message }] });
}

function fieldOf(item: object, name: string): unknown {
  return Object.hasOwn(item, name) ? Reflect.get(item, name) : undefined;
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  return [value === null || value === undefined ? "" : String(value)];
}

function matches(item: object, filter: Filter): boolean {
  const texts = textsOf(fieldOf(item, filter.name));
  const some = (test: (text: string, wanted: string) => boolean) =>
    texts.some((text) => filter.values.some((wanted) => test(text, wanted)));
  switch (filter.operator ?? "eq") {
    case "eq":
      return some((text, wanted) => text === wanted);
    case "ne":
      return !some((text, wanted) => text === wanted);
    case "contains":
      return some((text, wanted) => text.toLowerCase().includes(wanted.toLowerCase()));
    case "startsWith":
      return some((text, wanted) => text.startsWith(wanted));
    case "gt":
      return some((text, wanted) => order(text, wanted) > 0);
    case "ge":
      return some((text, wanted) => order(text, wanted) >= 0);
    case "lt":
      return some((text, wanted) => order(text, wanted) < 0);
    case "le":
      return some((text, wanted) => order(text, wanted) <= 0);
  }
}

function order(left: string, right: string): number {
  const numbers = [Number(left), Number(right)] as const;
  if (left !== "" && right !== "" && numbers.every(Number.isFinite)) return numbers[0] - numbers[1];
  return left < right ? -1 : left > right ? 1 : 0;
}

function compare(left: object, right: object, { name, direction }: Sort): number {
  const sign = direction === "desc" ? -1 : 1;
  return sign * order(textsOf(fieldOf(left, name)).join(), textsOf(fieldOf(right, name)).join());
}
