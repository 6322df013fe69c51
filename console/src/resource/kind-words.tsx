/** A thing of one of several kinds, such as a rule's action: its kind, then its fields in words. */
import { useWords } from "../language.tsx";
import type { Shown } from "./object-rows.tsx";
import type { Item } from "./resources.ts";

/** `Value` shows one value; passed in, since it shows kinds itself. */
type Props = { readonly item: Item; readonly Value: Shown };

export default function KindWords({ item, Value }: Props) {
  const { valueText } = useWords();
  const { kind, ...rest } = item;
  return (
    <>
      {valueText(String(kind))}
      <FieldWords item={rest} Value={Value} />
    </>
  );
}

const isGroup = (value: unknown): value is Item =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function FieldWords({ item, Value }: Props) {
  const { t, label } = useWords();
  const fields = Object.entries(item);
  if (fields.length === 0) return null;
  return (
    <ul className="outline">
      {fields.map(([field, value]) => (
        <li key={field}>
          {t("fieldIs", { field: label(field) })}{" "}
          {isGroup(value) ? (
            <FieldWords item={value} Value={Value} />
          ) : (
            <Value field={field} value={value} />
          )}
        </li>
      ))}
    </ul>
  );
}
