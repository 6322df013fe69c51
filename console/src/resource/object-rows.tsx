/** Several small objects of one shape as a table: one row each, a column for each field. */
import Table from "@cloudscape-design/components/table";
import type { ComponentType } from "react";
import { useWords } from "../language.tsx";
import type { Item } from "./resources.ts";

export type Shown = ComponentType<{ readonly field: string; readonly value: unknown }>;
/** `Value` shows one value; passed in, since it shows rows itself. */
type Props = {
  /** What the rows are, for who hears the page: several such tables may stand on it. */
  readonly title: string;
  readonly items: readonly Item[];
  readonly Value: Shown;
};

/** Narrower columns break words. */
const COLUMN_PIXELS_MIN = 110;

export default function ObjectRows({ title, items, Value }: Props) {
  const { label } = useWords();
  const fields = [...new Set(items.flatMap((item) => Object.keys(item)))];
  return (
    <Table
      variant="embedded"
      wrapLines
      ariaLabels={{ tableLabel: title }}
      items={items}
      columnDefinitions={fields.map((field) => ({
        id: field,
        header: label(field),
        minWidth: COLUMN_PIXELS_MIN,
        cell: (item: Item) => <Value field={field} value={item[field]} />,
      }))}
    />
  );
}
