/** Items that came with something else, as a plain table: no filter, no pages. */
import Header from "@cloudscape-design/components/header";
import Link from "@cloudscape-design/components/link";
import Table from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { useWords } from "../language.tsx";
import { countHref } from "./counts.ts";
import type { Item } from "./resources.ts";
import { Value } from "./value.tsx";
import { Asked } from "./value-menu.tsx";

type Props = {
  readonly title: string;
  readonly items: readonly Item[];
  readonly columns: readonly string[];
  readonly resource?: string;
  readonly empty?: ReactNode;
  /** A column of numbers that are seen as bars as well. */
  readonly barOf?: string;
};

/** Narrower columns break words. */
const COLUMN_PIXELS_MIN = 110;
const TITLE_PIXELS_MIN = 220;
/** An address of IPv4, or what a rule names of a request, in one line. */
const ADDRESS_PIXELS_MIN = 150;
const ONE_LINE = ["sourceIp", "variable"];

export function Rows({ title, items, columns, resource = "", empty, barOf = "" }: Props) {
  const { t, label, told } = useWords();
  const barMax = Math.max(1, ...items.map((item) => Number(item[barOf] ?? 0)));
  const definitions = columns.map((id) => ({
    id,
    header: label(id),
    minWidth:
      id === "title" || id === barOf
        ? TITLE_PIXELS_MIN
        : ONE_LINE.includes(id)
          ? ADDRESS_PIXELS_MIN
          : COLUMN_PIXELS_MIN,
    cell: (item: Item): ReactNode => {
      const value = <Value field={id} value={told(item, id)} />;
      const href = countHref({ resource, field: id, item });
      return (
        <Asked field={id} value={item[id]} told={told(item, id)}>
          {href === undefined ? value : <Link href={href}>{value}</Link>}
          {id === barOf ? <Bar value={Number(item[id])} max={barMax} /> : null}
        </Asked>
      );
    },
  }));
  return (
    <Table
      wrapLines
      enableKeyboardNavigation
      ariaLabels={{ tableLabel: title }}
      header={
        <Header variant="h2" counter={`(${items.length})`}>
          {title}
        </Header>
      }
      items={items}
      columnDefinitions={definitions}
      empty={empty ?? t("empty")}
    />
  );
}

/** How much of the most it is; the number stands beside it, so nobody has to hear it twice. */
const Bar = ({ value, max }: { value: number; max: number }) => (
  <meter className="share" aria-hidden="true" {...{ value, max }} />
);
