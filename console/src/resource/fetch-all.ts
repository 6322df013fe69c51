/** Reads every page of a list, up to a limit. */
import type { Operation } from "../../../src/kernel/operation.ts";
import { callAny } from "../api/client.ts";
import { type Item, itemsOf } from "./resources.ts";

export const limits = { rowsMax: 10_000, pageSize: 100 } as const;

export type Fetched = { readonly rows: readonly Item[]; readonly totalCount: number };

/** @throws ApiError; AbortError when the signal ends it. */
export async function fetchAll(
  list: Operation,
  search: Item,
  { signal, progress }: { signal: AbortSignal; progress(count: number, total: number): void },
): Promise<Fetched> {
  const rows: Item[] = [];
  let totalCount = 0;
  for (let pageNumber = 1; rows.length < limits.rowsMax; pageNumber += 1) {
    signal.throwIfAborted();
    const answer = await callAny(list, { ...search, pageNumber, pageSize: limits.pageSize });
    const items = itemsOf(answer);
    totalCount = Number(answer.totalCount ?? 0);
    rows.push(...items);
    progress(rows.length, totalCount);
    if (items.length < limits.pageSize || rows.length >= totalCount) break;
  }
  return { rows: rows.slice(0, limits.rowsMax), totalCount };
}
