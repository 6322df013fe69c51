/** What a list shows, as the address has it: filter, order, page and the chosen row. */
import { setQueryValues, useAddress } from "../location.ts";
import { apiFilters, type FilterToken, readTokens, writeTokens } from "./filter-text.ts";
import { type Item, operationOf, type Shown } from "./resources.ts";

export type TableState = {
  readonly tokens: readonly FilterToken[];
  setTokens(tokens: readonly FilterToken[]): void;
  readonly page: number;
  setPage(page: number): void;
  readonly sortField: string;
  readonly descending: boolean;
  setSort(field: string, descending: boolean): void;
  /** Id of the chosen row, "" for none. */
  readonly row: string;
  setRow(id: string): void;
  /** The list operation's input without page and page size. */
  readonly search: Item;
};

type Options = {
  /** Input that the page gives, such as a time range. */
  readonly fixed: Item;
  /** Filters that the page gives and the person does not see. */
  readonly always: readonly FilterToken[];
};

/** The part of a list's input that the contract has a field for. */
function takes({ shown, name }: { shown: Shown; name: string }): boolean {
  return Object.hasOwn(operationOf(shown, "list")?.input.properties ?? {}, name);
}

/** The list operation's input for these tokens; free text goes where the contract has it. */
export function searchInput(
  shown: Shown,
  tokens: readonly FilterToken[],
  { fixed, always }: Options,
): Item {
  const hasText = takes({ shown, name: "text" });
  const { titleField } = shown.resource;
  const textField = shown.filterable.includes(titleField)
    ? titleField
    : (shown.filterable[0] ?? "");
  const free = tokens.filter(({ field }) => field === undefined).map(({ value }) => value);
  const named = hasText ? tokens.filter(({ field }) => field !== undefined) : tokens;
  const filters = apiFilters([...always, ...named], textField);
  return {
    ...fixed,
    ...(hasText && free.length > 0 ? { text: free.join(" ") } : {}),
    ...(filters.length > 0 ? { filters } : {}),
  };
}

/** The state of the list on this page. */
export function useTableState(shown: Shown, options: Options): TableState {
  const { searchParams } = useAddress();
  const tokens = readTokens(searchParams.get("filter") ?? "");
  const sort = searchParams.get("sort") ?? "";
  const sortField = sort.replace(/^-/, "");
  const descending = sort.startsWith("-");
  const sorted = shown.sortable && shown.filterable.includes(sortField);
  const page = Math.max(1, Math.trunc(Number(searchParams.get("page") ?? "1")) || 1);
  const sorts = [{ name: sortField, direction: descending ? "desc" : "asc" }];
  return {
    tokens,
    setTokens: (next) => setQueryValues({ filter: writeTokens(next), page: "" }),
    page,
    setPage: (next) => setQueryValues({ page: next === 1 ? "" : String(next) }),
    sortField,
    descending,
    setSort: (field, down) => setQueryValues({ sort: `${down ? "-" : ""}${field}`, page: "" }),
    row: searchParams.get("row") ?? "",
    setRow: (id) => setQueryValues({ row: id }, { replace: true }),
    search: { ...searchInput(shown, tokens, options), ...(sorted ? { sorts } : {}) },
  };
}
