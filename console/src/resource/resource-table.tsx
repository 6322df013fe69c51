/** The list page of any resource: filter, sort, pages, selection and what to do when empty. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Pagination from "@cloudscape-design/components/pagination";
import PropertyFilter, {
  type PropertyFilterProps,
} from "@cloudscape-design/components/property-filter";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { callAny } from "../api/client.ts";
import { useWords } from "../language.tsx";
import { navigate, useQueryValue } from "../location.ts";
import { Failure } from "../shell/failure.tsx";
import { useNotices } from "../shell/notices.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import { type Item, itemsOf, operationOf, type Shown } from "./resources.ts";
import { Value } from "./value.tsx";

type Filters = PropertyFilterProps.Query;
const NOTHING: Item = {};
const NO_FILTERS: Filters = { tokens: [], operation: "and" };
const OPERATORS: Readonly<Record<string, string>> = {
  "=": "eq",
  "!=": "ne",
  ":": "contains",
  "^": "startsWith",
  ">": "gt",
  "<": "lt",
};

function filtersFrom(text: string): Filters {
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed)) return { tokens: parsed, operation: "and" };
  } catch {
    // An address written by hand: no filter is the safe reading.
  }
  return NO_FILTERS;
}

function filterInput({ tokens }: Filters, firstField: string) {
  return tokens.map(({ propertyKey, operator, value }) => ({
    name: propertyKey ?? firstField,
    values: [String(value)],
    operator: OPERATORS[operator] ?? "contains",
  }));
}

export type TableProps = { readonly shown: Shown; readonly fixed?: Item };

export default function ResourceTable({ shown, fixed = {} }: TableProps) {
  const words = useWords();
  const { t, label, resourceTitle } = words;
  const { resource, filterable, path } = shown;
  const [page, setPage] = useQueryValue("page");
  const [filterText, setFilterText] = useQueryValue("filter");
  const [sort, setSort] = useQueryValue("sort");
  const [pageSize, setPageSize] = useState(20);
  const [visible, setVisible] = useState<readonly string[]>(resource.columns);
  const [selected, setSelected] = useState<Item[]>([]);
  const filters = filtersFrom(filterText);
  const sortField = sort.replace(/^-/, "");
  const input = {
    ...fixed,
    pageNumber: page === "" ? 1 : Number(page),
    pageSize,
    filters: filterInput(filters, filterable[0] ?? ""),
    sorts:
      sort === "" ? [] : [{ name: sortField, direction: sort.startsWith("-") ? "desc" : "asc" }],
  };
  const list = operationOf(shown, "list");
  const query = useQuery({
    queryKey: [resource.name, input],
    queryFn: () => (list === undefined ? NOTHING : callAny(list, input)),
    refetchInterval: 10_000,
  });
  const total = Number(query.data?.totalCount ?? 0);
  const columnDefinitions = resource.columns.map((column, at) => ({
    id: column,
    header: label(column),
    cell: (item: Item) => <Cell shown={shown} column={column} item={item} first={at === 0} />,
    ...(filterable.includes(column) ? { sortingField: column } : {}),
  }));
  return (
    <Table
      variant="full-page"
      stickyHeader
      trackBy={(item) => String(item[resource.idField])}
      items={query.data === undefined ? [] : itemsOf(query.data)}
      loading={query.isPending}
      loadingText={t("loading")}
      columnDefinitions={columnDefinitions}
      columnDisplay={resource.columns.map((id) => ({ id, visible: visible.includes(id) }))}
      {...(resource.delete === undefined ? {} : { selectionType: "single" as const })}
      ariaLabels={{
        selectionGroupLabel: t("selection"),
        itemSelectionLabel: (_state, item) => String(item[resource.idField]),
      }}
      selectedItems={selected}
      onSelectionChange={({ detail }) => setSelected(detail.selectedItems)}
      sortingColumn={columnDefinitions.find(({ id }) => id === sortField)}
      sortingDescending={sort.startsWith("-")}
      onSortingChange={({ detail }) =>
        setSort(
          `${detail.isDescending === true ? "-" : ""}${detail.sortingColumn.sortingField ?? ""}`,
        )
      }
      header={
        <TableHeader
          {...{ shown, total, selected }}
          updatedAt={query.dataUpdatedAt}
          refresh={() => void query.refetch()}
          cleared={() => setSelected([])}
        />
      }
      filter={
        filterable.length === 0 ? undefined : (
          <PropertyFilter
            query={filters}
            onChange={({ detail }) =>
              setFilterText(detail.tokens.length === 0 ? "" : JSON.stringify(detail.tokens))
            }
            filteringPlaceholder={t("filter")}
            filteringAriaLabel={t("filter")}
            filteringProperties={filterable.map((key) => ({
              key,
              propertyLabel: label(key),
              groupValuesLabel: label(key),
              operators: ["=", "!=", ":", "^"],
            }))}
            hideOperations
          />
        )
      }
      pagination={
        <Pagination
          currentPageIndex={input.pageNumber}
          pagesCount={Math.max(1, Math.ceil(total / pageSize))}
          onChange={({ detail }) => setPage(String(detail.currentPageIndex))}
        />
      }
      preferences={
        <CollectionPreferences
          title={t("preferences")}
          preferences={{ pageSize, visibleContent: visible }}
          pageSizePreference={{
            title: t("pageSize"),
            options: [20, 50, 100].map((value) => ({ value, label: t("rows", { count: value }) })),
          }}
          visibleContentPreference={{
            title: t("columns"),
            options: [
              {
                label: t("columns"),
                options: resource.columns.map((id) => ({ id, label: label(id) })),
              },
            ],
          }}
          onConfirm={({ detail }) => {
            setPageSize(detail.pageSize ?? 20);
            setVisible(detail.visibleContent ?? resource.columns);
          }}
        />
      }
      empty={
        query.isError ? (
          <Failure error={query.error} />
        ) : (
          <SpaceBetween size="s">
            <Box>{filters.tokens.length > 0 ? t("noMatch") : t("empty")}</Box>
            {resource.create === undefined ? null : (
              <Button onClick={() => navigate(`/${path}/create`)}>
                {t("createOf", { name: resourceTitle(resource.name) })}
              </Button>
            )}
          </SpaceBetween>
        )
      }
    />
  );
}

type CellProps = { shown: Shown; column: string; item: Item; first: boolean };

function Cell({ shown: { resource, path }, column, item, first }: CellProps) {
  const value = <Value field={column} value={item[column]} />;
  const opens = resource.get !== undefined && (first || column === resource.titleField);
  if (!opens || column === resource.idField) return value;
  return (
    <Link href={`/${path}/${encodeURIComponent(String(item[resource.idField]))}`}>{value}</Link>
  );
}

type TableHeaderProps = {
  shown: Shown;
  total: number;
  selected: readonly Item[];
  updatedAt: number;
  refresh(): void;
  cleared(): void;
};

function TableHeader({ shown, total, selected, updatedAt, refresh, cleared }: TableHeaderProps) {
  const { t, resourceTitle } = useWords();
  const { succeeded, failed } = useNotices();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { resource, path, contract } = shown;
  const [item] = selected;
  const undo = contract.operations.revokeResponse;
  const revoke = async (responseId: unknown): Promise<void> => {
    try {
      if (undo !== undefined) await callAny(undo, { responseId });
      succeeded(t("undone"));
      await client.invalidateQueries();
    } catch (error) {
      failed(error);
    }
  };
  return (
    <>
      <Header
        variant="awsui-h1-sticky"
        counter={`(${total})`}
        description={t("updatedAgo", {
          seconds: Math.max(0, Math.round((Date.now() - updatedAt) / 1000)),
        })}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="refresh" ariaLabel={t("refresh")} onClick={refresh} />
            {resource.delete === undefined ? null : (
              <Button disabled={item === undefined} onClick={() => setAsking(true)}>
                {t("remove")}
              </Button>
            )}
            {resource.name === "response" && item?.state === "active" ? (
              <Button onClick={() => void revoke(item.responseId)}>{t("undo")}</Button>
            ) : null}
            {resource.create === undefined ? null : (
              <Button variant="primary" onClick={() => navigate(`/${path}/create`)}>
                {t("create")}
              </Button>
            )}
          </SpaceBetween>
        }
      >
        {resourceTitle(resource.name)}
      </Header>
      {asking && item !== undefined ? (
        <DeleteDialog
          shown={shown}
          item={item}
          close={() => {
            setAsking(false);
            cleared();
          }}
        />
      ) : null}
    </>
  );
}
