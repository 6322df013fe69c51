/** The list page of any resource: filter, order, pages, selection and what to do when empty. */
import Pagination from "@cloudscape-design/components/pagination";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
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

function useColumns(shown: Shown, { sortField }: TableState) {
  const { label } = useWords();
  const { resource, filterable, sortable } = shown;
  const definitions = resource.columns.map((column, at) => ({
    id: column,
    header: label(column),
    cell: (item: Item) => <Cell shown={shown} column={column} item={item} first={at === 0} />,
    isRowHeader: column === resource.titleField,
    ...(sortable && filterable.includes(column) ? { sortingField: column } : {}),
  }));
  return { definitions, sorting: definitions.find(({ id }) => id === sortField) };
}

export default function ResourceTable({ shown, fixed, always, embedded = false }: TableProps) {
  const { t } = useWords();
  const { resource, filterable } = shown;
  const state = useTableState(shown, { fixed: fixed ?? NOTHING, always: always ?? [] });
  const [preferences, setPreferences] = useTablePreferences(resource);
  const { pageSize, columns, wrapLines } = preferences;
  const query = usePageOfItems(shown, state.search, state.page, pageSize);
  const items = query.data === undefined ? [] : itemsOf(query.data);
  const total = Number(query.data?.totalCount ?? 0);
  const { definitions, sorting } = useColumns(shown, state);
  const selected = items.filter((item) => String(item[resource.idField]) === state.row);
  const hasActions =
    resource.delete !== undefined ||
    itemActions(shown).length > 0 ||
    statusChoices(shown).length > 0;
  return (
    <Table
      variant={embedded === false ? "full-page" : "container"}
      stickyHeader={embedded === false}
      enableKeyboardNavigation
      wrapLines={wrapLines}
      trackBy={(item) => String(item[resource.idField])}
      items={query.isError ? [] : items}
      loading={query.isPending}
      loadingText={t("loading")}
      columnDefinitions={definitions}
      columnDisplay={columns}
      {...(hasActions ? { selectionType: "single" as const } : {})}
      ariaLabels={{
        selectionGroupLabel: t("selection"),
        itemSelectionLabel: (_state, item) => nameOf(shown, item),
        tableLabel: resource.name,
      }}
      selectedItems={selected}
      onSelectionChange={({ detail }) =>
        state.setRow(String(detail.selectedItems[0]?.[resource.idField] ?? ""))
      }
      {...(sorting === undefined ? {} : { sortingColumn: sorting })}
      sortingDescending={state.descending}
      onSortingChange={({ detail }) =>
        state.setSort(detail.sortingColumn.sortingField ?? "", detail.isDescending === true)
      }
      header={
        <TableHeader
          {...{ shown, total, embedded, search: state.search }}
          item={selected[0]}
          columns={columns.filter(({ visible }) => visible).map(({ id }) => id)}
          updatedAt={query.dataUpdatedAt}
          refresh={() => void query.refetch()}
          cleared={() => state.setRow("")}
        />
      }
      filter={
        filterable.length === 0 ? undefined : (
          <ResourceFilter {...{ shown, items }} tokens={state.tokens} setTokens={state.setTokens} />
        )
      }
      pagination={
        <Pagination
          currentPageIndex={state.page}
          pagesCount={Math.max(1, Math.ceil(total / pageSize))}
          onChange={({ detail }) => state.setPage(detail.currentPageIndex)}
        />
      }
      preferences={
        <TablePreferences {...{ preferences, setPreferences }} titleField={resource.titleField} />
      }
      empty={
        <ResourceEmpty
          shown={shown}
          error={query.error}
          filtered={state.tokens.length > 0}
          clearFilter={() => state.setTokens([])}
          retry={() => void query.refetch()}
        />
      }
    />
  );
}
