/** Whether values can be shown as rows of a table. */
import type { Item } from "./resources.ts";

const COLUMNS_MAX = 7;

function isFlat(value: unknown): value is Item {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((one) => {
    const parts: readonly unknown[] = Array.isArray(one) ? one : [one];
    return parts.every((part) => typeof part !== "object" || part === null);
  });
}

/** The values as items when all are flat and have few fields; else undefined. */
export function flatItems(values: readonly unknown[]): readonly Item[] | undefined {
  const items = values.filter(isFlat);
  const fields = new Set(items.flatMap((item) => Object.keys(item)));
  return items.length === values.length && fields.size <= COLUMNS_MAX ? items : undefined;
}
