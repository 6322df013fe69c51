/** The list page of any resource: filter, order, pages, selection and what to do when empty. */
import Pagination from "@cloudscape-design/components/pagination";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { callAny } from "../api/client.ts";
import { useWords, WordsOf } from "../language.tsx";
import type { FilterToken } from "./filter-text.ts";
import { itemActions, statusChoices } from "./resource-actions.ts";
import { ResourceEmpty } from "./resource-empty.tsx";
import { ResourceFilter } from "./resource-filter.tsx";
import { type Item, itemsOf, nameOf, operationOf, type Shown } from "./resources.ts";
import { Cell } from "./table-cell.tsx";
import { TableHeader } from "./table-header.tsx";
import { TablePreferences, useTablePreferences } from "./table-preferences.tsx";
import { type TableState, useTableState } from "./table-state.ts";

const NOTHING: Item = {};
const REFRESH_MS = 10_000;
/** A longer value is cut; the whole of it stands in the tip and in the value's menu. */
const CELL_PIXELS_MAX = 340;

export type TableProps = {
  readonly shown: Shown;
  /** Input that the page gives, such as a time range. */
  readonly fixed?: Item;
  /** Filters that the page gives, such as the site it is about. */
  readonly always?: readonly FilterToken[];
  /** A part of a page and not the page; "page" when it is the first of it. */
  readonly embedded?: boolean | "page";
};

function usePageOfItems(shown: Shown, search: Item, pageNumber: number, pageSize: number) {
  const list = operationOf(shown, "list");
  const input = { ...search, pageNumber, pageSize };
  return useQuery({
    queryKey: [shown.resource.name, input],
    queryFn: () => (list === undefined ? NOTHING : callAny(list, input)),
    refetchInterval: REFRESH_MS,
    // The old rows stay while the next page loads, so that the page does not jump.
    placeholderData: (before) => before,
  });
}

function useColumns(shown: Shown, { sortField, tokens }: TableState) {
  const { label } = useWords();
  const { resource, filterable, sortable } = shown;
  const definitions = resource.columns.map((column, at) => ({
    id: column,
    header: label(column),
    cell: (item: Item) => <Cell {...{ shown, column, item }} first={at === 0} within={tokens} />,
    isRowHeader: column === resource.titleField,
    maxWidth: CELL_PIXELS_MAX,
    ...(sortable && filterable.includes(column) ? { sortingField: column } : {}),
  }));
  return { definitions, sorting: definitions.find(({ id }) => id === sortField) };
}

/** The parts of a list around its rows, and how rows are chosen. */
function useParts({ shown, fixed, always, embedded = false }: TableProps) {
  const { resource, filterable } = shown;
  const state = useTableState(shown, { fixed: fixed ?? NOTHING, always: always ?? [] });
  const [preferences, setPreferences] = useTablePreferences(resource);
  const { pageSize, columns } = preferences;
  const query = usePageOfItems(shown, state.search, state.page, pageSize);
  const items = query.data === undefined ? [] : itemsOf(query.data);
  const total = Number(query.data?.totalCount ?? 0);
  const selected = items.filter((item) => String(item[resource.idField]) === state.row);
  const refresh = () => void query.refetch();
  const header = (
    <TableHeader
      {...{ shown, total, embedded, search: state.search, refresh }}
      item={selected[0]}
      columns={columns.filter(({ visible }) => visible).map(({ id }) => id)}
      updatedAt={query.dataUpdatedAt}
      cleared={() => state.setRow("")}
    />
  );
  const filter =
    filterable.length === 0 ? undefined : (
      <ResourceFilter {...{ shown, items }} tokens={state.tokens} setTokens={state.setTokens} />
    );
  const pagination = (
    <Pagination
      currentPageIndex={state.page}
      pagesCount={Math.max(1, Math.ceil(total / pageSize))}
      onChange={({ detail }) => state.setPage(detail.currentPageIndex)}
    />
  );
  const choice = (
    <TablePreferences {...{ preferences, setPreferences }} titleField={resource.titleField} />
  );
  const empty = (
    <ResourceEmpty
      shown={shown}
      error={query.error}
      filtered={state.tokens.length > 0}
      clearFilter={() => state.setTokens([])}
      retry={refresh}
    />
  );
  const parts = { header, filter, pagination, preferences: choice, empty };
  return { state, query, items: query.isError ? [] : items, selected, preferences, parts };
}

/** True when a row can be chosen because something can be done with it. */
function hasActions(shown: Shown): boolean {
  return (
    shown.resource.delete !== undefined ||
    itemActions(shown).length > 0 ||
    statusChoices(shown).length > 0
  );
}

export default function ResourceTable(props: TableProps) {
  return (
    <WordsOf service={props.shown.contract.service}>
      <ItemTable {...props} />
    </WordsOf>
  );
}

function ItemTable(props: TableProps) {
  const { t, told, resourceTitle } = useWords();
  const { shown, embedded = false } = props;
  const { resource } = shown;
  const { state, query, items, selected, preferences, parts } = useParts(props);
  const { definitions, sorting } = useColumns(shown, state);
  const idOf = (item: Item | undefined) => String(item?.[resource.idField] ?? "");
  return (
    <Table
      variant={embedded === false ? "full-page" : "container"}
      stickyHeader={embedded === false}
      enableKeyboardNavigation
      wrapLines={preferences.wrapLines}
      trackBy={idOf}
      items={items}
      loading={query.isPending}
      loadingText={t("loading")}
      columnDefinitions={definitions}
      columnDisplay={preferences.columns}
      {...(hasActions(shown) ? { selectionType: "single" as const } : {})}
      ariaLabels={{
        selectionGroupLabel: t("selection"),
        itemSelectionLabel: (_state, item) => nameOf(shown, item, told),
        tableLabel: resourceTitle(resource.name),
      }}
      selectedItems={selected}
      onSelectionChange={({ detail }) => state.setRow(idOf(detail.selectedItems[0]))}
      {...(sorting === undefined ? {} : { sortingColumn: sorting })}
      sortingDescending={state.descending}
      onSortingChange={({ detail }) =>
        state.setSort(detail.sortingColumn.sortingField ?? "", detail.isDescending === true)
      }
      {...parts}
    />
  );
}
