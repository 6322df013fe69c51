/** One cell of a list: the value, the way to what it names, and what can be done with it. */
import Link from "@cloudscape-design/components/link";
import { useWords } from "../language.tsx";
import { countHref } from "./counts.ts";
import type { FilterToken } from "./filter-text.ts";
import type { Item, Shown } from "./resources.ts";
import { Value } from "./value.tsx";
import { Asked } from "./value-menu.tsx";

type Props = {
  readonly shown: Shown;
  readonly column: string;
  readonly item: Item;
  readonly first: boolean;
  /** Filters of the list. */
  readonly within: readonly FilterToken[];
};

export function Cell({ shown, column, item, first, within }: Props) {
  const { t, told, valueText } = useWords();
  const { resource, path } = shown;
  const value = item[column];
  // Of several kinds of one thing, a list says which; its page says all.
  const kind = kindOf(value);
  const inside =
    kind === undefined ? (
      <Value field={column} value={told(item, column)} own={column === resource.idField} />
    ) : (
      valueText(kind)
    );
  const id = item[resource.idField];
  const opens = resource.get !== undefined && (first || column === resource.titleField);
  const href = opens
    ? `/${path}/${encodeURIComponent(String(id))}`
    : countHref({ resource: resource.name, field: column, item, within });
  const shownValue =
    href === undefined || (column === resource.idField && !first) ? (
      inside
    ) : (
      <Link href={href} ariaLabel={value === "" || value === null ? t("details") : undefined}>
        {inside}
      </Link>
    );
  return (
    <Asked field={column} value={value} told={told(item, column)}>
      {shownValue}
    </Asked>
  );
}

function kindOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value)) return undefined;
  return typeof value.kind === "string" ? value.kind : undefined;
}
