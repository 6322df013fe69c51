/** Every field of an item with its label; each value can be copied and asked about. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useWords } from "../language.tsx";
import { isCoding } from "./answer-fields.ts";
import { countHref } from "./counts.ts";
import { allShown, type Item } from "./resources.ts";
import { flatText, Value } from "./value.tsx";
import { Asked } from "./value-menu.tsx";

type Props = { readonly item: Item; readonly resource?: string; readonly columns?: number };

/** JSON needs the whole width, so it stands below the short values. */
function isLarge(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\n");
  if (Array.isArray(value)) return value.some((one) => typeof one === "object");
  return typeof value === "object" && value !== null && flatText(value) === undefined;
}

export function Fields({ item, resource = "", columns = 3 }: Props) {
  const { t, label, told } = useWords();
  const entries = Object.entries(item).filter(([field]) => !isCoding(field));
  const idField = allShown.find((shown) => shown.resource.name === resource)?.resource.idField;
  const shown = (field: string, value: unknown) => {
    const href = countHref({ resource, field, item });
    const inside = <Value field={field} value={told(item, field)} own={field === idField} />;
    return (
      <Asked field={field} value={value} told={told(item, field)}>
        {href === undefined ? inside : <Link href={href}>{inside}</Link>}
      </Asked>
    );
  };
  const pairs = (large: boolean) =>
    entries
      .filter(([, value]) => isLarge(value) === large)
      .map(([field, value]) => ({ label: label(field), value: shown(field, value) }));
  const larges = pairs(true);
  return (
    <Container header={<Header variant="h2">{t("details")}</Header>}>
      <SpaceBetween size="l">
        <KeyValuePairs columns={columns} items={pairs(false)} />
        {larges.length === 0 ? null : <KeyValuePairs columns={1} items={larges} />}
      </SpaceBetween>
    </Container>
  );
}
